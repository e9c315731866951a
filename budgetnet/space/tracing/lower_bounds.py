"""Lower bounds for depth and memory while a part is derived, from the agenda alone.

Both numbers of a whole network depend on how branches meet, which a table over single states cannot follow. Each
part's contribution can be bounded from below by what is certain at the moment it is made:

- depth: a part on the path that is followed through all joins (the body of a skip, the first branch of
  others, nothing inside graphs) lengthens the longest path; other parts may not;
- memory: while a part runs, the inputs of the skips and branches around it and the outputs of finished branches
  are alive. Tensors of equal shape may be one tensor, so each shape counts once.
"""

from __future__ import annotations

from math import prod

from budgetnet.derivation import frames
from budgetnet.derivation.frames import Cell, Frame
from budgetnet.grammar import syntax
from budgetnet.network.nodes import Shape

__all__ = ["LowerBounds"]


class LowerBounds:
    """Facts about interned agendas, each found once."""

    def __init__(self, *, inside: bool = False, alive: frozenset[Shape] = frozenset()) -> None:
        """Begin with what is around the agendas, if they are parts of a whole.

        Args:
            inside: see `inside`.
            alive: see `alive`.
        """
        self._inside, self._alive = inside, alive
        self._aside: dict[int, bool] = {}
        self._held: dict[int, frozenset[Shape]] = {}

    def aside(self, agenda: Cell) -> bool:
        """Return True if the first frame's parts may be off the longest path."""
        return isinstance(agenda.frame, frames.CloseSkip) or self.inside(agenda.rest)

    def held(self, agenda: Cell, entry: Shape) -> int:
        """Values that are alive besides the input (of shape *entry*) and output of the first frame's part."""
        return sum(prod(shape) for shape in self.alive(agenda.rest) if shape != entry)

    def inside(self, agenda: Cell | None) -> bool:
        """Return True if what has *agenda* behind it may be off the longest path."""
        if agenda is None:
            return self._inside
        known = self._aside.get(id(agenda))
        if known is None:
            known = self._aside[id(agenda)] = _apart(agenda.frame) or self.inside(agenda.rest)
        return known

    def alive(self, agenda: Cell | None) -> frozenset[Shape]:
        """Return the shapes of what is alive until something of *agenda* reads it."""
        if agenda is None:
            return self._alive
        known = self._held.get(id(agenda))
        if known is None:
            known = self._held[id(agenda)] = _held_for(agenda.frame) | self.alive(agenda.rest)
        return known


def _apart(frame: Frame) -> bool:
    match frame:
        case frames.JoinSkip() | frames.GraphFrame():
            return True
        case frames.NextBranch(finished=finished):
            return bool(finished)
        case _:
            return False


def _held_for(frame: Frame) -> frozenset[Shape]:
    match frame:
        case frames.CloseSkip(entry=entry):
            return frozenset(entry)
        case frames.JoinSkip(body=body):
            return frozenset(body)
        case frames.NextBranch(owner=syntax.ParallelExpression(branches=branches), entry=entry, finished=finished):
            # The last branch is the last to read the input.
            return frozenset(finished) | (frozenset((entry,)) if len(finished) + 1 < len(branches) else frozenset())
        case _:
            return frozenset()
