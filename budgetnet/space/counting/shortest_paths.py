"""Shortest paths through a space's derivations: every state, and the least cost with which it is reached.

Dijkstra's algorithm over the states at which something is left to choose. Its user decides when to stop, and may go on
later: `budgetnet.space.lint.reachable` looks for options that no network can have, and
`budgetnet.space.counting.states` then goes on over the same states to count networks.
"""

from __future__ import annotations

import gc
import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from budgetnet.derivation.frames import Interner
from budgetnet.network.budget import Bound
from budgetnet.space.space import Space
from budgetnet.space.ticker import Ticker
from budgetnet.space.tracing.partwise import PartwiseTracer
from budgetnet.space.tracing.tied import NotAlike, Ties
from budgetnet.space.tracing.tracer import COMPLETE, NEVER, Edge, StateNode

__all__ = ["PathStep", "ShortestPaths", "search_states", "without_collector"]

_Found = TypeVar("_Found")

PathStep = tuple[int, int, int]
"""Least cost on the axis up to a state, and the state and option that lead to it with that (-1 at the start)."""


class ShortestPaths:
    """States by number, found in the order of what is added up before them."""

    def __init__(self, space: Space, axis: Bound | None, others: tuple[Bound, ...], ties: Ties) -> None:
        """Follow the space's derivations to the first decision.

        Args:
            space: what to search.
            axis: the cost that paths are compared by; None: all paths are equal.
            others: what edges add up besides it.
            ties: how the copies of tied parts are derived.

        Raises:
            NotAlike: see `look`.
        """
        interner = Interner()
        self.machine = space.make_machine(interner=interner)
        """Derives in the plain way, with agendas that the tracer knows."""
        tracer = space.make_machine(PartwiseTracer, interner)
        assert isinstance(tracer, PartwiseTracer)
        tracer.prepare(space, axis, others)
        tracer.ties = ties
        self.tracer = tracer
        self.nodes: list[StateNode | None] = []
        """None: not looked into so far."""
        self.before: list[PathStep | None] = []
        """The shortest path to each state, as far as it is known."""
        self.end: PathStep | None = None
        """The shortest path to the end of a network."""
        self.looked = 0
        """Number of states explored."""
        self.options = 0
        """Number of options of all decisions, including those that were not explored."""
        self.within = 0
        """Number of states that are known to be reached within the axis' bound."""
        self.bound = NEVER if axis is None else space.budget.bounds().get(axis, NEVER)
        """The axis' bound."""
        self._copied = 0
        self._peeked: dict[int, StateNode] = {}
        self._ticker = Ticker("exploring states of the space")
        self._heap: list[tuple[int, int]] = []
        self.start: Edge = tracer.first_stop()
        """The first decision (or end), and what every network costs before it."""
        self._reach(self.start, (0, -1, 0))

    def ahead(self) -> int | None:
        """Least cost on the axis to a state that was not looked into; None if there is none."""
        while self._heap and self.nodes[self._heap[0][1]] is not None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    @property
    def work(self) -> float:
        """Number of states explored, where a copied one counts half."""
        return self.looked - self.tracer.copied / 2

    @property
    def work_within(self) -> float:
        """The same of the states that are known to be reached within the axis' bound."""
        return self.within - self._copied / 2

    def peek(self, number: int) -> StateNode:
        """Return a state's node without exploring further."""
        node = self.nodes[number] if number < len(self.nodes) else None
        node = node or self._peeked.get(number)
        if node is None:
            node = self._peeked[number] = self.tracer.look(number)
        return node

    def look(self) -> None:
        """Look into the state that `ahead` is about.

        Raises:
            NotAlike: a tied part is not as its ties say.
        """
        cost, number = heapq.heappop(self._heap)
        node = self.nodes[number] = self._peeked.pop(number, None) or self.tracer.look(number)
        self.looked += 1
        self._ticker.tick()
        for option, edge in enumerate(node.edges):
            if edge is not None:
                self._reach(edge, (cost, number, option))

    def _reach(self, edge: Edge, step: PathStep) -> None:
        for pending in self.tracer.waiting[len(self.nodes) :]:
            self.nodes.append(None)
            self.before.append(None)
            self.options += len(pending.decision.labels)
        target, costs = edge
        step = (step[0] + costs[0], step[1], step[2])
        if target == COMPLETE:
            self.end = step if self.end is None else min(self.end, step)
        elif target >= 0:
            known = self.before[target]
            if known is None or step[0] < known[0]:
                if step[0] <= self.bound and (known is None or known[0] > self.bound):
                    self.within += 1
                    self._copied += self.tracer.is_copied(target)
                self.before[target] = step
                heapq.heappush(self._heap, (step[0], target))


def search_states(
    space: Space,
    axis: Bound | None,
    others: tuple[Bound, ...],
    run: Callable[[ShortestPaths], _Found],
    *,
    fits: Callable[[ShortestPaths], bool] = lambda _: True,
    keep: bool = False,
) -> _Found:
    """Search a space, or go on with a search of it that was kept.

    Copies of tied parts are derived one by one where that is the only way.

    Args:
        space: what to search.
        axis: see `ShortestPaths`.
        others: see `ShortestPaths`.
        run: carries out the search as far as it wants.
        fits: whether *run* can go on with a search that was kept; else it begins a new one.
        keep: keep the search for the next caller who adds up the same, at the price of its memory.
    """
    key = "shortest paths", axis, others
    kept = space.memory.pop(key, None)
    paths = kept if isinstance(kept, ShortestPaths) and fits(kept) else None
    ties = Ties()
    while True:
        try:
            paths = paths or ShortestPaths(space, axis, others, ties)
            found = run(paths)
        except NotAlike as unlike:
            ties = (ties if paths is None else paths.tracer.ties).without(unlike.repeat)
            paths = None
            continue
        if keep:
            space.memory[key] = paths
        return found


@contextmanager
def without_collector() -> Iterator[None]:
    """Pause the collection of reference cycles: none are made here, and looking for them doubles the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
