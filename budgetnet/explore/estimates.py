"""Estimates from draws, with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

__all__ = ["QUANTILE_LEVELS", "Mean", "Quantiles", "Share"]

QUANTILE_LEVELS = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""The quantiles that are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A fraction and its standard error."""

    value: float
    """Between 0 and 1."""
    error: float
    """Standard error; 0 where the value is exact."""

    @staticmethod
    def of(hits: int, draws: int) -> Share:
        """Estimate a fraction from draws.

        The error is that of the fraction shrunk towards one half by two hits and two misses (Agresti and Coull
        1998), so that zero hits in a hundred draws do not pass for certainty.
        """
        if draws == 0:
            return Share(value=0.0, error=0.5)
        shrunk = (hits + 2) / (draws + 4)
        return Share(value=hits / draws, error=sqrt(shrunk * (1 - shrunk) / (draws + 4)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over draws and its standard error."""

    value: float
    error: float
    """Standard error; 0 of a single draw."""

    @staticmethod
    def of(numbers: Sequence[int]) -> Mean | None:
        """Return the mean; None without values."""
        if not numbers:
            return None
        found = np.asarray(numbers, dtype=np.float64)
        error = float(found.std(ddof=1) / sqrt(len(found))) if len(found) > 1 else 0.0
        return Mean(value=float(found.mean()), error=error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantiles:
    """Quantiles of a number over networks; see `QUANTILE_LEVELS`."""

    count: int
    """Number of networks."""
    mean: float
    values: tuple[int, ...]
    """One per level; each is a value that occurred."""

    @staticmethod
    def of(numbers: Sequence[int]) -> Quantiles | None:
        """Return the quantiles; None without values."""
        if not numbers:
            return None
        found = np.quantile(np.asarray(numbers, dtype=np.int64), QUANTILE_LEVELS, method="lower")
        return Quantiles(count=len(numbers), mean=float(np.mean(numbers)), values=tuple(int(value) for value in found))
