"""What is still to be done while a grammar is expanded: frames on an agenda.

A frame is one pending piece of work (an expression, the end of a skip, the next branch …). An agenda is a linked
list of frames. An `Interner` gives one cell for equal frames on equal rests, so that two states of the expansion
with the same future hold the *same* agenda object: tables over the space (`budgetnet.space`) are keyed by its
identity. What only matters for names (the path, the index within a repetition) is therefore kept beside the
agenda, in a trail, and not in it.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

from budgetnet.derivation.values import Scope, value_key
from budgetnet.grammar import syntax
from budgetnet.network.nodes import Shape
from budgetnet.ops.signature import Scalar

__all__ = [
    "ArgumentsFrame",
    "BodyFrame",
    "Cell",
    "CloseShared",
    "CloseSkip",
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
"""The inputs of the part at hand; one, except at the entry of a graph with several inputs."""


class Entry(NamedTuple):
    """One decision on a tape."""

    site: str
    label: Scalar


Tape = tuple[Entry, ...]
"""The decisions of a tied part's first derivation, in the order they were made."""


class BodyFrame(NamedTuple):
    """Derive an expression."""

    expression: syntax.Expression
    scope: Scope

    def key(self) -> Hashable:
        """What the future depends on."""
        return "body", id(self.expression), self.scope.identity


class ArgumentsFrame(NamedTuple):
    """Evaluate a call's arguments one by one."""

    call: syntax.Call
    scope: Scope
    done: tuple[Scalar, ...]
    """Values of the arguments before the one at hand, without those that are the same in every derivation."""
    current: syntax.Value
    """The argument at hand, its choices partly resolved."""

    def key(self) -> Hashable:
        """What the future depends on."""
        done = tuple((type(value), value) for value in self.done)
        return "arguments", id(self.call), self.scope.identity, done, value_key(self.current)


class RepeatFrame(NamedTuple):
    """Repeat: first evaluate low and high, then choose the count, then run what remains of it."""

    repeat: syntax.Repeat
    scope: Scope
    low: syntax.Value
    high: syntax.Value
    remaining: int = -1
    """Repetitions still to run; -1 while the count is not chosen."""

    def key(self) -> Hashable:
        """What the future depends on."""
        if self.remaining >= 0:
            return "repeat", id(self.repeat), self.scope.identity, self.remaining
        return "count", id(self.repeat), self.scope.identity, value_key(self.low), value_key(self.high)


class EndTied(NamedTuple):
    """The first derivation of a tied body is complete; ``remaining`` copies follow."""

    repeat: syntax.Repeat
    scope: Scope
    remaining: int

    def key(self) -> Hashable:
        """What the future depends on."""
        return "tied", id(self.repeat), self.scope.identity, self.remaining


class TiedCopy(NamedTuple):
    """One more copy of a tied body, by the decisions of its first derivation."""

    repeat: syntax.Repeat
    scope: Scope
    tape: Tape

    def key(self) -> Hashable:
        """What the future depends on."""
        return "replay", id(self.repeat), self.scope.identity, self.tape


class EndTiedCopy(NamedTuple):
    """A replayed copy of a tied body is complete."""

    repeat: syntax.Repeat
    scope: Scope

    def key(self) -> Hashable:
        """What the future depends on."""
        return "replayed", id(self.repeat), self.scope.identity


class CloseShared(NamedTuple):
    """A shared body is complete: it must have kept its input's shape."""

    repeat: syntax.Repeat
    scope: Scope
    entry: Shapes
    times: int

    def key(self) -> Hashable:
        """What the future depends on."""
        return "shared", id(self.repeat), self.scope.identity, self.entry, self.times


class CloseSkip(NamedTuple):
    """A skip's body is complete: decide what stands on its shortcut."""

    skip: syntax.Skip
    scope: Scope
    entry: Shapes

    def key(self) -> Hashable:
        """What the future depends on."""
        return "skip", id(self.skip), self.scope.identity, self.entry


class JoinSkip(NamedTuple):
    """A skip's projection is complete: both ends must agree."""

    skip: syntax.Skip
    scope: Scope
    body: Shapes

    def key(self) -> Hashable:
        """What the future depends on."""
        return "join", id(self.skip), self.scope.identity, self.body


class NextBranch(NamedTuple):
    """A branch of parallel or split is complete; the next one follows, or the join."""

    owner: syntax.Parallel | syntax.Split
    scope: Scope
    entry: Shape
    finished: tuple[Shape, ...]
    """Shapes of the branches before the one that has just ended."""

    def key(self) -> Hashable:
        """What the future depends on."""
        return "branch", id(self.owner), self.scope.identity, self.entry, self.finished


class GraphFrame(NamedTuple):
    """A graph between two of its instructions; ``shapes`` holds the values so far, by name or temporary."""

    graph: syntax.Graph[syntax.Expression]
    scope: Scope
    position: int
    shapes: tuple[tuple[str, Shape], ...]
    target: str = ""
    """Where the part that has just ended goes; empty at the start."""

    def key(self) -> Hashable:
        """What the future depends on."""
        return "graph", id(self.graph), self.scope.identity, self.position, self.shapes, self.target


Frame = (
    BodyFrame
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
    """Gives the same cell for the same frame on the same rest, for as long as it lives.

    Frames are told apart by the identity of the grammar's nodes, so an interner serves one grammar.
    """

    def __init__(self) -> None:
        self._cells: dict[Hashable, Cell] = {}

    def push(self, frame: Frame, rest: Cell | None) -> Cell:
        """Return the cell of *frame* in front of *rest*."""
        key = (frame.key(), id(rest))
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells[key] = Cell(frame, rest)
        return cell


class Path(NamedTuple):
    """Where a frame stands, for the names of its decisions."""

    prefix: str = ""
    """Path of the rule at hand, ``"stage#2[0]."``."""
    turns: str = ""
    """One ``[i]`` per repetition around the frame within its rule."""
    next_turn: int = 0
    """Of a `RepeatFrame`: the repetition that comes next."""

    def name(self, site: str) -> str:
        """Full name of a site: the turns follow the site's first word, ``block[1].count``."""
        if not self.turns:
            return self.prefix + site
        head, dot, tail = site.partition(".")
        return f"{self.prefix}{head}{self.turns}{dot}{tail}"


Trail = tuple[Path, "Trail | None"]
"""The paths of an agenda's frames, in step with it."""
