"""Copies of a tied part derived side by side, so that a choice shared by distant places does not multiply states.

``tied(down(in*2) cell){3}`` takes one cell at three widths. Derived one after the other, the second copy must know all
that the first one took, and every cell is states of its own. But where the shape that a copy leaves depends on the
shape that it was given alone, all copies can be begun at once: what the first one takes, the others take with it, and
costs of all of them are added up option by option. A state then holds how far each copy is, not how it came there.

What shape each copy is given is found by deriving one of them in advance, and checked at every copy's end. Where it is
another one, or a copy fails where the first did not, the part's copies are derived one by one (`Ties.without`).
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from budgetnet.derivation.frames import (
    BodyFrame,
    Cell,
    CloseParts,
    EndPart,
    EndTied,
    EndTiedCopy,
    Entry,
    Path,
    RepeatFrame,
    Shapes,
    Trail,
)
from budgetnet.derivation.listeners import Listener, SilentListener
from budgetnet.derivation.machine import LIMIT_STEPS, Pending, State, recorded
from budgetnet.derivation.state import Taping
from budgetnet.derivation.values import GivenPart
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.space.choosers import label_index
from budgetnet.space.tracing.tied import NotAlike, TiedTracer

__all__ = ["Copies", "Copy", "SideBySideTracer", "is_beside", "taping_of"]

_BESIDE = "side by side"
"""The site on the first entry of a tape that holds the other copies; entries that they have yet to take follow it."""


class Copy(NamedTuple):
    """A state of another copy, without the names of its decisions."""

    agenda: Cell
    shapes: Shapes
    tapings: tuple[Taping, ...]
    factor: int


class Copies(NamedTuple):
    """The copies behind the first one."""

    copies: tuple[Copy, ...]
    ends: tuple[Shapes, ...]
    """The shapes that each copy leaves, the first one included."""
    key: int = 0
    """Identity of the parameter, of a part that was passed."""
    later: tuple[Any, ...] = ()
    """Its later places."""


def is_beside(taping: Taping) -> bool:
    """Return True if a tape holds copies that are derived side by side."""
    return bool(taping.tape) and taping.tape[0].site == _BESIDE


def taping_of(copies: Copies) -> Taping:
    """Return a tape that holds copies that are derived side by side."""
    return Taping("record", (Entry(_BESIDE, cast("Any", copies)),))


class SideBySideTracer(TiedTracer):
    """Derives copies that change their shapes all at once."""

    def forget(self) -> None:
        """Drop what was remembered."""
        super().forget()
        self._trails: dict[int, Trail] = {}
        self._ends: dict[tuple[int, object, Shapes], Shapes] = {}

    def _step(self, state: State, listener: Listener) -> State | Pending:
        assert state.agenda is not None
        if state.tapings and any(len(taping.tape) > 1 and is_beside(taping) for taping in state.tapings):
            return state._replace(tapings=tuple(self._caught_up(taping, listener) for taping in state.tapings))
        frame = state.agenda.frame
        if isinstance(frame, EndTied) and state.tapings and is_beside(state.tapings[-1]):
            return self._ended(state, frame, listener)
        after = super()._step(state, listener)
        begun = isinstance(after, State) and len(after.tapings) > len(state.tapings)
        if begun and isinstance(frame, RepeatFrame) and id(frame.repeat) in self.ties.beside:
            assert isinstance(after, State)
            return self._begun(after)
        return after

    def _begun(self, state: State) -> State:
        """Begin all copies of a part whose first one begins."""
        assert state.agenda is not None
        behind = state.agenda.rest
        assert behind is not None
        frame = behind.frame
        assert isinstance(frame, EndTied)
        body = BodyFrame(frame.repeat.body, frame.scope)
        agenda = self._book.cell(body, self._book.cell(EndTiedCopy(frame.repeat, frame.scope), behind.rest))
        ends = [self._end_of(frame, state.shapes)]
        copies: list[Copy] = []
        for _ in range(frame.remaining):
            copies.append(Copy(agenda, ends[-1], (), state.factor))
            ends.append(self._end_of(frame, ends[-1]))
        return state._replace(tapings=(*state.tapings[:-1], taping_of(Copies(tuple(copies), tuple(ends)))))

    def _end_of(self, frame: EndTied, shapes: Shapes) -> Shapes:
        """The shapes that a copy leaves, by one derivation of it."""
        key = id(frame.repeat), frame.scope.identity, shapes
        known = self._ends.get(key)
        if known is not None:
            return known
        end = self._derived_end(BodyFrame(frame.repeat.body, frame.scope), shapes)
        if end is None:
            raise NotAlike(id(frame.repeat))
        self._ends[key] = end
        return end

    def _derived_end(self, body: BodyFrame, shapes: Shapes) -> Shapes | None:
        """Return the shapes that a body leaves, by its first derivation or its last; None where neither is legal."""
        agenda = self._book.cell(body, None)
        for last in (False, True):
            try:
                stop = self.run(State(agenda, (Path(), None), shapes), SilentListener())
                while isinstance(stop, Pending):
                    allowed = [index for index, legal in enumerate(stop.decision.allowed) if legal]
                    stop = self.run(self.take(stop, allowed[-1 if last else 0]), SilentListener())
            except (ShapeError, LanguageError):
                continue
            return stop
        return None

    def _caught_up(self, taping: Taping, listener: Listener) -> Taping:
        """Let the other copies take what the first one took."""
        if not is_beside(taping):
            return taping
        first, *entries = taping.tape
        behind = cast("Copies", first.label)
        copies = behind.copies
        for entry in entries:
            copies = tuple(self._along(copy, entry, listener)[0] for copy in copies)
        return taping._replace(tape=(first._replace(label=cast("Any", behind._replace(copies=copies))),))

    def _ended(self, state: State, frame: EndTied, listener: Listener) -> State:
        """End all copies after the first one."""
        behind = cast("Copies", state.tapings[-1].tape[0].label)
        ends = [state.shapes, *(self._along(copy, None, listener)[1] for copy in behind.copies)]
        if tuple(ends) != behind.ends:
            raise NotAlike(id(frame.repeat))
        return self._book.replace(state)._replace(shapes=ends[-1], tapings=state.tapings[:-1])

    def _along(self, copy: Copy, entry: Entry | None, listener: Listener) -> tuple[Copy, Shapes]:
        """Derive a copy until it has taken an entry, or (None) to its end; also return the shapes there."""
        state = State(copy.agenda, self._trail(copy.agenda), copy.shapes, copy.tapings, copy.factor)
        for _ in range(LIMIT_STEPS):
            assert state.agenda is not None
            frame = state.agenda.frame
            if isinstance(frame, EndTiedCopy | EndPart) and not state.tapings:
                if entry is not None:
                    raise NotAlike(self._unlike(state.agenda))
                break
            self._at = state
            self.steps += 1
            try:
                stop = self._step(state, listener)
            except (ShapeError, LanguageError):
                raise NotAlike(self._unlike(state.agenda)) from None
            if isinstance(stop, State):
                state = stop
                continue
            if any(taping.mode == "replay" for taping in stop.state.tapings):
                state = self.take(stop, self._answer(stop) or 0)
            elif not recorded(stop):
                state = self.take(stop, 0)
            else:
                index = None if entry is None or entry.site != stop.site else label_index(stop.decision, entry.label)
                if index is None or not stop.decision.allowed[index]:
                    raise NotAlike(self._unlike(state.agenda))
                state = self.take(stop, index)
                break
        assert state.agenda is not None
        return Copy(state.agenda, state.shapes, state.tapings, state.factor), state.shapes

    def _unlike(self, agenda: Cell | None) -> int:
        """The part that a copy's agenda belongs to: the innermost one whose copies are derived side by side."""
        cell = agenda
        while cell is not None:
            if isinstance(cell.frame, EndPart) and cell.frame.again:
                return self._key_of(cell, cell.frame.part)
            if isinstance(cell.frame, EndTiedCopy) and id(cell.frame.repeat) in self.ties.beside:
                return id(cell.frame.repeat)
            cell = cell.rest
        raise AssertionError("a copy ends with its part")

    def _key_of(self, agenda: Cell | None, part: GivenPart) -> int:
        """Return the identity of the parameter that a part was first passed for."""
        cell = agenda
        while cell is not None:
            frame = cell.frame
            if isinstance(frame, CloseParts) and 0 <= part.slot - frame.first < len(frame.names):
                name = frame.names[part.slot - frame.first]
                return next(id(entry) for entry in frame.rule.parameters if entry.name == name)
            cell = cell.rest
        raise AssertionError("a part ends with the rule that it was passed to")

    def _trail(self, agenda: Cell) -> Trail:
        """Return a trail without names, as long as an agenda."""
        known = self._trails.get(id(agenda))
        if known is None:
            known = (Path(), None)
            cell = agenda.rest
            while cell is not None:
                known = (Path(), known)
                cell = cell.rest
            self._trails[id(agenda)] = known
        return known
