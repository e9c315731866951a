"""Networks drawn from what fits: at random by a weighting, or spread evenly over sizes or depths.

A draw follows its weighting exactly. To that end its decisions look ahead for the table's axis alone (parameters, as a
rule), of which the table knows the exact shares; what breaks another bound, by the closed form's count of the whole
network, is drawn again. A search has no use for exact shares: it looks ahead for all bounds at once
(`budgetnet.space.within_budget.derive_within_budget`), and under parameters and FLOPs has nothing to draw again.

Draws can be stratified: by size with any exact table, by depth with one that tells depths apart
(`budgetnet.space.counting.depths`).
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from budgetnet.errors import SearchError
from budgetnet.network.cost.types import Cost
from budgetnet.space.choosers import prior
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import Candidate, Draw, Rejection, attempt
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.space import Space
from budgetnet.space.within_budget import (
    Along,
    Band,
    Weighting,
    derive_by_outlook,
    derive_within_budget,
    reachable,
    require_fitting,
)

__all__ = ["draw_fitting", "draw_stratified", "draw_until", "strata"]

EXACT_TRIES = 100
"""Draws after which `draw_fitting` gives up exact probabilities."""
LIMIT_TRIES = 1000
"""Draws in a row that may break the budget before it is given up."""


def draw_fitting(
    table: Table | Outlook,
    rng: random.Random,
    *,
    weighting: Weighting = "prior",
    band: Band | None = None,
    rejected: Counter[str] | None = None,
) -> Candidate:
    """Draw one network that fits.

    The draw follows the weighting exactly, as the module says. Only where `EXACT_TRIES` draws in a row broke a bound
    are all bounds looked ahead for, at the price of drawing some fitting networks more often than others.

    Args:
        table: of the space; with an outlook, draws are in proportions near the grammar's.
        rng: the source of randomness.
        weighting: see `budgetnet.space.within_budget.derive_within_budget`.
        band: draw from within it.
        rejected: counts, by `Rejection.reason`, what was drawn and did not fit.

    Raises:
        SearchError: nothing fits, or `LIMIT_TRIES` draws in a row did not.
    """
    if isinstance(table, Outlook):
        if weighting != "prior" or band is not None:
            raise ValueError("an outlook draws by the grammar's prior from all that fits; uniform draws need a table")
        return draw_until(
            table.space, lambda _: attempt(table.space, lambda: derive_by_outlook(table, prior(rng))[0]), rejected
        )

    def one(tries: int) -> Draw:
        axis_only = tries < EXACT_TRIES
        found = attempt(
            table.space,
            lambda: derive_within_budget(table, prior(rng), weighting=weighting, band=band, axis_only=axis_only),
        )
        if band is None or isinstance(found, Rejection):
            return found
        measured = _measured(found.cost, band, table)
        if band.low <= measured <= band.high:
            return found
        what = "depth" if band.along == "depth" else table.axis
        return Rejection("band", f"{measured:,} ({what}) is outside {band.low:,} to {band.high:,}")

    return draw_until(table.space, one, rejected)


def draw_until(space: Space, one: Callable[[int], Draw], rejected: Counter[str] | None = None) -> Candidate:
    """Draw until a network fits.

    Args:
        space: what is drawn from; named in the error.
        one: draws; is told how many draws in a row did not fit.
        rejected: see `draw_fitting`.

    Raises:
        SearchError: `LIMIT_TRIES` draws in a row did not fit.
    """
    text = ""
    for tries in range(LIMIT_TRIES):
        found = one(tries)
        if isinstance(found, Candidate):
            return found
        if rejected is not None:
            rejected[found.reason] += 1
        text = found.text.partition("\n")[0]
    raise SearchError(
        f"{LIMIT_TRIES:,} draws in a row gave no network within {space.budget}; the last one: {text}. Raise "
        "that bound or take away what breaks it"
    )


def draw_stratified(
    table: Table,
    rng: random.Random,
    count: int,
    *,
    along: Along = "size",
    bands: int = 8,
    weighting: Weighting = "prior",
) -> list[Candidate]:
    """Draw networks from `strata` in turn, so that sizes or depths are spread evenly; in each by the weighting.

    Args:
        table: for sizes an exact one, for depths one that tells them apart.
        rng: the source of randomness.
        count: how many networks.
        along: what is divided.
        bands: into how many bands, at most; no more than networks are drawn.
        weighting: of the draws within a band.

    Raises:
        SearchError: nothing fits, or the table cannot tell sizes (or depths) apart.
    """
    cut = strata(table, min(bands, count), along=along)
    if not cut:
        require_fitting(table)
        raise SearchError(f"the table of this space cannot tell networks apart by {along}: draw without strata")
    return [draw_fitting(table, rng, weighting=weighting, band=cut[place % len(cut)]) for place in range(count)]


def strata(table: Table, count: int, *, along: Along = "size") -> list[Band]:
    """Cut what fits into bands, smallest first, and leave out the empty ones.

    Drawing from each in turn spreads networks evenly over sizes (or depths), where the prior and the uniform draw
    crowd near the budget. Sizes are cut at equal widths; depths into bands of as equal numbers of depths as can be.

    Args:
        table: of the space.
        count: of bands, at most.
        along: what is divided.

    Returns:
        No bands where the table cannot tell costs, or depths, apart.
    """
    if along == "depth":
        depths = [depth for depth in table.depths if reachable(table, Band(depth, depth, "depth"))]
        places = [len(depths) * position // count for position in range(count + 1)]
        return [Band(depths[low], depths[high - 1], "depth") for low, high in pairwise(places) if low < high]
    least = table.smallest
    if not table.exact or table.axis is None or least is None:
        return []
    edges = [least + (table.bound + 1 - least) * position // count for position in range(count + 1)]
    bands = [Band(low, high - 1) for low, high in pairwise(edges) if low < high]
    return [band for band in bands if reachable(table, band)]


def _measured(cost: Cost, band: Band, table: Table) -> int:
    """Return the cost that a band is about, by the closed form."""
    return cost.depth if band.along == "depth" or table.axis is None else int(getattr(cost, table.axis))
