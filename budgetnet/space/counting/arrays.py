"""The arrays of a table: for each hub of a space, what follows it, at each cost still to come.

One backward pass makes them: between two decisions costs only shift an array, and options add up.

Where arrays over all costs would be too large, costs are counted on a coarser grid. Each hub rounds what is still to
come up to the next point of its own grid, which begins at the least of it. So what is counted within a bound is within
it, and how much a network's cost may be overestimated (`roundings`) is known: no number is off by more than what lies
that close to the bound.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from budgetnet.network.budget import MAXIMA, Bound
from budgetnet.space.counting.bigcounts import BigCounts
from budgetnet.space.counting.merging import MergedStates
from budgetnet.space.counting.states import COMPLETE

__all__ = ["RawHub", "added_up", "bytes_of", "coarser", "counts_of", "roundings", "sizes_of"]

_NO_WAY = np.iinfo(np.int64).max // 2
"""Larger than any cost, but small enough that a cost can still be added."""


@dataclass(frozen=True, slots=True)
class RawHub:
    """A hub's numbers at each cost, while other hubs still need them."""

    mass: NDArray[np.float64]
    counts: NDArray[np.uint64]
    least: tuple[NDArray[np.int64], ...]


def counts_of(classes: MergedStates) -> BigCounts:
    """Return the layout of counts up to the largest number of derivations that a hub can have."""
    most: dict[int, int] = {}
    terms = 1
    for number in classes.lattice:
        ways = classes.ways[number]
        most[number] = sum(way.count * (1 if way.target == COMPLETE else most[way.target]) for way in ways)
        terms = max(terms, sum(way.count for way in ways))
    return BigCounts.for_counts(max(most.values(), default=1), terms)


def sizes_of(classes: MergedStates, bound: int, beyond: Mapping[int, int] | None = None) -> dict[int, int]:
    """Return the length of each hub's arrays, under a bound on the axis.

    Args:
        classes: of a space.
        bound: of the axis.
        beyond: how much further than the bound each hub's arrays go.
    """
    found: dict[int, int] = {}
    for number, stride in classes.lattice.items():
        room = bound - classes.least_before[number] - classes.least_after[number]
        found[number] = (room + (beyond[number] if beyond else 0)) // stride + 1 if stride else 1
    return found


def coarser(classes: MergedStates, grid: int) -> dict[int, int]:
    """Return the lattice of each hub on a grid; a hub that all costs the same needs none."""
    return {number: grid if stride else 0 for number, stride in classes.lattice.items()}


def roundings(classes: MergedStates, lattice: Mapping[int, int]) -> dict[int, int]:
    """Return by how much each hub may overestimate what is still to come, with other lattices than its own."""
    found: dict[int, int] = {}
    for number in classes.lattice:
        most = 0
        for way in classes.ways[number]:
            ahead = way.step - classes.least_after[number]
            ahead += 0 if way.target == COMPLETE else classes.least_after[way.target]
            up = -ahead % (lattice[number] or 1)
            most = max(most, up + (0 if way.target == COMPLETE else found[way.target]))
        found[number] = most
    return found


def _targets(classes: MergedStates, number: int) -> set[int]:
    return {way.target for way in classes.ways[number] if way.target != COMPLETE}


def _uses(classes: MergedStates) -> Counter[int]:
    """The number of hubs that need each hub's numbers."""
    return Counter(target for number in classes.lattice for target in _targets(classes, number))


def bytes_of(classes: MergedStates, sizes: dict[int, int], bigcounts: BigCounts, others: int) -> int:
    """Return the bytes that are alive at the worst moment of making a table."""
    uses = _uses(classes)
    alive = worst = 0
    for number, size in sizes.items():
        alive += 8 * size * (1 + bigcounts.rows + others)
        worst = max(worst, alive + 8 * size * (2 + others))
        alive += 8 * size * (2 + others)
        for target in _targets(classes, number):
            uses[target] -= 1
            if uses[target] == 0:
                alive -= 8 * sizes[target] * (1 + bigcounts.rows + others)
    return worst


def added_up(
    classes: MergedStates, bigcounts: BigCounts, others: tuple[Bound, ...], sizes: dict[int, int]
) -> Iterator[tuple[int, RawHub]]:
    """Yield each hub with its numbers, every one after those that it leads to; what no other needs is let go.

    Args:
        classes: of a space.
        bigcounts: the layout of counts.
        others: the other bounds, whose least is followed.
        sizes: the length of each hub's arrays.
    """
    uses = _uses(classes)
    raws: dict[int, RawHub] = {}
    for number in sizes:
        raws[number] = _added_up(classes, bigcounts, others, number, sizes, raws)
        yield number, raws[number]
        for target in _targets(classes, number):
            uses[target] -= 1
            if uses[target] == 0:
                del raws[target]


def _added_up(
    classes: MergedStates,
    bigcounts: BigCounts,
    others: tuple[Bound, ...],
    number: int,
    sizes: dict[int, int],
    raws: dict[int, RawHub],
) -> RawHub:
    """Add up what a hub's ways lead to, each shifted by what it costs to get there."""
    size, start, stride = sizes[number], classes.least_after[number], classes.lattice[number] or 1
    mass = np.zeros(size)
    counts = bigcounts.zeros(size)
    least = tuple(np.full(size, _NO_WAY, dtype=np.int64) for _ in others)
    for way in classes.ways[number]:
        if way.target == COMPLETE:
            place = -((start - way.step) // stride)
            if place < size:
                mass[place] += way.weight
                counts[0, place] += np.uint64(way.count)
                for row, more in zip(least, way.others, strict=True):
                    row[place] = min(int(row[place]), more)
            continue
        place = -((start - way.step - classes.least_after[way.target]) // stride)  # rounded up
        every = max(classes.lattice[way.target] // stride, 1)
        length = min(sizes[way.target], -(-(size - place) // every))
        if length <= 0:
            continue
        raw, where = raws[way.target], slice(place, place + (length - 1) * every + 1, every)
        mass[where] += raw.mass[:length] * way.weight
        ahead = raw.counts[:, :length]
        counts[:, where] += ahead if way.count == 1 else ahead * np.uint64(way.count)
        for bound, row, there, more in zip(others, least, raw.least, way.others, strict=True):
            low = there[:length]
            low = np.maximum(low, more) if bound in MAXIMA else low + more
            np.minimum(row[where], low, out=row[where])
    bigcounts.carry(counts)
    return RawHub(mass, counts, least)
