"""Prospects of a derivation, part by part: each part is explored once, wherever it occurs in the network.

A table over states (`budgetnet.space.counting.tabulate`) tells apart all that is left to do; a part in ten places is
ten times as many states, and a rule that calls itself twice has more states than can be counted. Here a part is known
by itself, by its input's shape and its output's, and parts in sequence are put together. So the work grows with the
number of different parts and shapes, not with the number of their combinations.

Two things are bounded from below only: the copies of a tied part whose copies are not alike are taken as independent,
and tensors that are held for later are left out of peak memory.
"""

from __future__ import annotations

from collections.abc import Generator

from budgetnet.derivation import frames
from budgetnet.derivation.decision import Decision
from budgetnet.derivation.expand import output_shape
from budgetnet.derivation.frames import BodyFrame, Cell, Interner, Path, RepeatFrame, Shapes
from budgetnet.derivation.listeners import SilentListener
from budgetnet.derivation.machine import Machine, Pending, State
from budgetnet.derivation.values import GivenPart, Scope
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.grammar.walk import walk
from budgetnet.network.cost.closed_form import leaf_cost
from budgetnet.network.nodes import Primitive, Shape
from budgetnet.space.lookahead.prospect import BoundCosts, Criteria, Prospect
from budgetnet.space.space import Space
from budgetnet.space.ticker import Ticker
from budgetnet.space.tracing.lower_bounds import LowerBounds
from budgetnet.space.tracing.tied import NotAlike, Ties

__all__ = ["Parts", "TooMuchWork"]

MERGES_PER_STEP = 3
"""Additions of two prospects that take as long as a step of the machine."""

_Found = dict[Shapes, Prospect]
"""Prospects of a part by the shapes that it ends with."""
_Asked = tuple[Cell | None, Shapes]
_Work = Generator[_Asked, _Found, _Found]

_HERE = (Path(), None)
"""A trail; nothing is named here."""
_COUNTED = syntax.Number(0)


class TooMuchWork(Exception):  # noqa: N818 (not an error: less is known)
    """The space has too many parts to explore them all."""


class Parts(Machine, SilentListener):
    """Looks into the parts of a space, each once."""

    def prepare(self, space: Space, criteria: Criteria, ties: Ties, interner: Interner, work: int) -> None:
        """Set what is followed; called once.

        Args:
            space: whose parts they are.
            criteria: the costs.
            ties: knows the tied parts whose copies are not alike.
            interner: of the agendas that will be asked about.
            work: steps of the machine after which `TooMuchWork` is raised.
        """
        self.criteria = criteria
        self.ties = ties
        self.work = work
        self.done = 0
        self._custom = space.custom
        self._interner = interner
        self._merges = 0
        self._ticker = Ticker("exploring parts of the space")
        self._known: dict[tuple[int, Shapes], _Found] = {}
        self._alone: dict[int, Cell] = {}
        self._times: dict[int, BoundCosts] = {}
        self._leaves: dict[tuple[Primitive, Shape], BoundCosts] = {}
        self._surroundings = LowerBounds()
        self._added: BoundCosts = criteria.none
        self._aside = False
        self._book.free_parts = True

    def ahead(self, state: State) -> Prospect | None:
        """Return what may follow a state, up to the end of a network; None if no network follows.

        Raises:
            TooMuchWork: not known.
            NotAlike: copies of a tied part are not alike.
        """
        found: Prospect | None = None
        for shapes, prospect in self._all(state.agenda, state.shapes).items():
            try:
                output_shape(shapes, self.classes)
            except ShapeError:
                continue
            found = prospect if found is None else self.criteria.either(found, prospect)
        return found

    # --- the walk -----------------------------------------------------------------------------------

    def _all(self, agenda: Cell | None, shapes: Shapes) -> _Found:
        """Work out one question and all that it needs, without Python's own stack: agendas may be long."""
        known = self._known
        answer = known.get((id(agenda), shapes))
        if answer is not None:
            return answer
        stack: list[tuple[tuple[int, Shapes], _Work]] = [((id(agenda), shapes), self._look(agenda, shapes))]
        answer = None
        while stack:
            key, work = stack[-1]
            try:
                asked = next(work) if answer is None else work.send(answer)
            except StopIteration as end:
                answer = known[key] = end.value
                stack.pop()
                continue
            place = id(asked[0]), asked[1]
            answer = known.get(place)
            if answer is None:
                stack.append((place, self._look(*asked)))
        assert answer is not None
        return answer

    def _look(self, agenda: Cell | None, shapes: Shapes) -> _Work:
        """Look into an agenda: its first part alone and then the rest, or its only part step by step."""
        if agenda is None:
            return {shapes: self.criteria.nothing}
        self.done += 1
        self._ticker.tick()
        if self.done + self._merges // MERGES_PER_STEP > self.work:
            raise TooMuchWork
        if agenda.rest is not None and not _in_place(agenda.frame):
            found: _Found = {}
            first = yield self._by_itself(agenda), shapes
            times = self._times_of(agenda.rest)
            for between, prospect in first.items():
                rest = yield agenda.rest, between
                self._join(found, self.criteria.scaled(prospect, times), rest)
            return found
        frame = agenda.frame
        match frame:
            case RepeatFrame(repeat=syntax.Repeat(mode="tied"), remaining=remaining) if remaining > 1:
                return (yield from self._tied(agenda, frame, shapes))
            case frames.EndTied():
                if self.ties.counts(frame.repeat):
                    return {shapes: self.criteria.nothing}
                if id(frame.repeat) in self.ties.beside:
                    # The other copies have come as far as the first one; what they still cost is not known here.
                    body = self._interner.push(BodyFrame(frame.repeat.body, frame.scope), None)
                    ends = yield from self._uniform(frame.repeat, body, shapes, frame.remaining)
                    return {ends: self.criteria.nothing}
                again = RepeatFrame(frame.repeat, frame.scope, _COUNTED, _COUNTED, frame.remaining)
                return (yield self._interner.push(again, None), shapes)
            case frames.EndTiedCopy():
                return {shapes: self.criteria.nothing}
            case frames.TiedCopy():
                return self._replayed(agenda, shapes)
            case _:
                return (yield from self._step_into(agenda, shapes))

    def _step_into(self, agenda: Cell, shapes: Shapes) -> _Work:
        """Run one step, and follow everything that may come of it."""
        self._added = self.criteria.none
        self._aside = isinstance(agenda.frame, frames.CloseSkip)
        try:
            stop = self._step(State(agenda, _HERE, shapes), self)
            while isinstance(stop, State) and stop.agenda is not None and stop.agenda.rest is None:
                if not isinstance(stop.agenda.frame, BodyFrame | frames.ArgumentsFrame):
                    break
                self.done += 1
                stop = self._step(State(stop.agenda, _HERE, stop.shapes), self)
            added = self._added
            if isinstance(stop, State):
                after = yield stop.agenda, stop.shapes
                return {end: self.criteria.shifted(prospect, added) for end, prospect in after.items()}
            only = self._answer(stop)
        except (ShapeError, LanguageError):
            return {}
        found: _Found = {}
        for index, weight in _shares(stop.decision) if only is None else [(only, 1.0)]:
            state = self.take(stop, index)
            after = yield state.agenda, state.shapes
            for end, (least, ways, mass, mean, variance, number) in after.items():
                self._put(found, end, Prospect(least, ways, mass * weight, mean, variance, number))
        return found

    def _tied(self, agenda: Cell, frame: RepeatFrame, shapes: Shapes) -> _Work:
        """Count the first copy as often as it occurs; copies that are not alike are taken as independent."""
        repeat, scope = frame.repeat, frame.scope
        body = BodyFrame(repeat.body, scope)
        if id(repeat) in self.ties.beside:
            if _names_parts(repeat, scope):
                raise NotAlike(id(repeat))
            yield from self._uniform(repeat, self._interner.push(body, None), shapes, frame.remaining)
        if not self.ties.counts(repeat):
            left = RepeatFrame(repeat, scope, _COUNTED, _COUNTED, frame.remaining - 1)
            push = self._interner.push
            return (yield push(body, push(left, agenda.rest)), shapes)
        assert agenda.rest is None
        once = yield self._interner.push(body, None), shapes
        if any(end != shapes for end in once):
            raise NotAlike(id(repeat))
        times = tuple(1 if largest else frame.remaining for largest in self.criteria.largest)
        return {end: self.criteria.scaled(prospect, times) for end, prospect in once.items()}

    def _uniform(
        self, repeat: syntax.Repeat, body: Cell, shapes: Shapes, copies: int
    ) -> Generator[_Asked, _Found, Shapes]:
        """Return the shapes behind copies that leave one shape each, and can take as much as the first one.

        Raises:
            NotAlike: they do not, so they cannot be derived side by side.
        """
        first: int | None = None
        for _ in range(copies):
            once = yield body, shapes
            number = sum(prospect.number for prospect in once.values())
            if len(once) > 1 or number != (number if first is None else first):
                raise NotAlike(id(repeat))
            first = number
            shapes = next(iter(once), shapes)
        return shapes

    def _replayed(self, agenda: Cell, shapes: Shapes) -> _Found:
        """Follow a copy whose decisions are known."""
        self._added = self.criteria.none
        self._aside = False
        try:
            end = self.run(State(agenda, _HERE, shapes), self)
        except (ShapeError, LanguageError):
            return {}
        if isinstance(end, Pending):
            raise AssertionError("a copy's decisions are known")
        return {end: self.criteria.shifted(self.criteria.nothing, self._added)}

    # --- putting together ---------------------------------------------------------------------------

    def _join(self, found: _Found, first: Prospect, rest: _Found) -> None:
        for end, prospect in rest.items():
            self._put(found, end, self.criteria.then(first, prospect))

    def _put(self, found: _Found, end: Shapes, prospect: Prospect) -> None:
        self._merges += 1
        old = found.get(end)
        found[end] = prospect if old is None else self.criteria.either(old, prospect)

    def _by_itself(self, agenda: Cell) -> Cell:
        """Return the agenda of the first frame alone."""
        known = self._alone.get(id(agenda))
        if known is None:
            known = self._alone[id(agenda)] = self._interner.push(agenda.frame, None)
        return known

    def _times_of(self, around: Cell) -> BoundCosts:
        """Return the number of times that each bound counts a part with *around* behind it."""
        known = self._times.get(id(around))
        if known is not None:
            return known
        runs, copies = 1, self.ties.copies(around)
        cell: Cell | None = around
        while cell is not None:
            runs *= cell.frame.times if isinstance(cell.frame, frames.CloseShared) else 1
            cell = cell.rest
        counted: list[int] = []
        for bound in self.criteria.bounds:
            match bound:
                case "params" | "flash":
                    counted.append(copies)
                case "flops" | "activations":
                    counted.append(runs * copies)
                case "depth":
                    counted.append(0 if self._surroundings.inside(around) else runs * copies)
                case "peak_activation_bytes" | "ram":
                    counted.append(1)
        self._times[id(around)] = tuple(counted)
        return tuple(counted)

    # --- listening ----------------------------------------------------------------------------------

    def leaf(self, node: Primitive, entry: Shape, factor: int) -> None:
        """Add up what a primitive costs by itself."""
        alone = self._leaves.get((node, entry))
        if alone is None:
            counted = leaf_cost(node, entry, custom=self._custom, ram="ram" in self.criteria.bounds)
            alone = tuple(int(getattr(counted, bound)) for bound in self.criteria.bounds)
            self._leaves[node, entry] = alone
        here = [
            value * (0 if bound == "depth" and self._aside else factor if bound in _RUNS else 1)
            for bound, value in zip(self.criteria.bounds, alone, strict=True)
        ]
        self._added = self.criteria.add(self._added, tuple(here))


_RUNS = ("flops", "activations", "depth")
"""Bounds that count a part as often as it runs."""


def _shares(decision: Decision) -> list[tuple[int, float]]:
    """The allowed options with their prior probabilities."""
    weights = [weight * allowed for weight, allowed in zip(decision.weights, decision.allowed, strict=True)]
    total = sum(weights)
    return [(index, weights[index] / total) for index, allowed in enumerate(decision.allowed) if allowed]


def _names_parts(repeat: syntax.Repeat, scope: Scope) -> bool:
    """Return True if a repetition names parts that are passed to the rule around it."""
    pairs = zip(scope.rule.parameters, scope.values, strict=False)
    passed = {parameter.name for parameter, value in pairs if isinstance(value, GivenPart)}
    return any(
        node.name in passed if isinstance(node, syntax.Call) else node.id in passed
        for node in (walk(repeat.body) if passed else ())
        if isinstance(node, syntax.Call | syntax.Name)
    )


def _in_place(frame: frames.Frame) -> bool:
    """Return True for frames that only put others in their place, which therefore need no look by themselves."""
    match frame:
        case RepeatFrame(repeat=syntax.Repeat(mode="anew"), remaining=remaining):
            return remaining > 0
        case BodyFrame(expression=syntax.SequenceExpression()):
            return True
        case _:
            return False
