"""The noise of seeds, from repeated trainings and a belief."""

from __future__ import annotations

import numpy as np
import pytest

from budgetnet.search.model.seeds import likely_noise


def test_nothing_repeated_leaves_the_belief() -> None:
    """Nothing repeated leaves the belief."""
    assert likely_noise([np.array([0.8]), np.array([0.9])], 0.02, 0.5) == 0.02
    assert likely_noise([], 0.02, 0.5) == 0.02


@pytest.mark.parametrize("true", [0.005, 0.02, 0.08])
def test_many_repetitions_outweigh_the_belief(true: float) -> None:
    """Few repetitions lie between the belief and what they show; many show the truth."""
    rng = np.random.default_rng(0)
    repeated = [0.8 + true * rng.standard_normal(2) for _ in range(400)]
    assert likely_noise(repeated, 0.02, 0.5) == pytest.approx(true, rel=0.1)
    squares = [np.array([0.8 - true / np.sqrt(2), 0.8 + true / np.sqrt(2)])] * 4
    low, high = sorted((true, 0.02))
    assert low * 0.999 <= likely_noise(squares, 0.02, 0.5) <= high * 1.001


def test_equal_accuracies_give_little_noise_but_some() -> None:
    """Seeds that agree exactly are not believed to agree always."""
    assert 0 < likely_noise([np.array([0.8, 0.8])] * 3, 0.02, 0.5) < 0.02
