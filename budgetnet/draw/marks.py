"""Marks of a drawing, each at its place in pixels; y points down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from budgetnet.draw.parts import FoldPart, LayerPart

__all__ = ["SIGNS", "Dot", "FoldBox", "FrameBox", "Laid", "LayerBox", "Mark", "Place", "Port", "Sign", "Wire", "moved"]

SIGNS = {"add": "+", "mul": "×", "concat": "concat", "mean": "mean"}
"""The text of each join."""

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class LayerBox:
    """A layer."""

    id: str
    x: float
    y: float
    width: float
    height: float
    layer: LayerPart
    copies: int
    runs: int
    """Runs of all copies together."""


@dataclass(frozen=True, slots=True)
class FoldBox:
    """A frame that is drawn elsewhere."""

    id: str
    x: float
    y: float
    width: float
    height: float
    fold: FoldPart
    copies: int
    runs: int


@dataclass(frozen=True, slots=True)
class FrameBox:
    """A frame around what stands in it."""

    x: float
    y: float
    width: float
    height: float
    title: str
    badge: str
    """Number of copies, ``×3``; empty for one."""
    level: int
    """Frames around it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """A join: ``+``, ``×``, ``concat``, or where channels are split; centred."""

    id: str
    x: float
    y: float
    text: str
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Dot:
    """A point where a value forks, or enters or leaves a cell."""

    id: str
    x: float
    y: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """A value on its way from one mark to another."""

    source: str
    target: str
    points: tuple[Place, ...]
    style: Literal["straight", "curved"] = "straight"
    kind: Literal["flow", "skip"] = "flow"
    label: str = ""
    """Shape of the value where it changed."""
    label_at: Place = (0.0, 0.0)
    arrow: bool = True


Mark = LayerBox | FoldBox | FrameBox | Sign | Dot | Wire


def moved(mark: Mark, dx: float, dy: float) -> Mark:
    """Return a mark at another place."""
    if not isinstance(mark, Wire):
        return replace(mark, x=mark.x + dx, y=mark.y + dy)
    points = tuple((x + dx, y + dy) for x, y in mark.points)
    return replace(mark, points=points, label_at=(mark.label_at[0] + dx, mark.label_at[1] + dy))


@dataclass(frozen=True, slots=True)
class Port:
    """A place where a wire starts or ends, on a mark."""

    x: float
    y: float
    id: str

    def moved(self, dx: float, dy: float) -> Port:
        """Return it at another place."""
        return Port(self.x + dx, self.y + dy, self.id)


@dataclass(frozen=True, slots=True)
class Laid:
    """Marks in a box of their own, with the places where values go in and out."""

    width: float
    height: float
    ins: tuple[Port, ...]
    out: Port
    marks: tuple[Mark, ...]

    def moved(self, dx: float, dy: float) -> Laid:
        """Return it at another place; its box moves with it."""
        ins = tuple(port.moved(dx, dy) for port in self.ins)
        marks = tuple(moved(mark, dx, dy) for mark in self.marks)
        return Laid(self.width, self.height, ins, self.out.moved(dx, dy), marks)
