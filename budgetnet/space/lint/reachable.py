"""Decisions of a space that can be reached: what each option leads to, and at which least cost.

Unlike the table (`budgetnet.space.counting.table`) it keeps no arrays, only the least of each bound from a decision to
the end, so it is made in a fraction of a second, and it knows the place in the text of each decision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import assert_never

from budgetnet.derivation.decision import Decision, Label
from budgetnet.derivation.listeners import SilentListener
from budgetnet.derivation.machine import Pending
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.grammar.graph import rebuild
from budgetnet.network.budget import Bound
from budgetnet.network.cost.types import Cost
from budgetnet.space.choosers import label_index
from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states, without_collector
from budgetnet.space.space import Space
from budgetnet.space.tracing.tracer import COMPLETE, Costs, Edge, StateNode, Tracer

__all__ = ["SEARCH_STEPS", "Reachable", "find_reachable"]

SEARCH_STEPS = 100_000
"""Steps of the machine after which the search gives up: about two seconds of work."""
OPTIONS_PER_STEP = 4
"""Options on offer that count as much as a step; many cost as much time as steps do."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Reachable:
    """The decisions of a space by number, and what follows them."""

    space: Space
    bounds: tuple[Bound, ...]
    """Counted costs: parameters, then the budget's other bounds. Depth and memory are bounded from below."""
    start: Edge
    """The first decision (or end), and what every network costs before it."""
    decisions: tuple[Pending, ...]
    nodes: tuple[StateNode | None, ...]
    """Targets of each decision's options; None for a decision that was not explored."""
    order: tuple[int, ...]
    """The decisions' numbers, each after those that lead to it."""
    after: tuple[Costs | None, ...]
    """Least of each bound from a decision to the end of a network, 0 where that was not looked into; None where no
    network follows."""
    tracer: Tracer
    """Made the decisions."""
    complete: bool
    """True if all decisions within the budget were explored."""
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
        except (ShapeError, LanguageError):  # the whole exceeds a limit of the machine that its parts keep
            return None
        return cost if cost.params == self.least_params else None

    def _follow(self, options: tuple[int, ...]) -> Iterator[tuple[str, Label]]:
        """The decisions of a derivation."""
        stop = self.tracer.run(self.tracer.start(), SilentListener())
        for index in options:
            assert isinstance(stop, Pending)
            yield _untied(stop.decision.name), stop.decision.labels[index]
            stop = self.tracer.run(self.tracer.take(stop, index), SilentListener())


def _untied(name: str) -> str:
    """A decision's name without the index that it has where the copies of a tied part may differ."""
    return name.replace("[0]", "")


def find_reachable(space: Space, steps: int = SEARCH_STEPS) -> Reachable:
    """Look at the decisions of a space, those first that can be reached with few parameters.

    Where that is too much work and the grammar has tied parts, their copies are looked at as if they could differ.
    That makes more networks out of fewer decisions, so what is impossible there is impossible.

    Args:
        space: its budget's bounds are what is counted.
        steps: of the machine; where they do not suffice, the result is not complete.

    Raises:
        CountError: the space holds a study's own primitive without a closed form.
    """
    with without_collector():
        found = _search(space, space, steps)
        if not found.complete:
            loose = _untie(space.grammar)
            if loose != space.grammar:
                return _search(space, replace(space, grammar=loose), steps)
        return found


def _search(space: Space, derived: Space, steps: int) -> Reachable:
    """Look at the decisions of *derived* for what is said about *space*.

    Where the two are one, the search is kept: a table of the space goes on with it.
    """
    bounds: tuple[Bound, ...] = ("params", *(bound for bound in space.budget.bounds() if bound != "params"))

    def affordable(paths: ShortestPaths) -> bool:
        return paths.tracer.steps + paths.options // OPTIONS_PER_STEP < steps

    def run(paths: ShortestPaths) -> Reachable:
        while (ahead := paths.ahead()) is not None and affordable(paths):
            paths.look()
        limit = space.budget.params
        least = ahead or 0  # what was not looked into costs at least so much
        complete = ahead is None or (limit is not None and least > limit)
        shortest = None
        if paths.end is not None and (ahead is None or paths.end[0] <= least):
            shortest, least = _way(paths), paths.end[0]
        order = _ordered(paths.nodes, paths.start)
        return Reachable(
            space=space,
            bounds=bounds,
            start=paths.start,
            decisions=tuple(paths.tracer.waiting),
            nodes=tuple(paths.nodes),
            order=order,
            after=_after(paths, order, len(bounds)),
            tracer=paths.tracer,
            complete=complete,
            shortest=shortest,
            least_params=least,
        )

    return search_states(derived, bounds[0], bounds[1:], run, fits=affordable, keep=derived is space)


def _way(paths: ShortestPaths) -> tuple[int, ...]:
    """The options that lead to the end of the smallest network."""
    options: list[int] = []
    step = paths.end
    while step is not None and step[1] >= 0:
        options.append(step[2])
        step = paths.before[step[1]]
    return tuple(reversed(options))


def _after(paths: ShortestPaths, order: tuple[int, ...], bounds: int) -> tuple[Costs | None, ...]:
    """Least of each bound from a decision to the end of a network."""
    after: list[Costs | None] = [None] * len(paths.nodes)
    zero = (0,) * bounds
    for number in reversed(order):
        node = paths.nodes[number]
        if node is None:
            after[number] = zero
            continue
        ends = [
            paths.tracer.add(costs, beyond)
            for target, costs in filter(None, node.edges)
            if (beyond := zero if target == COMPLETE else after[target] if target >= 0 else None) is not None
        ]
        if ends:
            after[number] = tuple(map(min, zip(*ends, strict=True)))
    return tuple(after)


def _ordered(nodes: list[StateNode | None], start: Edge) -> tuple[int, ...]:
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


def _targets(node: StateNode | None) -> list[int]:
    return [] if node is None else [target for target, _ in filter(None, node.edges) if target >= 0]


# --- tied parts made independent -----------------------------------------------------------------------


def _untie(grammar: syntax.Grammar) -> syntax.Grammar:
    """Return the grammar with ``tied(a){n}`` replaced by ``a{n}``; what is impossible there is impossible here."""
    return replace(grammar, rules=tuple(replace(rule, body=_untied_part(rule.body)) for rule in grammar.rules))


def _untied_part(part: syntax.Expression) -> syntax.Expression:
    """The part with ``tied(a){n}`` replaced by ``a{n}``."""
    match part:
        case syntax.Call():
            return part
        case syntax.SequenceExpression():
            return replace(part, items=tuple(map(_untied_part, part.items)))
        case syntax.Alternatives():
            return replace(part, options=tuple(map(_untied_part, part.options)))
        case syntax.Repeat():
            return replace(part, body=_untied_part(part.body), mode="anew" if part.mode == "tied" else part.mode)
        case syntax.Optional():
            return replace(part, body=_untied_part(part.body))
        case syntax.SkipExpression():
            project = part.project if isinstance(part.project, str) else _untied_part(part.project)
            return replace(part, body=_untied_part(part.body), project=project)
        case syntax.ParallelExpression() | syntax.SplitExpression():
            return replace(part, branches=tuple(map(_untied_part, part.branches)))
        case syntax.Graph():
            return rebuild(part, _untied_part)
        case _:
            assert_never(part)
