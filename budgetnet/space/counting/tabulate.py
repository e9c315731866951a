"""Making the table of a space: states, classes, then one backward pass of additions."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

import numpy as np

from budgetnet.network.budget import MAXIMA
from budgetnet.space.counting.bigcounts import BigCounts
from budgetnet.space.counting.merging import BEYOND, MergedStates, merge_states
from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import COMPLETE, NEVER, StateGraph, find_states
from budgetnet.space.counting.table import Counts, Floats, Hub, Integers, Table
from budgetnet.space.space import Space

__all__ = ["TooLarge", "fill", "tabulate", "too_many"]

_NO_WAY = np.iinfo(np.int64).max // 2
"""Larger than any cost, but small enough that a cost can still be added."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The reason why there is no table."""

    text: str
    """One readable sentence."""


def too_many(space: Space, states: int, what: str) -> TooLarge:
    """Return the reason that the states of a space are more than an effort allows."""
    text = f"the space has more than {states:,} states within the budget, too many for {what}"
    asked = states == space.effort.states
    return TooLarge(f"{text} in {space.effort.seconds:g} s (search.count_seconds)" if asked else text)


@dataclass(frozen=True, slots=True)
class _Raw:
    """A hub's numbers at each cost, while other hubs still need them."""

    mass: Floats
    counts: Counts
    least: tuple[Integers, ...]


def tabulate(space: Space, *, states: int | None = None, memory: int | None = None) -> Table | TooLarge:
    """Make the table of a space, unless that is too much work.

    Where the arrays would need too much memory, the table no longer tells costs apart (`Table.exact`), but what
    fits is still known.

    Args:
        space: its budget's first additive bound is the axis.
        states: largest number of states (by default the space's effort); those above the budget are only looked into
            as far as this allows.
        memory: largest number of bytes for arrays (by default the space's effort).
    """
    states = space.effort.states if states is None else states
    memory = space.effort.memory if memory is None else memory
    begun = time.perf_counter()
    with without_collector():
        graph = find_states(space, states)
        if graph is None:
            return too_many(space, states, "a table")
        table = fill(space, graph, memory)
    table.seconds = time.perf_counter() - begun
    return table


def fill(space: Space, graph: StateGraph, memory: int, depths: tuple[int, ...] = ()) -> Table:
    """Make the table of a graph of states; *depths* are its first decision's options, if that is one of depth."""
    bound = space.budget.bounds()[graph.axis] if graph.axis else 0
    classes = merge_states(graph, bound)
    bigcounts = BigCounts.for_counts(_most(classes), _terms(classes))
    sizes = {number: _size(classes, number, bound) for number in classes.lattice}
    needed = _bytes(classes, sizes, bigcounts, len(graph.others))
    exact = needed <= memory
    if not exact:
        sizes = dict.fromkeys(sizes, 1)
        classes.lattice.update(dict.fromkeys(sizes, NEVER))
    table = Table(space, graph, classes, bigcounts, exact=exact, depths=depths)
    table.bytes = needed
    _fill(table, sizes)
    return table


def _terms(classes: MergedStates) -> int:
    """The most numbers that are added for one entry of an array."""
    return max((sum(way.count for way in classes.ways[number]) for number in classes.lattice), default=1)


def _size(classes: MergedStates, number: int, bound: int) -> int:
    room = bound - classes.least_before[number] - classes.least_after[number]
    return room // classes.lattice[number] + 1 if classes.lattice[number] else 1


def _most(classes: MergedStates) -> int:
    """The largest number of derivations within the bound that any class can have."""
    most: dict[int, int] = {}
    for number in classes.lattice:
        ways = classes.ways[number]
        most[number] = sum(way.count * (1 if way.target == COMPLETE else most[way.target]) for way in ways)
    return max(most.values(), default=1)


def _uses(classes: MergedStates) -> Counter[int]:
    """Return the number of hubs that need each hub's numbers."""
    return Counter(
        target
        for number in classes.lattice
        for target in {way.target for way in classes.ways[number] if way.target != COMPLETE}
    )


def _bytes(classes: MergedStates, sizes: dict[int, int], bigcounts: BigCounts, others: int) -> int:
    """Bytes alive at the worst moment of `_fill`."""
    uses = _uses(classes)
    alive = worst = 0
    for number, size in sizes.items():
        alive += 8 * size * (1 + bigcounts.rows + others)
        worst = max(worst, alive + 8 * size * (2 + others))
        alive += 8 * size * (2 + others)
        for target in {way.target for way in classes.ways[number] if way.target != COMPLETE}:
            uses[target] -= 1
            if uses[target] == 0:
                alive -= 8 * sizes[target] * (1 + bigcounts.rows + others)
    return worst


def _fill(table: Table, sizes: dict[int, int]) -> None:
    classes, bigcounts = table.classes, table.bigcounts
    uses = _uses(classes)
    raws: dict[int, _Raw] = {}
    first = classes.of_node[table.start[0]] if table.start[0] >= 0 else BEYOND
    for number, size in sizes.items():
        raw = raws[number] = _raw(table, number, size, raws, sizes)
        exponent = bigcounts.exponent(raw.counts)
        table.hubs[number] = Hub(
            start=classes.least_after[number],
            stride=classes.lattice[number] or 1,
            mass=np.cumsum(raw.mass),
            count=np.cumsum(bigcounts.floats(raw.counts, exponent)),
            exponent=exponent,
            least=tuple(np.minimum.accumulate(row) for row in raw.least),
        )
        if number == first:
            table.root = raw.counts
        for target in {way.target for way in classes.ways[number] if way.target != COMPLETE}:
            uses[target] -= 1
            if uses[target] == 0:
                del raws[target]


def _raw(table: Table, number: int, size: int, raws: dict[int, _Raw], sizes: dict[int, int]) -> _Raw:
    """Add up what a hub's ways lead to, each shifted by what it costs to get there."""
    classes = table.classes
    start, stride = classes.least_after[number], classes.lattice[number] or 1
    mass = np.zeros(size)
    counts = table.bigcounts.zeros(size)
    least = tuple(np.full(size, _NO_WAY, dtype=np.int64) for _ in table.others)
    for way in classes.ways[number]:
        if way.target == COMPLETE:
            place = (way.step - start) // stride
            if place < size:
                mass[place] += way.weight
                counts[0, place] += np.uint64(way.count)
                for row, more in zip(least, way.others, strict=True):
                    row[place] = min(int(row[place]), more)
            continue
        place = (way.step + classes.least_after[way.target] - start) // stride
        every = max(classes.lattice[way.target] // stride, 1)
        length = min(sizes[way.target], -(-(size - place) // every))
        if length <= 0:
            continue
        raw, where = raws[way.target], slice(place, place + (length - 1) * every + 1, every)
        mass[where] += raw.mass[:length] * way.weight
        ahead = raw.counts[:, :length]
        counts[:, where] += ahead if way.count == 1 else ahead * np.uint64(way.count)
        for bound, row, there, more in zip(table.others, least, raw.least, way.others, strict=True):
            low = there[:length]
            low = np.maximum(low, more) if bound in MAXIMA else low + more
            np.minimum(row[where], low, out=row[where])
    table.bigcounts.carry(counts)
    return _Raw(mass, counts, least)
