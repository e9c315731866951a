"""Parts that are passed as parameters, derived at all their places side by side.

``model(cell) = cell{5} down(32) cell{5}`` names one cell at ten places. What was drawn for it would have to be known up
to the last of them, and each of its values would be states of its own. But as long as nothing else is left to choose
between the places, all of them are known where the first one begins: then the others take what it takes at once, their
costs are added option by option, and later each place is passed over.

Where a place turns out not to be as expected, the part's decisions are kept in the states after all.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple, cast

from budgetnet.derivation.frames import BodyFrame, Cell, CloseParts, EndPart, Entry, Shapes
from budgetnet.derivation.listeners import Listener, SilentListener
from budgetnet.derivation.machine import LIMIT_STEPS, Pending, State
from budgetnet.derivation.state import Taping
from budgetnet.derivation.values import GivenPart
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.grammar import syntax
from budgetnet.space.tracing.side_by_side import Copies, Copy, SideBySideTracer, is_beside, taping_of
from budgetnet.space.tracing.tied import NotAlike

__all__ = ["PassedTracer"]

_LATER = "later places"
"""The site on the only entry of a drawn part's tape that holds its later places."""


class _Place(NamedTuple):
    """A place where a part is named again."""

    inside: BodyFrame
    rest: Cell | None
    entry: Shapes
    factor: int
    end: Shapes


class PassedTracer(SideBySideTracer):
    """Derives parts that are passed as parameters at all their places at once."""

    at_once = True
    """False: keeps their decisions in the states, so that none of them can turn out to be `NotAlike`."""

    def forget(self) -> None:
        """Drop what was remembered."""
        super().forget()
        self._part_ends: dict[tuple[Hashable, Shapes], Shapes] = {}

    def _step(self, state: State, listener: Listener) -> State | Pending:
        if not self._book.parts or any(len(taping.tape) > 1 and is_beside(taping) for taping in state.tapings):
            return super()._step(state, listener)
        assert state.agenda is not None
        frame = state.agenda.frame
        match frame:
            case BodyFrame(expression=syntax.Call()) if (part := self._named(state, frame)) is not None:
                if state.tapings[part.slot].mode == "open":
                    key = self._key_of(state.agenda, part)
                    after = super()._step(state, listener)
                    assert isinstance(after, State)
                    if any(taping.mode == "replay" for taping in state.tapings):
                        return after
                    return self._begun_part(after, part, key) if self.at_once and key not in self.ties.taped else after
                if _later(state.tapings[part.slot]) is not None:
                    return self._passed_over(state, part)
            case EndPart(part=part, again=False) if is_beside(state.tapings[-1]):
                return self._ended_part(state, part, listener)
            case CloseParts(first=first, names=names):
                for slot in range(first, first + len(names)):
                    if _later(state.tapings[slot]):
                        raise NotAlike(self._key_of(state.agenda, GivenPart("", slot)))
            case _:
                pass
        return super()._step(state, listener)

    def _named(self, state: State, frame: BodyFrame) -> GivenPart | None:
        """Return the part that a frame names, if its place is known."""
        assert isinstance(frame.expression, syntax.Call)
        rule = frame.scope.rule
        if frame.expression.name not in self._book.parts.get(rule.name, ()):
            return None
        for parameter, value in zip(rule.parameters, frame.scope.values, strict=False):
            if parameter.name == frame.expression.name and isinstance(value, GivenPart):
                inside = value.slot < len(state.tapings) and state.tapings[value.slot].mode in ("open", "drawn")
                return value if inside else None
        return None

    def _begun_part(self, state: State, part: GivenPart, key: int) -> State:
        """Begin a part at all its places."""
        assert state.agenda is not None
        inside = state.agenda.frame
        assert isinstance(inside, BodyFrame)
        first = self._end_of_part(inside, state.shapes, key)
        places = self._places(state, part, first, key)
        behind = EndPart(part, again=True)
        copies = tuple(
            Copy(self._book.cell(place.inside, self._book.cell(behind, place.rest)), place.entry, (), place.factor)
            for place in places
        )
        taping = taping_of(Copies(copies, (first, *(place.end for place in places)), key, places))
        return state._replace(tapings=(*state.tapings[:-1], taping._replace(slot=part.slot)))

    def _ended_part(self, state: State, part: GivenPart, listener: Listener) -> State:
        """End a part at all its places."""
        behind = cast("Copies", state.tapings[-1].tape[0].label)
        ends = [state.shapes, *(self._along(copy, None, listener)[1] for copy in behind.copies)]
        if tuple(ends) != behind.ends:
            raise NotAlike(behind.key)
        return self._drawn(self._book.replace(state), part, behind.later)

    def _drawn(self, state: State, part: GivenPart, places: tuple[Any, ...]) -> State:
        """Drop the last tape, and keep a part's later places."""
        tapings = list(state.tapings[:-1])
        tapings[part.slot] = Taping("drawn", (Entry(_LATER, cast("Any", places)),))
        return state._replace(tapings=tuple(tapings))

    def _passed_over(self, state: State, part: GivenPart) -> State:
        """Go on behind a place of a part whose costs were added before."""
        assert state.agenda is not None
        places = cast("tuple[_Place, ...]", _later(state.tapings[part.slot]))
        here = state.agenda.rest, state.shapes, state.factor
        if not places or here != (places[0].rest, places[0].entry, places[0].factor):
            raise NotAlike(self._key_of(state.agenda, part))
        tapings = list(state.tapings)
        tapings[part.slot] = Taping("drawn", (Entry(_LATER, cast("Any", places[1:])),))
        return self._book.replace(state)._replace(shapes=places[0].end, tapings=tuple(tapings))

    # --- in advance ---------------------------------------------------------------------------------

    def _places(self, state: State, part: GivenPart, first: Shapes, key: int) -> tuple[_Place, ...]:
        """Return the later places of a part that begins, by one derivation of what follows it."""
        assert state.agenda is not None
        assert state.agenda.rest is not None
        assert state.trail is not None
        places: list[_Place] = []
        behind = State(state.agenda.rest.rest, state.trail[1][1] if state.trail[1] else None, first)
        at = self._drawn(behind._replace(tapings=state.tapings, factor=state.factor), part, ())
        try:
            for _ in range(LIMIT_STEPS):
                assert at.agenda is not None
                frame = at.agenda.frame
                if isinstance(frame, CloseParts) and 0 <= part.slot - frame.first < len(frame.names):
                    return tuple(places)
                if isinstance(frame, BodyFrame) and isinstance(frame.expression, syntax.Call):
                    named = self._named(at, frame)
                    if named is not None and named.slot == part.slot:
                        begun = SideBySideTracer._step(self, at, SilentListener())
                        assert isinstance(begun, State)
                        assert begun.agenda is not None
                        inside = begun.agenda.frame
                        assert isinstance(inside, BodyFrame)
                        end = self._end_of_part(inside, at.shapes, key)
                        places.append(_Place(inside, at.agenda.rest, at.shapes, at.factor, end))
                        at = self._book.replace(at)._replace(shapes=end)
                        continue
                    if named is not None and _later(at.tapings[named.slot]) is not None:
                        at = self._passed_over(at, named)
                        continue
                stop = SideBySideTracer._step(self, at, SilentListener())
                if isinstance(stop, Pending):
                    index = self._answer(stop)
                    stop = self.take(stop, stop.decision.allowed.index(True) if index is None else index)
                at = stop
        except (ShapeError, LanguageError):
            pass
        raise NotAlike(key)

    def _end_of_part(self, inside: BodyFrame, shapes: Shapes, key: int) -> Shapes:
        """Return the shapes that a part leaves, by one derivation of it."""
        place = inside.key(), shapes
        known = self._part_ends.get(place)
        if known is not None:
            return known
        end = self._derived_end(inside, shapes)
        if end is None:
            raise NotAlike(key)
        self._part_ends[place] = end
        return end


def _later(taping: Taping) -> tuple[Any, ...] | None:
    """Return the later places of a part that was drawn at all of them; None where its decisions are kept."""
    if taping.mode == "drawn" and len(taping.tape) == 1 and taping.tape[0].site == _LATER:
        return cast("tuple[Any, ...]", taping.tape[0].label)
    return None
