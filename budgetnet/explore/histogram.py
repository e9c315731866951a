"""All networks of a space by one cost, and those that fit: exact where they can be counted, else from draws."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from budgetnet.explore.estimates import Share
from budgetnet.network.budget import Bound, Budget
from budgetnet.space.counting.distribution import Bin, Distribution, cost_distribution, equal_bins, table_bins
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.space import Space

__all__ = ["Bar", "Histogram", "histogram"]

BARS = 48
TABLE_BYTES = 256 << 20
"""Memory of the table behind an exact histogram."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Draws by cost."""

    low: int
    high: int
    """Included."""
    draws: Share
    """Probability that the grammar's own draw is a network of such a cost."""
    fits: Share
    """Probability that it also keeps all bounds."""
    derivations: int | None
    """Exact number of derivations of that cost; None if they were not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """All networks of a space by one cost, as the grammar draws them."""

    bound: Bound
    limit: int | None
    """The budget's; the end of a bar unless the bars come from `budgetnet.space.counting.distribution`."""
    exact: bool
    """True if `Bar.draws` is exact; else it is estimated."""
    precision: int
    """Largest error of a network's cost where the shares are exact; 0: it is in its bar."""
    fits_exact: bool
    """True if `Bar.fits` is exact, too: the budget has no other bound."""
    bars: tuple[Bar, ...]
    beyond: Share
    """Probability of a network that costs more than the last bar."""


def histogram(
    space: Space,
    bound: Bound,
    drawn: Sequence[tuple[int, bool]],
    draws: int,
    *,
    states: int | None,
    memory: int = TABLE_BYTES,
) -> Histogram | None:
    """Put a space's networks in order of a cost; None if none was drawn.

    Args:
        space: with its budget.
        bound: the cost; params, flops or activations.
        drawn: cost of each complete network among the draws, and whether it keeps all bounds.
        draws: how many there were in all.
        states: limit of the count, see `budgetnet.space.counting.tabulate.tabulate`.
        memory: limit of a table in bytes.
    """
    if not drawn:
        return None
    limit = space.budget.bounds().get(bound)
    most = max(max(cost for cost, _ in drawn), limit or 0)
    counted = _tabled(space, bound, most, limit, states, memory) or _pointed(space, bound, limit, states)
    least = min(cost for cost, _ in drawn)
    bins = counted.bins if counted is not None else tuple(equal_bins(least, most, BARS, limit))
    starts = [entry.low for entry in bins]
    costs = _sorted_in(starts, [cost for cost, _ in drawn])
    fitting = _sorted_in(starts, [cost for cost, fits in drawn if fits])
    fits_exact = counted is not None and counted.aligned and set(space.budget.bounds()) <= {bound}
    bars = []
    for entry, all_drawn, fit in zip(bins, costs, fitting, strict=True):
        share, fits = Share.of(all_drawn, draws), Share.of(fit, draws)
        if counted is not None:
            share = _exactly(entry.prior)
            within = Share.of(fit, all_drawn)  # of what lies here; so what fits never passes the whole
            fits = Share(value=share.value * within.value, error=share.value * within.error)
            if limit is not None and entry.low > limit:
                fits = _exactly(0.0)
            elif fits_exact:
                fits = share
        derivations = None if counted is None else entry.derivations
        bars.append(Bar(low=entry.low, high=entry.high, draws=share, fits=fits, derivations=derivations))
    return Histogram(
        bound=bound,
        limit=limit,
        exact=counted is not None,
        precision=0 if counted is None else counted.precision,
        fits_exact=fits_exact,
        bars=tuple(bars),
        beyond=_exactly(0.0 if counted is None else counted.beyond),
    )


class _Counted(NamedTuple):
    """Bars whose heights are known."""

    bins: tuple[Bin, ...]
    beyond: float
    aligned: bool
    """True if a bar ends exactly at the budget."""
    precision: int


def _tabled(
    space: Space, bound: Bound, most: int, limit: int | None, states: int | None, memory: int
) -> _Counted | None:
    """From a table that follows the cost up to the largest one drawn; what lies above it is a share only."""
    found = tabulate(replace(space, budget=Budget(**{bound: most})), states=states, memory=memory)
    if not isinstance(found, Table) or not found.exact or not found.fitting:
        return None
    return _Counted(table_bins(found, most, BARS, limit), found.prior.get("over", 0.0), aligned=True, precision=0)


def _pointed(space: Space, bound: Bound, limit: int | None, states: int | None) -> _Counted | None:
    """From the costs that occur, where a table over all possible ones would be too large."""
    found = cost_distribution(replace(space, budget=Budget()), bound, bins=BARS, edge=limit, states=states)
    if not isinstance(found, Distribution) or found.within is not None or not found.bins:
        return None
    return _Counted(found.bins, 0.0, aligned=not found.precision, precision=found.precision)


def _exactly(value: float) -> Share:
    return Share(value=max(0.0, value), error=0.0)


def _sorted_in(starts: Sequence[int], costs: Sequence[int]) -> list[int]:
    """Return the number of costs in each bar."""
    counts = [0] * len(starts)
    for cost in costs:
        counts[max(0, bisect_right(starts, cost) - 1)] += 1
    return counts
