"""Exact counts of derivations in numpy: whole numbers of any size as columns of limbs.

A row of an array holds one limb of every count, the lowest first. Limbs leave enough room at the top of 64 bits
for the sums of one step, so carries are passed on once per step, not per addition.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["BigCounts"]


@dataclass(frozen=True, slots=True)
class BigCounts:
    """Layout of counts as limbs."""

    bits: int
    """Number of bits of one limb."""
    rows: int
    """Limbs per count."""

    @staticmethod
    def for_counts(largest: int, terms: int) -> BigCounts:
        """Return a layout for counts up to *largest* that are sums of up to *terms* others."""
        bits = 63 - max(terms, 1).bit_length()
        if bits < 8:
            raise ValueError(f"sums of {terms} terms leave no room in a limb")
        return BigCounts(bits, -(-max(largest.bit_length(), 1) // bits))

    def zeros(self, size: int) -> NDArray[np.uint64]:
        """Return *size* counts of 0."""
        return np.zeros((self.rows, size), dtype=np.uint64)

    def carry(self, counts: NDArray[np.uint64]) -> None:
        """Bring all limbs back below their bits, in place."""
        shift, mask = np.uint64(self.bits), np.uint64((1 << self.bits) - 1)
        for row in range(self.rows - 1):
            counts[row + 1] += counts[row] >> shift
            counts[row] &= mask

    def exponent(self, counts: NDArray[np.uint64]) -> int:
        """Return a power of two by which the counts' sums are small enough for floats; 0 nearly always."""
        top = max((row for row in range(self.rows) if counts[row].any()), default=0)
        return max(0, self.bits * (top + 1) - 900)

    def floats(self, counts: NDArray[np.uint64], exponent: int) -> NDArray[np.float64]:
        """Return counts divided by ``2**exponent``, rounded."""
        total = np.zeros(counts.shape[1])
        for row in range(self.rows):
            total += np.ldexp(counts[row].astype(np.float64), self.bits * row - exponent)
        return total

    def integers(self, counts: NDArray[np.uint64]) -> list[int]:
        """Return the counts as Python integers."""
        rows = [row.tolist() for row in counts]
        return [
            sum(limb << (self.bits * place) for place, limb in enumerate(column)) for column in zip(*rows, strict=True)
        ]

    def total(self, counts: NDArray[np.uint64]) -> int:
        """Return the sum of all counts, of which there are fewer than 2**31."""
        half = np.uint64(32)
        result = 0
        for place, row in enumerate(counts):
            # Sums of halves cannot overflow.
            low, high = int((row & np.uint64(0xFFFFFFFF)).sum()), int((row >> half).sum())
            result += (low + (high << 32)) << (self.bits * place)
        return result
