"""All states of a space's derivations at which something is left to choose, and where each option leads.

Derivations that differ in the past but not in the future meet in one state (`State.key`), so a space of
10^20 derivations may have a few thousand states. They are found cheapest first; those that can only be reached
above the budget come last, and may be left out where the space is large.
"""

from __future__ import annotations

import heapq
from collections.abc import Hashable
from dataclasses import dataclass

from budgetnet.errors import LanguageError, ShapeError
from budgetnet.language import tree as language
from budgetnet.network.budget import Bound
from budgetnet.network.closed_form import cost
from budgetnet.network.cost import BYTES_PER_VALUE, Cost
from budgetnet.network.expand import output_shape
from budgetnet.network.frames import Interner
from budgetnet.network.machine import Machine, Pending, State
from budgetnet.network.tree import Primitive, Shape
from budgetnet.space.space import Space
from budgetnet.space.surroundings import Surroundings

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

_AXES: tuple[Bound, ...] = ("params", "flops", "activations")
"""Bounds that are sums over a network's parts, so that a table can follow them exactly."""

Costs = tuple[int, ...]
"""What is added: on the axis first (0 without one), then for each other bound of the budget."""

NEVER = 1 << 62
"""More than any cost."""

COMPLETE = -1
"""Where an edge leads that ends in a network."""
BAD_SHAPE = -2
"""Where an edge leads that meets a shape error."""
BAD_ARGUMENT = -3
"""Where an edge leads that meets an argument outside its limits, or recursion without an end."""

Edge = tuple[int, Costs]
"""Where an option leads (a node's number, or one of the codes above) and what is added on the way."""


@dataclass(frozen=True, slots=True)
class Node:
    """A state with a decision."""

    edges: tuple[Edge | None, ...]
    """One per option; None for an option that is not allowed."""
    weights: tuple[float, ...]
    """Prior probabilities of the options; 0 where not allowed."""


@dataclass(frozen=True, slots=True)
class StateGraph:
    """The states of a space."""

    axis: Bound | None
    """What edges add up exactly and first: params, else flops or activations; None if none of them is bounded."""
    others: tuple[Bound, ...]
    """The other bounds; depth and memory from below, and memory as a maximum, not a sum."""
    start: Edge
    """The first decision (or end), and what every network costs before it."""
    nodes: tuple[Node | None, ...]
    """None: not looked into, for it can only be reached above the axis' bound."""
    least: tuple[int, ...]
    """Per node, the least on the axis with which it is reached."""
    numbers: dict[Hashable, int]
    """Node of each state's key."""
    machine: Machine
    """Made the states; only its states have these keys."""


def find_states(space: Space, limit: int) -> StateGraph | None:
    """Find the states of a space.

    Args:
        space: its budget's bounds are what edges add up.
        limit: largest number of nodes that are looked into; None is returned where those within the budget are more.
            States above the budget are looked into as far as the limit allows.
    """
    limits = space.budget.bounds()
    axis = next((bound for bound in limits if bound in _AXES), None)
    others = tuple(bound for bound in limits if bound != axis)
    tracer = space.make_machine(Tracer, Interner())
    assert isinstance(tracer, Tracer)
    tracer.prepare(space, axis, others)
    start = tracer.follow(tracer.start())
    nodes: list[Node | None] = []
    least: list[int] = []
    heap: list[tuple[int, int]] = []

    def reach(edge: Edge, before: int) -> None:
        number, costs = edge
        if number < 0:
            return
        there = before + costs[0]
        while len(nodes) < len(tracer.waiting):
            nodes.append(None)
            least.append(NEVER)
        if there < least[number]:
            least[number] = there
            heapq.heappush(heap, (there, number))

    reach(start, 0)
    looked = 0
    while heap:
        before, number = heapq.heappop(heap)
        if nodes[number] is not None or before > least[number]:
            continue
        if looked == limit:
            if axis is None or before <= limits[axis]:
                return None
            break
        looked += 1
        node = nodes[number] = tracer.look(number)
        for edge in node.edges:
            if edge is not None:
                reach(edge, before)
    numbers = dict(tracer.numbers)
    tracer.forget()
    return StateGraph(axis, others, start, tuple(nodes), tuple(least), numbers, tracer)


class Tracer(Machine):
    """A machine that remembers where each state leads, and listens to itself for what is added on the way."""

    def prepare(self, space: Space, axis: Bound | None, others: tuple[Bound, ...]) -> None:
        """Set what is added up; called once."""
        self._axis = axis
        self._others = others
        self._custom = space.custom
        self._zero: Costs = (0,) * (1 + len(others))
        self.forget()

    def forget(self) -> None:
        """Drop what was remembered."""
        self.numbers: dict[Hashable, int] = {}
        self.waiting: list[Pending] = []
        self._known: dict[Hashable, Edge] = {}
        self._added: Costs = self._zero
        self._at: State | None = None
        self._surroundings = Surroundings()
        self._alone: dict[tuple[Primitive, Shape], Cost] = {}

    def look(self, number: int) -> Node:
        """Follow every option of a node."""
        pending = self.waiting[number]
        weights = [weight * allowed for weight, allowed in zip(pending.weights, pending.allowed, strict=True)]
        total = sum(weights)
        edges = tuple(
            self.follow(self.take(pending, index)) if allowed else None for index, allowed in enumerate(pending.allowed)
        )
        return Node(edges, tuple(weight / total for weight in weights))

    def follow(self, state: State) -> Edge:
        """Work until something is left to choose or the end, over known ground only once."""
        passed: list[tuple[Hashable, Costs]] = []
        while True:
            key = state.key()
            known = self._known.get(key)
            if known is not None:
                break
            self._added = self._zero
            self._at = state
            stop = self._one_step(state)
            if isinstance(stop, State):
                passed.append((key, self._added))
                state = stop
                continue
            if isinstance(stop, Pending):
                self.waiting.append(stop)
                stop = self.numbers[key] = len(self.waiting) - 1
            known = self._known[key] = (stop, self._zero)
            break
        end, costs = known
        for key, added in reversed(passed):
            costs = costs if added is self._zero else self.add(added, costs)
            self._known[key] = (end, costs)
        return end, costs

    def _one_step(self, state: State) -> State | Pending | int:
        try:
            if state.agenda is None:
                output_shape(state.shapes, self.classes)
                return COMPLETE
            stop = self._step(state, self)
            if isinstance(stop, Pending):
                index = self._answer(stop)
                if index is not None:
                    return self.take(stop, index)
            return stop
        except ShapeError:
            return BAD_SHAPE
        except LanguageError:
            return BAD_ARGUMENT

    def add(self, first: Costs, second: Costs) -> Costs:
        """Costs one after the other: sums, for memory the larger."""
        others = (
            max(one, other) if bound == "peak_activation_bytes" else one + other
            for bound, one, other in zip(self._others, first[1:], second[1:], strict=True)
        )
        return first[0] + second[0], *others

    # --- listening ----------------------------------------------------------------------------------

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Add up what a primitive costs where it stands."""
        alone = self._alone.get((node, entry))
        if alone is None:
            alone = self._alone[node, entry] = cost(node, entry, custom=self._custom)
        axis = 0 if self._axis is None else self._here(self._axis, alone, entry, factor)
        others = (self._here(bound, alone, entry, factor) for bound in self._others)
        self._added = self.add(self._added, (axis, *others))

    def _here(self, bound: Bound, alone: Cost, entry: Shape, factor: int) -> int:
        assert self._at is not None
        assert self._at.agenda is not None
        match bound:
            case "params":
                return alone.params
            case "flops":
                return alone.flops * factor
            case "activations":
                return alone.activations * factor
            case "depth":
                return 0 if self._surroundings.aside(self._at.agenda) else alone.depth * factor
            case "peak_activation_bytes":
                return alone.peak_activation_bytes + BYTES_PER_VALUE * self._surroundings.held(self._at.agenda, entry)

    def begin(self) -> None:
        """Nothing to add."""

    def end(self) -> None:
        """Nothing to add."""

    def skip(self, *, projected: bool) -> None:
        """Nothing to add."""

    def join(self, owner: language.Parallel | language.Split) -> None:
        """Nothing to add."""

    def shared(self, times: int) -> None:
        """Nothing to add."""

    def graph(self, graph: language.Graph) -> None:
        """Nothing to add."""
