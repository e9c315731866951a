"""Similarity of two rankings: Kendall's tau-b and Spearman's rho, by scipy.

All of budgetnet uses tau-b: the pairs in the same order minus those in the opposite one, as a share of the pairs
without ties. Spearman's rho is Pearson's correlation of the ranks; equal values share the mean of their ranks.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["kendall", "spearman"]

_Scores = Sequence[float] | NDArray[np.float64]


def kendall(first: _Scores, second: _Scores) -> float | None:
    """Return Kendall's tau-b, from -1 to 1; None where one of the two is constant."""
    if _constant(first) or _constant(second):
        return None
    from scipy.stats import kendalltau  # half a second of imports

    return float(kendalltau(first, second).statistic)


def spearman(first: _Scores, second: _Scores) -> float | None:
    """Return Spearman's rank correlation, from -1 to 1; None where one of the two is constant."""
    if _constant(first) or _constant(second):
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)


def _constant(scores: _Scores) -> bool:
    return len(np.unique(np.asarray(scores))) < 2
