"""A look at every decision of a space before anything is drawn: what each option leads to, and at which least cost.

Unlike the table (`budgetnet.space.counting.table`) it keeps no arrays, only the least of each bound from a decision to
the end, so it is made in a fraction of a second, and it knows the place in the text of each decision.
"""

from __future__ import annotations

import gc
import heapq
from collections.abc import Iterator
from dataclasses import dataclass, replace

from budgetnet.derivation.expand import Decision, Label
from budgetnet.derivation.frames import Interner
from budgetnet.derivation.machine import Pending
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.network.budget import Bound
from budgetnet.network.cost.types import Cost
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.space.choosers import label_index
from budgetnet.space.counting.tied import NotAlike, TiedTracer, Ties
from budgetnet.space.counting.tracer import COMPLETE, Costs, Edge, Node, Tracer
from budgetnet.space.lint.loosen import loosened
from budgetnet.space.space import Space

__all__ = ["LIMIT_STEPS", "Deaf", "Survey", "survey"]

LIMIT_STEPS = 100_000
"""Steps of the machine after which a survey gives up: about two seconds of work."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Survey:
    """The decisions of a space by number, and what follows them."""

    space: Space
    bounds: tuple[Bound, ...]
    """What is counted: parameters, then the budget's other bounds. Depth and memory are bounded from below."""
    start: Edge
    """The first decision (or end), and what every network costs before it."""
    decisions: tuple[Pending, ...]
    nodes: tuple[Node | None, ...]
    """What each decision's options lead to; None where it was not looked into."""
    order: tuple[int, ...]
    """The decisions' numbers, each after those that lead to it."""
    after: tuple[Costs | None, ...]
    """Least of each bound from a decision to the end of a network, 0 where that was not looked into; None where no
    network follows."""
    tracer: Tracer
    """Made the decisions."""
    complete: bool
    """Whether all decisions within the budget were looked into."""
    shortest: tuple[int, ...] | None
    """The options of a derivation with the fewest parameters; None if there is no network or none was found."""
    least_params: int
    """No network has fewer parameters; 0 where there is none."""

    def beyond(self, target: int) -> Costs | None:
        """Least of each bound from the end of an edge to the end of a network; None if no network follows."""
        if target == COMPLETE:
            return (0,) * len(self.bounds)
        return self.after[target] if target >= 0 else None

    def least(self) -> Costs | None:
        """Least of each bound over all networks; None if there is no network."""
        beyond = self.beyond(self.start[0])
        return None if beyond is None else self.tracer.add(self.start[1], beyond)

    def smallest(self) -> Cost | None:
        """The cost of a network with the fewest parameters; None if there is no network or none was found."""
        if self.shortest is None:
            return None
        recorded = dict(self._follow(self.shortest))

        def choose(decision: Decision) -> int:
            name = _untied(decision.name)
            index = label_index(decision, recorded[name]) if name in recorded else None
            return decision.allowed.index(True) if index is None else index

        try:
            cost = self.space.cost(self.space.expand(choose).network)
        except (ShapeError, LanguageError):  # it is beyond a limit of the machine that its parts are not
            return None
        return cost if cost.params == self.least_params else None

    def _follow(self, options: tuple[int, ...]) -> Iterator[tuple[str, Label]]:
        """The decisions of a derivation."""
        stop = self.tracer.run(self.tracer.start(), Deaf())
        for index in options:
            assert isinstance(stop, Pending)
            yield _untied(stop.name), stop.labels[index]
            stop = self.tracer.run(self.tracer.take(stop, index), Deaf())


def _untied(name: str) -> str:
    """A decision's name without the index that it has where the copies of a tied part may differ."""
    return name.replace("[0]", "")


def survey(space: Space, steps: int = LIMIT_STEPS) -> Survey:
    """Look at the decisions of a space, those first that can be reached with few parameters.

    Where that is too much work and the grammar has tied parts, their copies are looked at as if they could differ.
    That makes more networks out of fewer decisions, so what is impossible there is impossible.

    Args:
        space: its budget's bounds are what is counted.
        steps: of the machine; where they do not suffice, the survey is not complete.

    Raises:
        CountError: the space holds a study's own primitive without a closed form.
    """
    collecting = gc.isenabled()
    gc.disable()  # there are no reference cycles here, and looking for them takes a third of the time
    try:
        found = _survey(space, space, steps)
        if not found.complete:
            loose = loosened(space.grammar)
            if loose != space.grammar:
                return _survey(space, replace(space, grammar=loose), steps)
        return found
    finally:
        if collecting:
            gc.enable()


class Deaf:
    """A listener that hears nothing, for derivations of which only the end is of interest."""

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Nothing."""

    def begin(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Nothing."""

    def skip(self, *, projected: bool) -> None:
        """Nothing."""

    def join(self, owner: syntax.Parallel | syntax.Split) -> None:
        """Nothing."""

    def shared(self, times: int) -> None:
        """Nothing."""

    def graph(self, graph: syntax.Graph[syntax.Expression]) -> None:
        """Nothing."""


def _survey(space: Space, derived: Space, steps: int) -> Survey:
    """Look at the decisions of *derived* for what is said about *space*."""
    taped: frozenset[int] = frozenset()
    while True:
        try:
            return _Search(space, derived, taped).survey(steps)
        except NotAlike as found:  # its copies have to be derived one by one
            taped |= {found.repeat}


class _Search:
    """Finds decisions, and the cheapest ways to them (Dijkstra's algorithm)."""

    def __init__(self, space: Space, derived: Space, taped: frozenset[int]) -> None:
        tracer = derived.make_machine(TiedTracer, Interner())
        assert isinstance(tracer, TiedTracer)
        self.space = space
        self.tracer = tracer
        self.bounds: tuple[Bound, ...] = ("params", *(bound for bound in space.budget.bounds() if bound != "params"))
        tracer.prepare(space, "params", self.bounds[1:])
        tracer.ties = Ties(taped)
        self.nodes: list[Node | None] = []
        self.before: list[tuple[int, int, int] | None] = []
        """Per decision: fewest parameters before it, and the decision and option that lead to it with them."""
        self.end: tuple[int, int, int] | None = None
        """The same for the end of a network."""
        self.heap: list[tuple[int, int]] = []
        self.options = 0
        """Of all decisions together; many cost as much as steps do."""

    def survey(self, steps: int) -> Survey:
        """Look around until nothing is left, or there were too many steps."""
        start = self.tracer.follow(self.tracer.start())
        self._reach(start, (0, -1, 0))
        while self.heap and self.tracer.steps + self.options // 4 < steps:
            params, number = heapq.heappop(self.heap)
            if self.nodes[number] is not None:
                continue
            node = self.nodes[number] = self.tracer.look(number)
            for option, edge in enumerate(node.edges):
                if edge is not None:
                    self._reach(edge, (params, number, option))
        while self.heap and self.nodes[self.heap[0][1]] is not None:
            heapq.heappop(self.heap)
        limit = self.space.budget.params
        least = self.heap[0][0] if self.heap else 0  # what was not looked into costs at least so much
        complete = not self.heap or (limit is not None and least > limit)
        shortest = None
        if self.end is not None and (not self.heap or self.end[0] <= least):
            shortest, least = self._way(self.end), self.end[0]
        order = _ordered(self.nodes, start)
        return Survey(
            space=self.space,
            bounds=self.bounds,
            start=start,
            decisions=tuple(self.tracer.waiting),
            nodes=tuple(self.nodes),
            order=order,
            after=self._after(order),
            tracer=self.tracer,
            complete=complete,
            shortest=shortest,
            least_params=least,
        )

    def _reach(self, edge: Edge, way: tuple[int, int, int]) -> None:
        for decision in self.tracer.waiting[len(self.nodes) :]:
            self.nodes.append(None)
            self.before.append(None)
            self.options += len(decision.labels)
        target, costs = edge
        way = (way[0] + costs[0], *way[1:])
        if target == COMPLETE:
            self.end = way if self.end is None else min(self.end, way)
        elif target >= 0:
            known = self.before[target]
            if known is None or way[0] < known[0]:
                self.before[target] = way
                heapq.heappush(self.heap, (way[0], target))

    def _way(self, end: tuple[int, int, int]) -> tuple[int, ...]:
        """The options that lead to an end."""
        options: list[int] = []
        way: tuple[int, int, int] | None = end
        while way is not None and way[1] >= 0:
            options.append(way[2])
            way = self.before[way[1]]
        return tuple(reversed(options))

    def _after(self, order: tuple[int, ...]) -> tuple[Costs | None, ...]:
        after: list[Costs | None] = [None] * len(self.nodes)
        zero = (0,) * len(self.bounds)
        for number in reversed(order):
            node = self.nodes[number]
            if node is None:
                after[number] = zero
                continue
            ends = [
                self.tracer.add(costs, beyond)
                for target, costs in filter(None, node.edges)
                if (beyond := zero if target == COMPLETE else after[target] if target >= 0 else None) is not None
            ]
            if ends:
                after[number] = tuple(map(min, zip(*ends, strict=True)))
        return tuple(after)


def _ordered(nodes: list[Node | None], start: Edge) -> tuple[int, ...]:
    """All decisions, each after those that lead to it."""
    leading = [0] * len(nodes)
    for number in range(len(nodes)):
        for target in _targets(nodes[number]):
            leading[target] += 1
    order = [start[0]] if start[0] >= 0 else []
    for number in order:
        for target in _targets(nodes[number]):
            leading[target] -= 1
            if not leading[target]:
                order.append(target)
    return tuple(order)


def _targets(node: Node | None) -> list[int]:
    return [] if node is None else [target for target, _ in filter(None, node.edges) if target >= 0]
