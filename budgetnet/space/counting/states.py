"""All states of a space's derivations at which something is left to choose, and where each option leads.

Derivations that differ in the past but not in the future meet in one state (`State.key`), so a space of
10^20 derivations may have a few thousand states. They are found cheapest first; those that can only be reached
above the budget come last, and may be left out where the space is large.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass

from budgetnet.derivation.frames import Interner
from budgetnet.derivation.machine import Machine, State
from budgetnet.network.budget import Bound
from budgetnet.space.counting.tied import NotAlike, TiedTracer, Ties, is_counted
from budgetnet.space.counting.tracer import BAD_ARGUMENT, BAD_SHAPE, COMPLETE, NEVER, Costs, Edge, Node, Tracer
from budgetnet.space.space import Space

__all__ = [
    "BAD_ARGUMENT",
    "BAD_SHAPE",
    "COMPLETE",
    "NEVER",
    "Costs",
    "Edge",
    "Node",
    "StateGraph",
    "Tracer",
    "find_states",
]

STEPS_PER_STATE = 10
"""Steps of the machine that a search for states may take, for each state that it may look into …"""
LEAST_STEPS = 50_000
"""… and at least this many."""

_AXES: tuple[Bound, ...] = ("params", "flops", "activations")
"""Bounds that are sums over a network's parts, so that a table can follow them exactly."""


@dataclass(frozen=True, slots=True)
class StateGraph:
    """The states of a space."""

    axis: Bound | None
    """What edges add up exactly and first: params, else flops or activations; None if none of them is bounded."""
    others: tuple[Bound, ...]
    """The other bounds, and what else was asked for; depth and memory from below, and memory as a maximum."""
    start: Edge
    """The first decision (or end), and what every network costs before it."""
    nodes: tuple[Node | None, ...]
    """None: not looked into, for it can only be reached above the axis' bound."""
    least: tuple[int, ...]
    """Per node, the least on the axis with which it is reached."""
    machine: Machine
    """Derives in the plain way; only its states can be looked up."""
    numbers: dict[Hashable, int]
    """Node of each state's key, with ties undone."""
    ties: Ties

    def number(self, state: State) -> int:
        """The node of a state with a decision."""
        return self.numbers[self.ties.key(state)]


def find_states(space: Space, limit: int, also: tuple[Bound, ...] = ()) -> StateGraph | None:
    """Find the states of a space.

    Args:
        space: its budget's bounds are what edges add up.
        limit: largest number of nodes that are looked into; None is returned where those within the budget are
            more, or take too many steps. States above the budget are looked into as far as the limit allows.
        also: what else edges add up, though the budget does not bound it.
    """
    taped: frozenset[int] = frozenset()
    while True:
        try:
            return _Search(space, taped, also).run(limit)
        except NotAlike as error:
            taped |= {error.repeat}


class _Search:
    """Dijkstra's algorithm over the states."""

    def __init__(self, space: Space, taped: frozenset[int], also: tuple[Bound, ...]) -> None:
        self._limits = space.budget.bounds()
        self._axis = next((bound for bound in self._limits if bound in _AXES), None)
        self._others = tuple(bound for bound in dict.fromkeys((*self._limits, *also)) if bound != self._axis)
        interner = Interner()
        self._machine = space.make_machine(interner=interner)
        tracer = space.make_machine(TiedTracer, interner)
        assert isinstance(tracer, TiedTracer)
        tracer.prepare(space, self._axis, self._others)
        tracer.ties = Ties(taped)
        self._tracer = tracer
        self._nodes: list[Node | None] = []
        self._least: list[int] = []
        self._heap: list[tuple[int, int]] = []

    def run(self, limit: int) -> StateGraph | None:
        """Look into states until none is left or the limit is met.

        Raises:
            NotAlike: copies of a tied part are not alike, so that they must be derived one by one.
        """
        tracer = self._tracer
        steps = max(STEPS_PER_STATE * limit, LEAST_STEPS)
        start = tracer.follow(tracer.start())
        self._reach(start, 0)
        looked = 0
        while self._heap:
            before, number = heapq.heappop(self._heap)
            if self._nodes[number] is not None or before > self._least[number]:
                continue
            if looked == limit or tracer.steps > steps:
                if self._axis is None or before <= self._limits[self._axis] or not self._ties_hold(2 * steps):
                    return None
                break
            looked += 1
            node = self._nodes[number] = tracer.look(number)
            for edge in node.edges:
                if edge is not None:
                    self._reach(edge, before)
        return StateGraph(
            axis=self._axis,
            others=self._others,
            start=start,
            nodes=tuple(self._nodes),
            least=tuple(self._least),
            machine=self._machine,
            numbers={tracer.ties.undone(tracer.waiting[number].state): number for number in range(len(self._nodes))},
            ties=tracer.ties,
        )

    def _ties_hold(self, steps: int) -> bool:
        """Follow tied parts to their ends where they were left off above the bound; False if that is too much.

        They were counted as if all copies were alike; where they are not, they may cost less than that.

        Raises:
            NotAlike: copies of one of them are not alike.
        """
        waiting = self._tracer.waiting
        number = 0
        while number < len(waiting):
            left_off = number >= len(self._nodes) or self._nodes[number] is None
            if left_off and any(map(is_counted, waiting[number].state.tapings)):
                if self._tracer.steps > steps:
                    return False
                self._tracer.look(number)
            number += 1
        return True

    def _reach(self, edge: Edge, before: int) -> None:
        number, costs = edge
        if number < 0:
            return
        missing = len(self._tracer.waiting) - len(self._nodes)
        self._nodes += [None] * missing
        self._least += [NEVER] * missing
        there = before + costs[0]
        if there < self._least[number]:
            self._least[number] = there
            heapq.heappush(self._heap, (there, number))
