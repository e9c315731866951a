"""Remaining work of a derivation: frames on an agenda.

A frame is one pending piece of work (an expression, the end of a skip, the next branch …). An agenda is a linked
list of frames. An `Interner` returns the same cell for equal frames on equal rests, so that two states with the same
future share one agenda object: tables over the space (`budgetnet.space`) use its identity as a key. Data that only
matters for names (the path, the index within a repetition) is therefore kept outside the agenda, in a trail.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from budgetnet.derivation.values import GivenPart, Scope, value_key
from budgetnet.grammar import syntax
from budgetnet.network.nodes import Shape
from budgetnet.ops.signature import Scalar

__all__ = [
    "ArgumentsFrame",
    "BodyFrame",
    "Cell",
    "CloseParts",
    "CloseShared",
    "CloseSkip",
    "EndPart",
    "EndTied",
    "EndTiedCopy",
    "Entry",
    "Frame",
    "GraphFrame",
    "Interner",
    "JoinSkip",
    "NextBranch",
    "Path",
    "RepeatFrame",
    "Scalar",
    "Scope",
    "Shapes",
    "Tape",
    "TiedCopy",
    "Trail",
]

Shapes = tuple[Shape, ...]
"""Input shapes of the current part; one, except at the entry of a graph with several inputs."""


class Entry(NamedTuple):
    """One decision on a tape."""

    site: str
    label: Scalar


Tape = tuple[Entry, ...]
"""Decisions of a tied part's first derivation, in order."""


class BodyFrame(NamedTuple):
    """Derive an expression."""

    expression: syntax.Expression
    scope: Scope

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "body", id(self.expression), self.scope.identity


class ArgumentsFrame(NamedTuple):
    """Evaluate a call's arguments one by one."""

    call: syntax.Call
    scope: Scope
    done: tuple[Scalar, ...]
    """Values of the arguments before the current one, without those that are the same in every derivation."""
    current: syntax.Value
    """The current argument, with some of its choices already resolved."""

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        done = tuple((type(value), value) for value in self.done)
        return "arguments", id(self.call), self.scope.identity, done, value_key(self.current)


class RepeatFrame(NamedTuple):
    """Repeat a part: evaluate low and high, choose the count, then run the remaining repetitions."""

    repeat: syntax.Repeat
    scope: Scope
    low: syntax.Value
    high: syntax.Value
    remaining: int = -1
    """Repetitions still to run; -1 while the count is not chosen."""

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        if self.remaining >= 0:
            return "repeat", id(self.repeat), self.scope.identity, self.remaining
        return "count", id(self.repeat), self.scope.identity, value_key(self.low), value_key(self.high)


class EndTied(NamedTuple):
    """End the first derivation of a tied body; ``remaining`` copies follow."""

    repeat: syntax.Repeat
    scope: Scope
    remaining: int

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "tied", id(self.repeat), self.scope.identity, self.remaining


class TiedCopy(NamedTuple):
    """Copy a tied body, replaying the decisions of its first derivation."""

    repeat: syntax.Repeat
    scope: Scope
    tape: Tape

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "replay", id(self.repeat), self.scope.identity, self.tape


class EndTiedCopy(NamedTuple):
    """End a replayed copy of a tied body."""

    repeat: syntax.Repeat
    scope: Scope

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "replayed", id(self.repeat), self.scope.identity


class CloseShared(NamedTuple):
    """End a shared body, which must keep its input's shape."""

    repeat: syntax.Repeat
    scope: Scope
    entry: Shapes
    times: int

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "shared", id(self.repeat), self.scope.identity, self.entry, self.times


class CloseSkip(NamedTuple):
    """End a skip's body and decide on its projection."""

    skip: syntax.SkipExpression
    scope: Scope
    entry: Shapes

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "skip", id(self.skip), self.scope.identity, self.entry


class JoinSkip(NamedTuple):
    """End a skip's projection; its shape must equal the body's."""

    skip: syntax.SkipExpression
    scope: Scope
    body: Shapes

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "join", id(self.skip), self.scope.identity, self.body


class NextBranch(NamedTuple):
    """End a branch of parallel or split; the next branch follows, or the join."""

    owner: syntax.ParallelExpression | syntax.SplitExpression
    scope: Scope
    entry: Shape
    """The input's shape; of a split, that of its first slice."""
    finished: tuple[Shape, ...]
    """Output shapes of the branches before the one that just ended."""
    later: tuple[Shape, ...] = ()
    """Shapes of the other slices of a split in unequal parts."""
    shares: tuple[int, ...] = ()
    """Its shares."""

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "branch", id(self.owner), self.scope.identity, self.entry, self.finished, self.later


class GraphFrame(NamedTuple):
    """Continue a graph between two of its instructions; ``shapes`` holds the values so far, named or temporary."""

    graph: syntax.Graph[syntax.Expression]
    scope: Scope
    position: int
    shapes: tuple[tuple[str, Shape], ...]
    target: str = ""
    """Name for the output of the part that just ended; empty at the start."""

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "graph", id(self.graph), self.scope.identity, self.position, self.shapes, self.target


class EndPart(NamedTuple):
    """End a part that was passed as a parameter: keep the decisions that were taken for it, or end a copy of it."""

    part: GivenPart
    again: bool

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "part", self.part, self.again


class CloseParts(NamedTuple):
    """End a rule whose parameters are parts, and forget their decisions."""

    rule: syntax.Rule
    names: tuple[str, ...]
    """The parameters whose parts the call drew."""
    first: int
    """Place of the first one in `budgetnet.derivation.state.State.tapings`."""

    def key(self) -> Hashable:
        """Return the key of the frame's future."""
        return "parts", id(self.rule), self.names, self.first


Frame = (
    BodyFrame
    | EndPart
    | CloseParts
    | ArgumentsFrame
    | RepeatFrame
    | EndTied
    | EndTiedCopy
    | TiedCopy
    | CloseShared
    | CloseSkip
    | JoinSkip
    | NextBranch
    | GraphFrame
)


class Cell:
    """One frame and the rest of the agenda. Compared by identity."""

    __slots__ = ("frame", "rest")

    def __init__(self, frame: Frame, rest: Cell | None) -> None:
        self.frame = frame
        self.rest = rest


class Interner:
    """Returns the same cell for the same frame on the same rest.

    Frames are compared by the identity of the grammar's nodes, so an interner works for one grammar only.
    """

    def __init__(self) -> None:
        self._cells: dict[Hashable, Cell] = {}

    def push(self, frame: Frame, rest: Cell | None) -> Cell:
        """Return the cell with *frame* in front of *rest*."""
        key = (frame.key(), id(rest))
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell(frame, rest)
        return cell


class Path(NamedTuple):
    """Location of a frame, for the names of its decisions."""

    prefix: str = ""
    """Path of the current rule, ``"stage#2[0]."``."""
    turns: str = ""
    """One ``[i]`` per repetition around the frame within its rule."""
    next_turn: int = 0
    """Index of the next repetition, for a `RepeatFrame`."""

    def name(self, site: str) -> str:
        """Return the full name of a site: the turns follow the site's first word, ``block[1].count``."""
        if not self.turns:
            return self.prefix + site
        head, dot, tail = site.partition(".")
        return f"{self.prefix}{head}{self.turns}{dot}{tail}"


Trail = tuple[Path, "Trail | None"]
"""Paths of an agenda's frames, in the same order."""
