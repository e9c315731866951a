"""Rank statistics against known values, and their spread."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.calibrate.statistics import agreement, deficit
from budgetnet.records.rank_correlation import kendall, spearman


def test_known_values():
    """By hand: one swap among four, and the reverse."""
    assert spearman([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(0.8)  # 1 - 6·2 / (4·15)
    assert kendall([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)  # five pairs alike, one not
    assert spearman([1, 2, 3], [9, 5, 1]) == -1.0
    assert kendall([1, 2, 3], [9, 5, 1]) == -1.0
    assert kendall([1, 1, 2], [1, 2, 3]) == pytest.approx(2 / 6**0.5)  # tau-b: a tie is no pair of the first


def test_no_correlation_with_a_constant():
    """Where all are alike there is no order to agree on."""
    assert spearman([1, 1, 1], [1, 2, 3]) is None
    assert kendall([1, 1, 1], [1, 2, 3]) is None
    found = agreement([([1.0, 1.0, 1.0, 1.0], [0.1, 0.2, 0.3, 0.4])])
    assert (found.spearman, found.low, found.high, found.error, found.kendall) == (None,) * 5
    assert found.regret == pytest.approx(0.3)  # ties count against the score


def test_choosing_by_a_score():
    """Overlap and regret of a score that takes the second for the first and misses the third."""
    truth = [0.9, 0.8, 0.7, 0.6, 0.5]
    found = agreement([([4.0, 5.0, 1.0, 3.0, 2.0], truth)])
    assert (found.n, found.top) == (5, 3)
    assert found.overlap == pytest.approx(2 / 3)
    assert found.regret == pytest.approx(0.1)
    assert found.regret_top == 0.0


def test_repetitions_are_averaged():
    """Of two repetitions, one in the right order and one in the wrong."""
    truth = [0.1, 0.2, 0.3, 0.4]
    found = agreement([([1.0, 2.0, 3.0, 4.0], truth), ([4.0, 3.0, 2.0, 1.0], truth)])
    assert found.spearman == pytest.approx(0.0)
    assert found.regret == pytest.approx(0.15)


def test_the_interval_covers():
    """Of twenty pairs of scores with a known correlation, about nine in ten intervals hold it."""
    rng = np.random.default_rng(1)
    rho = 0.7
    true = 6 / math.pi * math.asin(rho / 2)  # Spearman's of two normals with Pearson's rho
    held = 0
    for seed in range(20):
        x = rng.standard_normal(30)
        y = rho * x + math.sqrt(1 - rho**2) * rng.standard_normal(30)
        found = agreement([(x.tolist(), y.tolist())], seed=seed)
        assert found.low is not None
        assert found.high is not None
        assert found.low <= (found.spearman or 0) <= found.high
        held += found.low <= true <= found.high
    assert held >= 14


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=4, max_size=6), st.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_resamples_are_ranked_like_samples(pairs, seed):
    """All resamples at once give what `spearman` gives of each."""
    from budgetnet.calibrate.statistics import RESAMPLES, _resampled

    first, second = (np.asarray(scores, dtype=float) for scores in zip(*pairs, strict=True))
    found = _resampled([(first.tolist(), second.tolist())], seed)
    drawn = np.random.default_rng(seed).integers(len(first), size=(RESAMPLES, len(first)))
    for value, chosen in list(zip(found, drawn, strict=True))[:50]:
        expected = spearman(first[chosen], second[chosen])
        assert value is None if expected is None else value == pytest.approx(expected, abs=1e-9)


def test_equal_seeds_give_equal_intervals():
    """Nothing depends on the clock."""
    rng = random.Random(0)
    pair = ([rng.random() for _ in range(10)], [rng.random() for _ in range(10)])
    assert agreement([pair], seed=3) == agreement([pair], seed=3)
    assert agreement([pair], seed=3) != agreement([pair], seed=4)


def test_the_distance_of_two_scores():
    """A score is no distance from itself, and a perfect one is above a poor one by more than its error."""
    truth = [float(number) for number in range(12)]
    rng = random.Random(2)
    poor = [rng.random() for _ in truth]
    good = [number + rng.random() for number in truth]
    assert deficit([(good, truth)], [(good, truth)]) == (0.0, 0.0)
    behind = deficit([(good, truth)], [(poor, truth)])
    assert behind is not None
    assert behind[0] > behind[1] > 0


@pytest.mark.parametrize("pairs", [[], [([1.0], [1.0])], [([1.0, 2.0], [1.0])]])
def test_what_cannot_be_compared(pairs):
    """Nothing, one network, or lists of different lengths."""
    with pytest.raises(ValueError, match="scores of the same two or more networks are needed"):
        agreement(pairs)
