"""The parts of a drawing: what is nested in what, before anything has a place.

Equal parts compare equal, so repetitions can be found and drawn once.
"""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.grammar.graph import Join
from budgetnet.network.nodes import Shape

__all__ = [
    "BranchesPart",
    "CellJoin",
    "CellPart",
    "CellStep",
    "ChainPart",
    "FoldPart",
    "FramePart",
    "LayerPart",
    "Part",
    "ResidualPart",
    "walk_parts",
]


@dataclass(frozen=True, slots=True)
class LayerPart:
    """One operation."""

    title: str
    details: tuple[str, ...]
    """Lines below the title."""
    text: str
    """The operation in the language, ``conv(3, 16)``."""
    entries: tuple[Shape, ...]
    """Shape of its input; a tuple as for all parts."""
    output: Shape
    params: int
    flops: int
    """FLOPs of one run."""


@dataclass(frozen=True, slots=True)
class ChainPart:
    """Parts one after the other; at least one."""

    parts: tuple[Part, ...]

    @property
    def entries(self) -> tuple[Shape, ...]:
        """Shapes of the inputs."""
        return self.parts[0].entries

    @property
    def output(self) -> Shape:
        """Shape of the output."""
        return self.parts[-1].output


class _Around:
    """A part around a body, with the body's shapes."""

    __slots__ = ()
    body: Part

    @property
    def entries(self) -> tuple[Shape, ...]:
        """Shapes of the inputs."""
        return self.body.entries

    @property
    def output(self) -> Shape:
        """Shape of the output."""
        return self.body.output


@dataclass(frozen=True, slots=True)
class FramePart(_Around):
    """A part in a frame: what a rule made, or what is repeated several times in a row."""

    name: str
    """The rule, ``stage``, or several that hold nothing but each other, ``unit › regular``; empty without a rule."""
    body: Part
    times: int = 1
    """Copies in a row, each with weights of its own."""
    runs: int = 1
    """Runs in a row with the same weights."""
    number: int = 0
    """A mark by which folded copies refer to it; 0 for none."""


@dataclass(frozen=True, slots=True)
class FoldPart(_Around):
    """A part that is equal to a frame drawn elsewhere: its name stands for it."""

    body: FramePart


@dataclass(frozen=True, slots=True)
class ResidualPart(_Around):
    """A residual sum: the body's result plus its input."""

    body: Part
    shortcut: Part | None
    """Part on the shortcut, such as a projection; None for nothing."""


@dataclass(frozen=True, slots=True)
class BranchesPart:
    """Branches on one input, or on slices of its channels, joined."""

    branches: tuple[Part, ...]
    join: Join
    split: bool
    entries: tuple[Shape, ...]
    output: Shape


@dataclass(frozen=True, slots=True)
class CellStep:
    """An application inside a cell."""

    part: Part
    inputs: tuple[str, ...]
    target: str
    used: bool
    """False if the cell's result does not depend on it; it has parameters and no FLOPs then."""


@dataclass(frozen=True, slots=True)
class CellJoin:
    """A join inside a cell."""

    join: Join
    inputs: tuple[str, ...]
    target: str
    output: Shape


@dataclass(frozen=True, slots=True)
class CellPart:
    """A graph of named values."""

    inputs: tuple[str, ...]
    steps: tuple[CellStep | CellJoin, ...]
    """In an order in which they can run."""
    result: str
    entries: tuple[Shape, ...]
    output: Shape


Part = LayerPart | ChainPart | FramePart | FoldPart | ResidualPart | BranchesPart | CellPart


def walk_parts(part: Part, copies: int = 1, runs: int = 1) -> list[tuple[LayerPart, int, int]]:
    """Return every layer drawn or folded in a part, with its copies, and its runs over all copies."""
    match part:
        case LayerPart():
            return [(part, copies, runs)]
        case ChainPart():
            return [found for inner in part.parts for found in walk_parts(inner, copies, runs)]
        case FramePart():
            return walk_parts(part.body, copies * part.times, runs * part.times * part.runs)
        case FoldPart():
            return walk_parts(part.body, copies, runs)
        case ResidualPart():
            bodies = [part.body] if part.shortcut is None else [part.body, part.shortcut]
            return [found for inner in bodies for found in walk_parts(inner, copies, runs)]
        case BranchesPart():
            return [found for inner in part.branches for found in walk_parts(inner, copies, runs)]
        case CellPart():
            return [
                found
                for step in part.steps
                if isinstance(step, CellStep)
                for found in walk_parts(step.part, copies, runs if step.used else 0)
            ]
