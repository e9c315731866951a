"""States of a space that are looked into when they are asked for, and what may follow each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

from budgetnet.derivation.frames import Interner
from budgetnet.derivation.machine import Machine
from budgetnet.network.budget import Bound
from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import COMPLETE, Edge, StateNode
from budgetnet.space.lookahead.parts import Parts, TooMuchWork
from budgetnet.space.lookahead.prospect import BoundCosts, Criteria, Prospect
from budgetnet.space.space import Space
from budgetnet.space.tracing.partwise import PartwiseTracer
from budgetnet.space.tracing.tied import NotAlike, Ties

__all__ = ["Ahead", "LazyStates"]

_Made = TypeVar("_Made")


@dataclass(slots=True)
class Ahead:
    """Knowledge of what follows a state."""

    prospect: Prospect | None
    """None: no network follows, or (`unknown`) it was not worked out."""
    unknown: bool
    ways: list[BoundCosts]
    """Costs of completions, by bound."""
    failed: list[BoundCosts] = field(default_factory=list)
    """Rooms that hold no completion."""


class LazyStates:
    """The states of a space by number."""

    start: Edge
    """The first decision (or end), and what every network costs before it."""
    machine: Machine
    """Derives in the plain way, in step with the states."""

    def __init__(self, space: Space, work: int) -> None:
        """Look into the space's parts.

        Args:
            space: with its budget.
            work: steps of the machine that this may take; beyond it less is known in advance.

        Raises:
            CountError: the space holds a study's own primitive without a closed form.
        """
        self.space = space
        self.criteria = Criteria(space.budget.bounds())
        self.ties = Ties()
        self.generation = 0
        """Rises whenever the states get new numbers."""
        self._work = work
        self._axis: Bound | None = next((self.criteria.bounds[place] for place in self.criteria.sums), None)
        self._stale = True
        with without_collector():
            self.renewed(self._look_through)

    @property
    def apart(self) -> bool:
        """True if copies of a tied part, or places of a part that is passed, are taken as independent."""
        return self.ties.apart or self.machine.passes_parts

    def renewed(self, work: Callable[[], _Made]) -> _Made:
        """Do some work; where copies of a tied part turn out not to be alike, begin again with new states."""
        while True:
            try:
                if self._stale:
                    self._begin()
                return work()
            except NotAlike as unlike:
                self.ties = self.ties.without(unlike.repeat)
                self._stale = True

    def _begin(self) -> None:
        interner = Interner()
        self.machine = self.space.make_machine(interner=interner)
        tracer = self.space.make_machine(PartwiseTracer, interner)
        parts = self.space.make_machine(Parts, interner)
        assert isinstance(tracer, PartwiseTracer)
        assert isinstance(parts, Parts)
        tracer.prepare(self.space, self._axis, tuple(bound for bound in self.criteria.bounds if bound != self._axis))
        tracer.ties = self.ties
        tracer.at_once = False
        parts.prepare(self.space, self.criteria, self.ties, interner, self._work)
        self._tracer, self._parts = tracer, parts
        self._nodes: dict[int, StateNode] = {}
        nothing = self.criteria.nothing
        self._known = {COMPLETE: Ahead(nothing, unknown=False, ways=[self.criteria.none])}
        self.generation += 1
        self.start = tracer.first_stop()
        self._stale = False

    def _look_through(self) -> None:
        """Look into all parts, so that those whose copies are not alike are known before the first draw."""
        with suppress(TooMuchWork):
            self._parts.ahead(self._tracer.start())

    def node(self, number: int) -> StateNode:
        """The decision with this number."""
        known = self._nodes.get(number)
        if known is None:
            known = self._nodes[number] = self._tracer.look(number)
        return known

    def costs(self, edge: Edge) -> BoundCosts:
        """The costs of an edge, by bound."""
        return edge[1] if self._axis else edge[1][1:]

    def after(self, spent: BoundCosts, edge: Edge) -> BoundCosts:
        """Return a derivation's costs after an option, from those before it."""
        return self.criteria.add(spent, self.costs(edge))

    def left(self, target: int) -> int:
        """Number of parts that are left to derive, as far as they are known."""
        cell = self._tracer.decision(target).state.agenda if target >= 0 else None
        count = 0
        while cell is not None:
            count += 1
            cell = cell.rest
        return count

    def ahead(self, target: int) -> Ahead:
        """Return what is known of what follows the end of an edge."""
        known = self._known.get(target)
        if known is not None:
            return known
        prospect, unknown = None, False
        if target >= 0:
            try:
                prospect = self._parts.ahead(self._tracer.decision(target).state)
            except TooMuchWork:
                unknown = True
        # Where copies are taken as independent, the least is a bound only, and nothing may attain it.
        attained = prospect is not None and not self.apart
        ways = list(dict.fromkeys(prospect.ways)) if prospect is not None and attained else []
        known = self._known[target] = Ahead(prospect, unknown, ways)
        return known
