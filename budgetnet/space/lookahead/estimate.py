"""Estimates about a space too large to count what fits in it, from draws that look ahead."""

from __future__ import annotations

import random
from dataclasses import dataclass
from math import exp, log10, sqrt
from statistics import fmean, stdev

from budgetnet.errors import SearchError
from budgetnet.space.choosers import prior
from budgetnet.space.judge import Candidate, judge
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.within_budget import derive_by_outlook

__all__ = ["SpaceEstimate", "estimate_space"]

DRAWS = 200
_LONGEST = 10**4000
"""Python and JSON readers refuse whole numbers of more than 4,300 digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceEstimate:
    """Numbers about a space, estimated where they are not said to be exact."""

    derivations: int | None
    """Exact number of derivations that end in a network, of any cost; None if it is not known, or too long to write."""
    derivations_log10: float | None
    """Its decimal logarithm; None if it is not known."""
    fits: float
    """Probability that the grammar's own draw fits the budget, estimated."""
    error: float
    """Its standard error."""
    draws: int
    """Draws that looked ahead; each counts with the ratio of its two probabilities."""


def estimate_space(outlook: Outlook, *, draws: int = DRAWS, seed: int = 0) -> SpaceEstimate | None:
    """Estimate which share of a grammar's own draws fits, by draws that all fit.

    A draw by the outlook has a known probability, and another under the grammar's prior. The mean of their ratio over
    draws that fit is the share of the prior that fits, however small it is.

    Args:
        outlook: of the space.
        draws: at least 2.
        seed: equal seeds give equal results.

    Returns:
        None if no network that fits is known.
    """
    rng = random.Random(seed)  # noqa: S311 (no secret)
    ratios: list[float] = []
    try:
        for _ in range(draws):
            expansion, way = derive_by_outlook(outlook, prior(rng))
            fits = isinstance(judge(outlook.space, expansion), Candidate)
            ratios.append(exp(way.log_odds) if fits else 0.0)
    except SearchError:
        return None
    number = outlook.derivations
    return SpaceEstimate(
        derivations=None if number is None or number >= _LONGEST else number,
        derivations_log10=None if not number else log10(number),
        fits=fmean(ratios),
        error=stdev(ratios) / sqrt(draws),
        draws=draws,
    )
