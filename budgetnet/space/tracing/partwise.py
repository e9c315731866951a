"""Rules that are called traced once, wherever the call stands.

A state tells apart all that is left to do, so the decisions inside ``block(c)`` are states of their own before each
rest of a network. But where they lead depends on the call and its input's shape alone. So a call is traced by itself,
once, by a `PartTracer`; before each rest its decisions are copied, and only its ends are followed on.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from operator import add
from typing import NamedTuple

from budgetnet.derivation.frames import BodyFrame, Cell, Path, Shapes, Trail
from budgetnet.derivation.machine import LIMIT_LAYERS, Pending, State
from budgetnet.grammar import syntax
from budgetnet.network.budget import Bound
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.space.space import Space
from budgetnet.space.tracing.lower_bounds import LowerBounds
from budgetnet.space.tracing.passed import PassedTracer
from budgetnet.space.tracing.tracer import BAD_ARGUMENT, Costs, Edge, StateNode

__all__ = ["PartwiseTracer"]

_FIRST_END = -16
"""Target of an edge to the first known end of a part; the others follow below."""
_ALONE: Trail = (Path(), None)
_SUMS: tuple[Bound, ...] = ("params", "flops", "activations", "flash")
"""Bounds that do not depend on what is around a part."""

_Around = tuple[int, bool, frozenset[Shape]]
"""Nesting around a part, whether it may be off the longest path, and the shapes that are alive for later."""


class _Way(NamedTuple):
    """An edge inside a part."""

    target: int
    costs: Costs
    counted: Costs
    """The costs, and the number of layers behind them."""


@dataclass(slots=True)
class _Place:
    """A rest of a network that parts are followed by."""

    inner: PartTracer
    """Traces these parts by themselves."""
    rest: Cell
    trail: Trail
    factor: int
    nesting: int
    numbers: dict[int, int] = field(default_factory=dict)
    """Decisions before this rest, by their numbers inside the part."""


class _Copied(NamedTuple):
    """A decision inside a part, before a rest."""

    place: _Place
    inside: int
    path: Path
    """Location of the call."""
    layers: int


class PartwiseTracer(PassedTracer):
    """Traces calls of rules by themselves, and copies their decisions."""

    def prepare(self, space: Space, axis: Bound | None, others: tuple[Bound, ...]) -> None:
        """Set what is added up; called once."""
        super().prepare(space, axis, others)
        self._make = space, axis, others
        self._alike = all(bound is None or bound in _SUMS for bound in (axis, *others))
        self._family: dict[_Around, PartTracer] = {}

    def forget(self) -> None:
        """Drop what was remembered."""
        super().forget()
        self.copied = 0
        """Number of copied decisions that were looked at; they cost less."""
        self._copied: dict[int, _Copied] = {}
        self._rests: dict[Hashable, _Place] = {}

    def is_copied(self, number: int) -> bool:
        """Return True if looking at a decision copies another one."""
        return number in self._copied

    def decision(self, number: int) -> Pending:
        """Return a decision with its full name and all that is left to derive behind it."""
        copied = self._copied.get(number)
        if copied is None:
            return super().decision(number)
        place, path = copied.place, copied.path
        inside = place.inner.decision(copied.inside)
        agenda, trail = self._joined(inside.state, place, path)
        state = inside.state._replace(agenda=agenda, trail=trail, layers=copied.layers)
        return inside._replace(state=state, decision=inside.decision._replace(name=path.name(inside.decision.name)))

    def look(self, number: int) -> StateNode:
        """Follow every option of a node."""
        copied = self._copied.get(number)
        if copied is None:
            return super().look(number)
        self.copied += 1
        inner = copied.place.inner
        before = inner.steps
        ways, weights = inner.ways(copied.inside)
        if inner is not self:
            self.steps += inner.steps - before
        return StateNode(tuple([None if way is None else self._copy(way, copied) for way in ways]), weights)

    def _one_step(self, state: State) -> State | Pending | int:
        agenda = state.agenda
        if state.tapings or agenda is None or agenda.rest is None or not self._calls_rule(agenda):
            return super()._one_step(state)
        assert state.trail is not None
        assert state.trail[1] is not None
        inner = self._inner(agenda.rest, state.nesting)
        before = inner.steps
        way = inner.enter(self._book.cell(agenda.frame, None), state)
        if inner is not self:
            self.steps += inner.steps - before
        self._added = self._own(way)
        layers = state.layers + way.counted[-1]
        if way.target >= 0:
            return self._number(self._place(inner, state), way.target, state.trail[0], layers)
        if way.target > _FIRST_END:
            return way.target
        if layers > LIMIT_LAYERS:
            return BAD_ARGUMENT
        shapes = inner.ends[_FIRST_END - way.target]
        return State(agenda.rest, state.trail[1], shapes, (), state.factor, layers, state.nesting)

    def _calls_rule(self, agenda: Cell) -> bool:
        frame = agenda.frame
        return (
            isinstance(frame, BodyFrame)
            and isinstance(frame.expression, syntax.Call)
            and frame.expression.name in self._book.rules
        )

    def _inner(self, rest: Cell, nesting: int) -> PartTracer:
        """Return what traces parts before a rest."""
        around: _Around = nesting, False, frozenset()
        if not self._alike:
            around = nesting, self._surroundings.inside(rest), self._surroundings.alive(rest)
        found = self._family.get(around)
        if found is None:
            space, axis, others = self._make
            made = space.make_machine(PartTracer, self.interner)
            assert isinstance(made, PartTracer)
            found = self._family[around] = made
            found.prepare(space, axis, others)
            found.join_family(self, LowerBounds(inside=around[1], alive=around[2]))
        return found

    def _place(self, inner: PartTracer, state: State) -> _Place:
        assert state.agenda is not None
        assert state.agenda.rest is not None
        assert state.trail is not None
        assert state.trail[1] is not None
        key = id(inner), id(state.agenda.rest), state.factor
        found = self._rests.get(key)
        if found is None:
            found = _Place(inner, state.agenda.rest, state.trail[1], state.factor, state.nesting)
            self._rests[key] = found
        return found

    def _number(self, place: _Place, inside: int, path: Path, layers: int) -> int:
        """Return the number of a decision inside a part, before a rest."""
        number = place.numbers.get(inside)
        if number is None:
            number = place.numbers[inside] = len(self.waiting)
            self.waiting.append(place.inner.waiting[inside])
            self._copied[number] = _Copied(place, inside, path, layers)
        return number

    def _copy(self, way: _Way, copied: _Copied) -> Edge:
        """Return an edge inside a part, followed by a rest."""
        place, own, layers = copied.place, self._own(way), copied.layers + way.counted[-1]
        if way.target >= 0:
            return self._number(place, way.target, copied.path, layers), own
        if way.target > _FIRST_END:
            return way.target, own
        if layers > LIMIT_LAYERS:
            return BAD_ARGUMENT, own
        shapes = place.inner.ends[_FIRST_END - way.target]
        target, more = self.follow(State(place.rest, place.trail, shapes, (), place.factor, layers, place.nesting))
        return target, self.add(own, more)

    def _own(self, way: _Way) -> Costs:
        """Return what this tracer adds up along a way."""
        return way.costs

    def _joined(self, state: State, place: _Place, path: Path) -> tuple[Cell, Trail]:
        """Return what is left to derive of a part, followed by a rest."""
        frames = []
        cell, trail = state.agenda, state.trail
        while cell is not None:
            assert trail is not None
            own = trail[0]
            named = Path(path.name(own.prefix), own.turns, own.next_turn) if own.prefix else path
            frames.append((cell.frame, named))
            cell, trail = cell.rest, trail[1]
        agenda, names = place.rest, place.trail
        for frame, named in reversed(frames):
            agenda, names = self._book.cell(frame, agenda), (named, names)
        return agenda, names


class PartTracer(PartwiseTracer):
    """Traces parts that nothing follows; it also counts layers, behind the other costs."""

    def forget(self) -> None:
        """Drop what was remembered."""
        super().forget()
        self._zero = (*self._zero[: 1 + len(self._others)], 0)
        self.ends: list[Shapes] = []
        """The shapes that parts end with, in the order of their targets."""
        self._targets: dict[Shapes, int] = {}
        self._ways: dict[int, tuple[tuple[_Way | None, ...], tuple[float, ...]]] = {}

    def join_family(self, outer: PartwiseTracer, surroundings: LowerBounds) -> None:
        """Work for another tracer."""
        self.ties, self.at_once = outer.ties, outer.at_once
        self._family, self._alone, self._surroundings = outer._family, outer._alone, surroundings

    def enter(self, alone: Cell, state: State) -> _Way:
        """Follow a call that is alone on its agenda to its first decision or its end."""
        target, counted = self.follow(State(alone, _ALONE, state.shapes, (), state.factor, 0, state.nesting))
        return _Way(target, counted[:-1], counted)

    def ways(self, number: int) -> tuple[tuple[_Way | None, ...], tuple[float, ...]]:
        """Return the options of a decision, and their weights."""
        known = self._ways.get(number)
        if known is None:
            node = self.look(number)
            ways = tuple(edge and _Way(edge[0], edge[1][:-1], edge[1]) for edge in node.edges)
            known = self._ways[number] = ways, node.weights
        return known

    def add(self, first: Costs, second: Costs) -> Costs:
        """Costs one after the other: sums, for memory the larger."""
        if self._all_sums:
            return tuple(map(add, first, second))
        return *super().add(first[:-1], second[:-1]), first[-1] + second[-1]

    def _one_step(self, state: State) -> State | Pending | int:
        if state.agenda is not None:
            return super()._one_step(state)
        target = self._targets.get(state.shapes)
        if target is None:
            target = self._targets[state.shapes] = _FIRST_END - len(self.ends)
            self.ends.append(state.shapes)
        return target

    def _cost_of(self, node: Primitive, entry: Shape, factor: int) -> Costs:
        return *super()._cost_of(node, entry, factor), 1

    def _own(self, way: _Way) -> Costs:
        return way.counted
