"""Making the table of a space: states, classes, then one backward pass of additions."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from math import gcd

import numpy as np

from budgetnet.space.counting.arrays import added_up, bytes_of, coarser, counts_of, roundings, sizes_of
from budgetnet.space.counting.merging import BEYOND, merge_states
from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import StateGraph, find_states
from budgetnet.space.counting.table import Hub, Table
from budgetnet.space.space import Space
from budgetnet.text import percent

__all__ = ["ROUNDED_BYTES", "TooLarge", "fill", "rounded_text", "tabulate", "too_many"]


ROUNDED_BYTES = 64 << 20
"""Memory of arrays on a coarser grid, where exact ones would be too large: finer grids take more time, too."""


@dataclass(frozen=True, slots=True)
class TooLarge:
    """The reason why there is no table."""

    text: str
    """One readable sentence."""


def too_many(space: Space, states: int, what: str) -> TooLarge:
    """Return the reason that the states of a space are more than an effort allows."""
    text = f"the space has more than {states:,} states within the budget, too many for {what}"
    asked = states == space.most_states
    seconds = space.effort.seconds * states / space.effort.states
    return TooLarge(f"{text} in {seconds:g} s (search.count_seconds)" if asked else text)


def rounded_text(table: Table) -> str:
    """Return by how much a table rounds costs, and what it would take to tell them apart."""
    share = percent(table.rounding / max(table.bound, 1), 2)
    up = f"{table.axis} of a network are rounded up by at most {table.rounding:,} ({share} % of the bound)"
    return f"{up}; telling all apart would need {table.bytes / 2**20:,.0f} MiB (search.count_memory)"


def tabulate(space: Space, *, states: int | None = None, memory: int | None = None) -> Table | TooLarge:
    """Make the table of a space, unless that is too much work.

    Where the arrays would need too much memory, the table rounds costs (`Table.rounding`), but what fits is still
    known exactly.

    Args:
        space: its budget's first additive bound is the axis.
        states: largest number of states (by default the space's effort); those above the budget are only looked into
            as far as this allows.
        memory: largest number of bytes for arrays (by default the space's effort).
    """
    states = space.most_states if states is None else states
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
    bigcounts, sizes = counts_of(classes), sizes_of(classes, bound)
    needed = bytes_of(classes, sizes, bigcounts, len(graph.others))
    rounding = 0
    if needed > memory:
        grid = gcd(*classes.lattice.values()) or 1
        beyond: dict[int, int] = {}
        used, limit = needed, min(memory, ROUNDED_BYTES)
        while used > limit and grid <= max(bound, 1):
            grid *= 2
            lattice = coarser(classes, grid)
            beyond = roundings(classes, lattice)
            sizes = sizes_of(replace(classes, lattice=lattice), bound, beyond)
            used = bytes_of(classes, sizes, bigcounts, len(graph.others))
        classes.lattice.update(coarser(classes, grid))
        rounding = beyond.get(classes.of_node[graph.start[0]], 0)
    table = Table(space, graph, classes, bigcounts, exact=needed <= memory, depths=depths)
    table.bytes = needed
    table.rounding = rounding
    _fill(table, sizes)
    return table


def _fill(table: Table, sizes: dict[int, int]) -> None:
    classes, bigcounts = table.classes, table.bigcounts
    first = classes.of_node[table.start[0]] if table.start[0] >= 0 else BEYOND
    for number, raw in added_up(classes, bigcounts, table.others, sizes):
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
