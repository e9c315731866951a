"""Distribution of a space's networks over one cost, by dynamic programming: over FLOPs, say, besides parameters.

The table over the space (`budgetnet.space.counting.tabulate`) follows its axis exactly, but only the least of every
other cost. Here each class of states carries the numbers of its derivations by cost, as sorted points, not as arrays
over every possible cost: FLOPs go into the millions, but far fewer values occur. The count is first tried jointly with
the table's axis, so that only networks within the axis' bound are counted; where that is too much work, it is made by
the one cost alone, over networks of any size (`Distribution.within` says which).

Numbers are exact below 2**53, and rounded to 15 digits above. Where there are too many points they are rounded to the
nearest point of a grid. `Distribution.precision` is the most that this moved a network by; 0 means that every network
lies in the bin it is counted in.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from budgetnet.network.budget import Bound
from budgetnet.space.counting.merging import Form, merge_states
from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import COMPLETE, Costs, StateGraph, find_states
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, too_many
from budgetnet.space.space import Space

__all__ = [
    "LIMIT_ADDITIONS",
    "LIMIT_PAIRS",
    "LIMIT_POINTS",
    "Bin",
    "Distribution",
    "cost_distribution",
    "equal_bins",
    "table_bins",
]

LIMIT_POINTS = 1 << 14
"""Different costs that a class may have before they are rounded."""
LIMIT_PAIRS = 1 << 21
"""Different pairs of costs that a class may have in the joint count, which rounds nothing."""
LIMIT_ADDITIONS = 1 << 23
"""Points that are added up in all for the joint count: a second or two of work."""

_BITS = 40
"""Bits of the one cost in a joint point; the axis' cost is in the bits above."""

Additive = ("params", "flops", "activations")
"""Costs that are sums over a network's parts; depth and memory are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Networks by cost."""

    low: int
    """Least cost on the axis, included."""
    high: int
    """Largest cost, included."""
    derivations: int
    prior: float
    """Probability that the grammar's own draw lies here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Number of networks by cost."""

    of: Bound
    bins: tuple[Bin, ...]
    """Bins of equal width, from the least cost to the largest; a network of cost c is in that with low <= c <= high."""
    total: int
    """Number of derivations in all bins."""
    exact: bool
    """True if all numbers are exact; else they are rounded to 15 digits."""
    precision: int
    """Largest error of a network's cost in the histogram."""
    within: Bound | None
    """The bound that all of them keep (the axis'); None: networks of any cost. The budget's bound on the
    histogram's own cost is not applied, so bins above it show what it takes away."""


@dataclass(frozen=True, slots=True)
class _Points:
    """Derivations by cost still to come: sorted costs, their numbers and prior probabilities."""

    at: NDArray[np.int64]
    """The cost; jointly, the axis' cost in the upper bits."""
    number: NDArray[np.float64]
    mass: NDArray[np.float64]
    error: int
    """Largest error of the cost."""


_NOTHING = _Points(np.empty(0, np.int64), np.empty(0), np.empty(0), 0)
_END = _Points(np.zeros(1, np.int64), np.ones(1), np.ones(1), 0)


def cost_distribution(
    space: Space,
    of: Bound = "flops",
    *,
    bins: int = 40,
    edge: int | None = None,
    states: int | None = None,
    points: int = LIMIT_POINTS,
    work: int = LIMIT_ADDITIONS,
) -> Distribution | TooLarge:
    """Count the derivations of a space by one cost.

    Args:
        space: with the axis of its table; see the module.
        of: ``params``, ``flops`` or ``activations``.
        bins: how many, at most; one more with an edge.
        edge: a cost at which a bin ends, such as the budget; the first bin then begins below the least cost.
        states: largest number of states that are looked into.
        points: see `LIMIT_POINTS`.
        work: see `LIMIT_ADDITIONS`.

    Raises:
        ValueError: if the cost is not a sum over a network's parts.
    """
    if of not in Additive:
        raise ValueError(f"a histogram is of {', '.join(Additive)}; {of} is not a sum over a network's parts")
    states = space.most_states if states is None else states
    with without_collector():
        graph = find_states(space, states, also=(of,))
        if graph is None:
            return too_many(space, states, "a histogram")
        bound = space.budget.bounds().get(graph.axis, 0) if graph.axis else 0
        place = 0 if graph.axis == of else 1 + graph.others.index(of)
        forms, start = _forms(graph, bound)
        joint = graph.axis in space.budget.bounds()
        found = None
        if joint:
            found = _Count(place, bound, LIMIT_PAIRS, work).root(forms, start)
        if found is None:
            if any(node is None for node in graph.nodes):
                return TooLarge("states above the budget were left out, and counting costs within it is too much work")
            joint = False
            found = _Count(place, None, points, None).root(forms, start)
    assert found is not None
    cost = found.at & ((1 << _BITS) - 1)
    total = float(found.number.sum())
    return Distribution(
        of=of,
        bins=_binned(cost, found, bins, edge),
        total=round(total),
        exact=total < 2.0**53,
        precision=found.error,
        within=graph.axis if joint else None,
    )


def _forms(graph: StateGraph, bound: int) -> tuple[list[Form], tuple[int, Costs]]:
    """The classes of the states, and the first one with what every network costs before it."""
    target, costs = graph.start
    classes = merge_states(graph, bound)
    return classes.forms, (classes.of_node[target] if target >= 0 else target, costs)


def equal_bins(least: int, most: int, count: int, edge: int | None = None) -> list[Bin]:
    """Return at most *count* empty bins of equal width; the first begins at *least*, the last ends at *most*.

    With an edge between the two a bin ends at it; the first bin then may be narrower, and there may be one more.
    """
    starts = _lows(least, most, count, edge)
    lows = [max(low, least) for low in starts]
    highs = [*(low - 1 for low in lows[1:]), most]
    return [Bin(low=low, high=high, derivations=0, prior=0.0) for low, high in zip(lows, highs, strict=True)]


def table_bins(table: Table, most: int, count: int, edge: int | None = None) -> tuple[Bin, ...]:
    """Return the numbers of networks by cost on a table's axis, up to *most*; empty where they are not known."""
    least = table.smallest
    if not table.fitting or least is None or table.axis is None:
        return ()
    found = []
    for entry in equal_bins(min(least, most), most, count, edge):
        derivations, mass = table.between(entry.low, entry.high)
        found.append(replace(entry, derivations=derivations, prior=mass))
    return tuple(found)


def _lows(least: int, most: int, count: int, edge: int | None = None) -> range:
    """The first cost of each of at most *count* equal bins from *least* to *most*.

    With an edge between the two a bin ends at it; the first one then may begin below the least cost, and there may be
    one more.
    """
    width = max(1, -(-(most + 1 - least) // count))
    if edge is not None and least <= edge < most:
        least -= -(edge + 1 - least) % width
    return range(least, most + 1, width)


def _binned(cost: NDArray[np.int64], found: _Points, count: int, edge: int | None) -> tuple[Bin, ...]:
    if not len(cost):
        return ()
    bins = _lows(int(cost.min()), int(cost.max()), count, edge)
    least, width = bins.start, bins.step
    places = (cost - least) // width
    size = int(places.max()) + 1
    numbers = np.bincount(places, found.number, size)
    masses = np.bincount(places, found.mass, size)
    return tuple(
        Bin(
            low=least + place * width,
            high=least + (place + 1) * width - 1,
            derivations=round(float(numbers[place])),
            prior=float(masses[place]),
        )
        for place in range(size)
    )


class _Count:
    """The dynamic program."""

    def __init__(self, place: int, bound: int | None, points: int, work: int | None) -> None:
        self._place = place
        self._bound = bound
        self._points = points
        self._work = work
        self._grid = 1

    def root(self, forms: list[Form], start: tuple[int, Costs]) -> _Points | None:
        """The points of whole networks; None if that is too much work."""
        uses = [0] * len(forms)
        for form in forms:
            for (target, _), _ in form:
                if target >= 0:
                    uses[target] += 1
        known: dict[int, _Points] = {}
        done = 0
        for number, form in enumerate(forms):
            parts = [
                self._shifted(_END if target == COMPLETE else known[target], costs, weight, count)
                for (target, costs), (weight, count) in form
                if target == COMPLETE or target >= 0
            ]
            done += sum(len(part.at) for part in parts)
            if self._work is not None and done > self._work:
                return None
            known[number] = self._merged(parts)
            if self._work is not None and known[number].error:
                return None  # too many pairs
            for (target, _), _ in form:
                if target >= 0:
                    uses[target] -= 1
                    if not uses[target] and target != start[0]:
                        del known[target]
        first = known[start[0]] if start[0] >= 0 else _END if start[0] == COMPLETE else _NOTHING
        return self._shifted(first, start[1], 1.0, 1)

    def _shifted(self, points: _Points, costs: Costs, weight: float, count: int) -> _Points:
        """The points after an option; in a joint count, without those above the bound."""
        at = points.at + costs[self._place]
        number, mass = points.number, points.mass
        if self._bound is not None:
            at += costs[0] << _BITS
            inside = int(np.searchsorted(at, (self._bound + 1) << _BITS))
            at, number, mass = at[:inside], number[:inside], mass[:inside]
        return _Points(at, number * count, mass * weight, points.error)

    def _merged(self, parts: list[_Points]) -> _Points:
        """Points of several options together, rounded where there are too many."""
        parts = [part for part in parts if len(part.at)]
        if not parts:
            return _NOTHING
        if len(parts) == 1:
            return parts[0]
        error = max(part.error for part in parts)
        number = np.concatenate([part.number for part in parts])
        mass = np.concatenate([part.mass for part in parts])
        exact = np.concatenate([part.at for part in parts])
        at, inverse = np.unique(exact, return_inverse=True)
        if self._grid > 1 or len(at) > self._points:
            while True:
                rounded = exact + self._grid // 2
                at, inverse = np.unique(rounded - rounded % self._grid, return_inverse=True)
                if len(at) <= self._points:
                    break
                self._grid *= 2
            error += self._grid // 2
        size = len(at)
        sums = [np.bincount(inverse, part, size).astype(np.float64, copy=False) for part in (number, mass)]
        return _Points(at, sums[0], sums[1], error)
