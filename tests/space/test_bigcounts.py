"""Exact counts in arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetnet.space.counting.bigcounts import BigCounts


@given(st.lists(st.tuples(st.integers(0, 10**40), st.integers(1, 1000)), min_size=1, max_size=20))
def test_sums_are_exact(terms: list[tuple[int, int]]) -> None:
    """Sums of products are those of Python's whole numbers, as numbers, total and floats."""
    exact = sum(number * count for number, count in terms)
    limbs = BigCounts.for_counts(exact, sum(count for _, count in terms))
    sums = limbs.zeros(3)
    for number, count in terms:
        one = np.array(
            [[(number >> (limbs.bits * row)) & ((1 << limbs.bits) - 1)] for row in range(limbs.rows)], dtype=np.uint64
        )
        sums[:, 1:2] += one * np.uint64(count)
    limbs.carry(sums)
    assert limbs.integers(sums) == [0, exact, 0]
    assert limbs.total(sums) == exact
    assert limbs.floats(sums, 0)[1] == pytest.approx(float(exact))


def test_huge_counts_are_scaled_for_floats() -> None:
    """Counts beyond the range of floats are divided by a power of two first."""
    limbs = BigCounts.for_counts(1 << 1500, 2)
    counts = limbs.zeros(1)
    place, shift = divmod(1499, limbs.bits)
    counts[place, 0] = 1 << shift
    exponent = limbs.exponent(counts)
    assert limbs.floats(counts, exponent)[0] == 2.0 ** (1499 - exponent)
    assert limbs.integers(counts) == [1 << 1499]


def test_too_many_terms_are_refused() -> None:
    """BigCounts need room for the sum of one step."""
    with pytest.raises(ValueError, match="leave no room in a limb"):
        BigCounts.for_counts(10, 1 << 60)
