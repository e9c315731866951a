"""Tied parts counted instead of derived again: where all copies are alike, one stands for all.

The copies of ``tied(a){n}`` take the same decisions, which a machine keeps on a tape; with the tape in the state, a
cell of six decisions with five options has 15,625 states at its end. But where a copy leaves the shape it was given,
all copies cost the same: then the first one can be counted n times, and no tape is needed. A copy that changes the
shape shows it at its end; then that part's copies are derived one by one after all.
"""

from __future__ import annotations

from collections.abc import Hashable

from budgetnet.derivation.frames import Cell, EndTied, EndTiedCopy, Entry, RepeatFrame
from budgetnet.derivation.listeners import Listener
from budgetnet.derivation.machine import Pending, State
from budgetnet.derivation.state import Taping
from budgetnet.space.counting.tracer import Tracer

__all__ = ["NotAlike", "TiedTracer", "Ties", "is_counted"]

_COUNTED = "counted"
"""The site on the first entry of a tape that is not recorded; its label is the shape at the part's entry."""


class NotAlike(Exception):  # noqa: N818 (not an error: the search restarts)
    """A copy of a tied part does not leave the shape it was given."""

    def __init__(self, repeat: int) -> None:
        super().__init__(repeat)
        self.repeat = repeat
        """Identity of the part's node in the grammar."""


class Ties:
    """Which tied parts are derived copy by copy, and the keys of states without the tapes of the others."""

    def __init__(self, taped: frozenset[int]) -> None:
        self.taped = taped
        self._counted: dict[int, tuple[bool, ...]] = {}
        self._copies: dict[int, int] = {}

    def key(self, state: State) -> Hashable:
        """The key of a plain machine's state with the tapes of counted parts undone."""
        if not state.tapings:
            return state.key()
        counted = self._around(state.agenda)
        tapings = tuple(
            Taping("record", ()) if undo else taping for taping, undo in zip(state.tapings, counted, strict=True)
        )
        return state._replace(tapings=tapings).key()

    @staticmethod
    def undone(state: State) -> Hashable:
        """The same for a state of a `TiedTracer`."""
        tapings = tuple(Taping("record", ()) if is_counted(taping) else taping for taping in state.tapings)
        return state._replace(tapings=tapings).key()

    def copies(self, agenda: Cell | None) -> int:
        """How often a part occurs in the network that is derived with *agenda* behind it."""
        if agenda is None:
            return 1
        known = self._copies.get(id(agenda))
        if known is None:
            frame = agenda.frame
            more = frame.remaining + 1 if isinstance(frame, EndTied) and id(frame.repeat) not in self.taped else 1
            known = self._copies[id(agenda)] = more * self.copies(agenda.rest)
        return known

    def _around(self, agenda: Cell | None) -> tuple[bool, ...]:
        """For each taping of a state, outermost first, whether its part is counted."""
        if agenda is None:
            return ()
        known = self._counted.get(id(agenda))
        if known is None:
            known = self._around(agenda.rest)
            frame = agenda.frame
            if isinstance(frame, EndTied | EndTiedCopy):
                known = (*known, isinstance(frame, EndTied) and id(frame.repeat) not in self.taped)
            self._counted[id(agenda)] = known
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
        if not any(map(is_counted, state.tapings)):
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
            and id(frame.repeat) not in self.ties.taped
        ):
            first = Entry(_COUNTED, repr(state.shapes))
            return after._replace(tapings=(*state.tapings, Taping("record", (first,))))
        return after

    def _copies(self) -> int:
        assert self._at is not None
        assert self._at.agenda is not None
        return self.ties.copies(self._at.agenda.rest)
