"""Tied parts counted instead of derived again: where all copies are alike, one stands for all.

The copies of ``tied(a){n}`` take the same decisions, which a machine keeps on a tape; with the tape in the state, a
cell of six decisions with five options has 15,625 states at its end. But where a copy leaves the shape it was given,
all copies cost the same: then the first one can be counted n times, and no tape is needed. A copy that changes the
shape shows it at its end; then that part's copies are derived side by side
(`budgetnet.space.tracing.side_by_side`), and where that cannot be, one by one after all.
"""

from __future__ import annotations

from budgetnet.derivation.frames import Cell, EndTied, Entry, RepeatFrame
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.machine import Pending, State
from budgetnet.derivation.state import Taping
from budgetnet.grammar.syntax import Repeat
from budgetnet.space.tracing.tracer import Tracer

__all__ = ["NotAlike", "TiedTracer", "Ties", "is_counted"]

_COUNTED = "counted"
"""The site on the first entry of a tape that is not recorded; its label is the shape at the part's entry."""


class NotAlike(Exception):  # noqa: N818 (not an error: the search restarts)
    """A tied part is not as it was taken to be; see `Ties.without`."""

    def __init__(self, repeat: int) -> None:
        super().__init__(repeat)
        self.repeat = repeat
        """Identity of the part's node in the grammar."""


class Ties:
    """How the copies of tied parts are derived, by the identity of the parts' nodes."""

    def __init__(self, beside: frozenset[int] = frozenset(), taped: frozenset[int] = frozenset()) -> None:
        self.beside = beside
        """Parts whose copies are derived side by side: they do not leave the shape that they were given."""
        self.taped = taped
        """Parts whose copies are derived one by one: what shape they leave depends on what they take."""
        self._copies: dict[int, int] = {}

    def without(self, repeat: int) -> Ties:
        """Return the ties after a part was not as it was taken to be: no longer counted, or no longer side by side."""
        if repeat in self.beside:
            return Ties(self.beside - {repeat}, self.taped | {repeat})
        return Ties(self.beside | {repeat}, self.taped)

    @property
    def apart(self) -> bool:
        """True if there is a part of which one copy does not stand for all."""
        return bool(self.beside or self.taped)

    def counts(self, repeat: Repeat) -> bool:
        """Return True if one copy stands for all."""
        return id(repeat) not in self.beside and id(repeat) not in self.taped

    def copies(self, agenda: Cell | None) -> int:
        """How often a part stands in the network that is derived with *agenda* behind it."""
        if agenda is None:
            return 1
        known = self._copies.get(id(agenda))
        if known is None:
            frame = agenda.frame
            more = frame.remaining + 1 if isinstance(frame, EndTied) and self.counts(frame.repeat) else 1
            known = self._copies[id(agenda)] = more * self.copies(agenda.rest)
        return known


def is_counted(taping: Taping) -> bool:
    """Return True if a tape is only a placeholder for a part that is counted."""
    return bool(taping.tape) and taping.tape[0].site == _COUNTED


class TiedTracer(Tracer):
    """Derives the first copy of a tied part, and adds it up as often as it occurs."""

    ties: Ties

    def take(self, pending: Pending, index: int) -> State:
        """The state after an option, nothing recorded for parts that are counted."""
        state = super().take(pending, index)
        if not state.tapings or not any(map(is_counted, state.tapings)):
            return state
        tapings = (taping._replace(tape=taping.tape[:1]) if is_counted(taping) else taping for taping in state.tapings)
        return state._replace(tapings=tuple(tapings))

    def _step(self, state: State, listener: Listener) -> State | Pending:
        assert state.agenda is not None
        frame = state.agenda.frame
        if isinstance(frame, EndTied) and is_counted(state.tapings[-1]):
            if state.tapings[-1].tape[0].label != repr(state.shapes):
                raise NotAlike(id(frame.repeat))
            return self._book.replace(state)._replace(tapings=state.tapings[:-1])
        after = super()._step(state, listener)
        if (
            isinstance(frame, RepeatFrame)
            and isinstance(after, State)
            and len(after.tapings) > len(state.tapings)
            and self.ties.counts(frame.repeat)
        ):
            first = Entry(_COUNTED, repr(state.shapes))
            return after._replace(tapings=(*state.tapings, Taping("record", (first,))))
        return after

    def _copies(self) -> int:
        assert self._at is not None
        assert self._at.agenda is not None
        return self.ties.copies(self._at.agenda.rest)
