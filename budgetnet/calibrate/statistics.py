"""Similarity of two rankings: rank correlations, their spread over networks, and the cost of choosing by one of them.

Equal scores share the mean of their ranks. Intervals come from resampling the networks (percentile bootstrap, Efron and
Tibshirani 1993), with a fixed seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from budgetnet.records.rank_correlation import kendall, spearman

__all__ = ["LEVEL", "RESAMPLES", "Agreement", "Paired", "agreement", "deficit", "interval"]

LEVEL = 0.9
"""Confidence level of the intervals."""
RESAMPLES = 2000

_Floats = NDArray[np.float64]

Paired = Sequence[tuple[Sequence[float], Sequence[float]]]
"""One pair per repetition: a score of each network, and what it stands for, of the same networks. Higher is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How well a score ranks networks. Over repetitions, every number is a mean."""

    n: int
    """Networks."""
    spearman: float | None
    """Rank correlation, -1..1; None where one of the scores is the same for all."""
    low: float | None
    """Lower end of the 90 % interval of `spearman`."""
    high: float | None
    error: float | None
    """Standard error of `spearman`: its standard deviation over resamples."""
    kendall: float | None
    """Kendall's tau-b."""
    top: int
    """Return the number of best networks to compare: 3, or fewer if there are few networks."""
    overlap: float
    """Share of the truly best `top` that are among the best `top` by the score."""
    regret: float
    """Return the loss from taking the network with the best score; 0 if it is the best."""
    regret_top: float
    """The same if the `top` with the best scores are trained in full and the truly best of them is taken."""


def agreement(pairs: Paired, *, top: int = 3, seed: int = 0) -> Agreement:
    """Compare a score with what it stands for.

    Ties are broken against the score: of equal ones, the truly worse counts as chosen.

    Args:
        pairs: see `Paired`; at least one, of at least two networks.
        top: see `Agreement.top`.
        seed: of the resampling.

    Raises:
        ValueError: nothing to compare, or lengths that differ.
    """
    n = _size(pairs)
    top = min(top, n - 1)
    values = [_chosen(score, truth, top) for score, truth in pairs]
    found = _mean_spearman(pairs)
    resampled = [] if found is None else [value for value in _resampled(pairs, seed) if value is not None]
    low, high = interval(resampled) if len(resampled) > 1 else (None, None)
    taus = [tau for tau in starmap(kendall, pairs) if tau is not None]
    return Agreement(
        n=n,
        spearman=found,
        low=low,
        high=high,
        error=float(np.std(resampled, ddof=1)) if len(resampled) > 1 else None,
        kendall=float(np.mean(taus)) if taus else None,
        top=top,
        overlap=float(np.mean([value[0] for value in values])),
        regret=float(np.mean([value[1] for value in values])),
        regret_top=float(np.mean([value[2] for value in values])),
    )


def deficit(better: Paired, worse: Paired, *, seed: int = 0) -> tuple[float, float] | None:
    """Return by how much one score's rank correlation exceeds another's, and the standard error of that.

    Both are of the same networks and are resampled together, so that luck with the networks cancels out.
    None where a correlation does not exist.
    """
    if _size(better) != _size(worse):
        raise ValueError("the two scores must be of the same networks")
    first, second = _mean_spearman(better), _mean_spearman(worse)
    if first is None or second is None:
        return None
    both = zip(_resampled(better, seed), _resampled(worse, seed), strict=True)
    found = [a - b for a, b in both if a is not None and b is not None]
    return (first - second, float(np.std(found, ddof=1))) if len(found) > 1 else None


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends between which the middle 90 % (`LEVEL`) of *values* lie."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _size(pairs: Paired) -> int:
    sizes = {len(scores) for pair in pairs for scores in pair}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"scores of the same two or more networks are needed, but got {sorted(sizes) or 'none'}")
    return sizes.pop()


def _mean_spearman(pairs: Paired) -> float | None:
    found = [value for value in starmap(spearman, pairs) if value is not None]
    return float(np.mean(found)) if found else None


def _resampled(pairs: Paired, seed: int) -> list[float | None]:
    """The mean rank correlation of networks drawn with replacement; equal seeds draw equal networks."""
    n = _size(pairs)
    drawn = np.random.default_rng(seed).integers(n, size=(RESAMPLES, n))
    return [None if math.isnan(value) else float(value) for value in _correlations(pairs, drawn)]


def _correlations(pairs: Paired, drawn: NDArray[np.int64]) -> _Floats:
    """The mean rank correlation of each row of *drawn* (resamples, n); NaN where none of the pairs has one."""
    from scipy.stats import rankdata  # half a second of imports

    found: list[_Floats] = []
    for pair in pairs:
        centred = []
        for scores in pair:
            placed = rankdata(np.asarray(scores, dtype=np.float64)[drawn], axis=1)
            centred.append(placed - placed.mean(axis=1, keepdims=True))
        a, b = centred
        scale = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        with np.errstate(invalid="ignore", divide="ignore"):
            found.append((a * b).sum(axis=1) / scale)
    values = np.stack(found)
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: _Floats = np.where(there, values, 0.0).sum(axis=0) / there.sum(axis=0)
    return mean


def _chosen(score: Sequence[float], truth: Sequence[float], top: int) -> tuple[float, float, float]:
    """Overlap of the best, regret of the first, regret of the first few."""
    order = sorted(range(len(score)), key=lambda place: (-score[place], truth[place]))[:top]
    best = sorted(range(len(truth)), key=lambda place: -truth[place])[:top]
    return (
        len(set(order) & set(best)) / top,
        truth[best[0]] - truth[order[0]],
        truth[best[0]] - max(truth[place] for place in order),
    )
