"""Places for the parts of a drawing: from the top to the bottom, in several columns where that would be too long."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from math import ceil, inf, sqrt

from budgetnet.draw.cells import lay_cell
from budgetnet.draw.marks import SIGNS, Dot, FoldBox, FrameBox, Laid, LayerBox, Mark, Place, Port, Sign, Wire
from budgetnet.draw.parts import (
    BranchesPart,
    CellPart,
    CellStep,
    ChainPart,
    FoldPart,
    FramePart,
    LayerPart,
    Part,
    ResidualPart,
)
from budgetnet.draw.stack import BESIDE, down, stacked
from budgetnet.draw.words import text_width
from budgetnet.network.nodes import Shape
from budgetnet.text import shape_text

__all__ = ["Context", "lay_out", "shape_label"]

LEAD = 15.0
"""Between a fork, or a join, and what stands between them."""
LANE = 18.0
"""Between a residual's body and its shortcut."""
PAD = 12.0
"""Between a frame and what stands in it."""
HEAD = 24.0
"""The same at its top, for the title."""
TALL = 1150.0
"""Height up to which a drawing stays in one column."""
_SMALL = 1e-4
"""A share that takes most room in words."""
ASPECT = 1.4
"""Aspect ratio (width over height) that a long drawing aims for: a sheet of paper on its side."""


@dataclass(frozen=True, slots=True)
class Context:
    """Surroundings of a part."""

    copies: int = 1
    runs: int = 1
    level: int = 0
    """Frames around it."""
    tallest: float = inf
    """Height from which a chain goes on in another column."""
    names: count[int] = field(default_factory=count)
    """Numbers of marks."""

    def name(self) -> str:
        """Return a fresh name for a mark."""
        return f"m{next(self.names)}"

    def inside(self, *, copies: int = 1, runs: int = 1, level: int = 0, wrap: bool = False) -> Context:
        """Return the context of a part inside."""
        return Context(
            self.copies * copies, self.runs * runs, self.level + level, self.tallest if wrap else inf, self.names
        )


def shape_label(shape: Shape) -> str:
    """Return ``64 × 32×32`` for an image of 64 channels, ``10`` for a vector."""
    return str(shape[0]) if len(shape) == 1 else f"{shape[0]} × {shape_text(shape[1:])}"


def lay_out(part: Part, entry: str, leave: str) -> Laid:
    """Return a drawing of a whole network between its input and its output.

    Args:
        part: the network.
        entry: words for its input.
        leave: words for its output.
    """

    def draw(tallest: float) -> Laid:
        context = Context(tallest=tallest)
        parts = [part] if not isinstance(part, ChainPart) else list(part.parts)
        first, last = _terminal(entry, context), _terminal(leave, context)
        blocks = [first, *(lay_part(inner, context.inside(wrap=True)) for inner in parts), last]
        labels = ["", *(_changed(inner) for inner in parts[:-1]), ""]
        return stacked(blocks, labels, context.tallest)

    whole = draw(inf)
    if whole.height <= TALL:
        return whole
    columns = max(2, round(sqrt(ASPECT * whole.height / whole.width)))
    cut = draw(max(whole.height / columns, TALL / 2))
    return cut if cut.height < 0.8 * whole.height else whole


def lay_part(part: Part, context: Context) -> Laid:
    """Return a part's marks."""
    match part:
        case LayerPart():
            return _layer(part, context)
        case ChainPart():
            blocks = [lay_part(inner, context.inside(wrap=True)) for inner in part.parts]
            return stacked(blocks, [_changed(inner) for inner in part.parts[:-1]], context.tallest)
        case FramePart():
            return _frame(part, context)
        case FoldPart():
            return _fold(part, context)
        case ResidualPart():
            return _residual(part, context)
        case BranchesPart():
            return _branches(part, context)
        case CellPart():
            steps = {
                step.target: lay_part(step.part, context.inside(runs=int(step.used)))
                for step in part.steps
                if isinstance(step, CellStep)
            }
            return lay_cell(part, steps, context.name, shape_label)


def _changed(part: Part) -> str:
    """Label of the arrow behind a part: nothing where the shape stays."""
    return "" if part.entries == (part.output,) else shape_label(part.output)


# --- one part -----------------------------------------------------------------------------------------


def _boxed(title: str, lines: list[str]) -> tuple[float, float]:
    """Return width and height of a box with its texts."""
    width = max([text_width(title, 12.5, bold=True), *(text_width(line, 11) for line in lines)])
    return max(150.0, ceil(width + 22)), 24.0 + 14 * len(lines) + 5


def params_line(params: int, copies: int, share: float) -> str:
    """Return the line on the parameters of a layer: how many, and their share of the whole network's."""
    each = f"{params:,}" if copies == 1 or not params else f"{copies} × {params:,}"
    part = "under 0.1 %" if 0 < share < 0.001 else f"{100 * share:.1f} %"
    return f"{each} parameters, {part}"


def _layer(layer: LayerPart, context: Context) -> Laid:
    lines = [*layer.details, *([params_line(layer.params, context.copies, _SMALL)] if layer.params else [])]
    width, height = _boxed(layer.title, lines)
    box = LayerBox(context.name(), 0, 0, width, height, layer, context.copies, context.runs)
    return Laid(width, height, (Port(width / 2, 0, box.id),), Port(width / 2, height, box.id), (box,))


def _fold(fold: FoldPart, context: Context) -> Laid:
    frame = fold.body
    width, height = _boxed(f"{frame.name} {circled(frame.number)}", ["as drawn above", params_line(10**6, 1, _SMALL)])
    ports = len(frame.entries)
    width = max(width, 60.0 * ports)
    box = FoldBox(context.name(), 0, 0, width, height, fold, context.copies, context.runs)
    ins = tuple(Port(width * (at + 1) / (ports + 1), 0, box.id) for at in range(ports))
    return Laid(width, height, ins, Port(width / 2, height, box.id), (box,))


def circled(number: int) -> str:
    """Return a number in brackets, by which folded frames are told apart; nothing for 0."""
    return f"[{number}]" if number else ""


def _frame(frame: FramePart, context: Context) -> Laid:
    body = lay_part(frame.body, context.inside(copies=frame.times, runs=frame.times * frame.runs, level=1, wrap=True))
    badge = f"×{frame.times}" if frame.times > 1 else f"×{frame.runs} shared" if frame.runs > 1 else ""
    title = f"{frame.name} {circled(frame.number)}".strip()
    # The title stands left of the axis, on which the arrow comes in, and the number of copies right of it.
    axis = min(port.x for port in body.ins)
    left = max(PAD, 20 + text_width(title, 11.5, bold=True) - axis)
    right = max(
        PAD, (24 + text_width(badge, 12, bold=True) if badge else 0) - (body.width - max(p.x for p in body.ins))
    )
    inner = body.moved(left, HEAD)
    width, height = left + body.width + right, HEAD + body.height + PAD
    box = FrameBox(0, 0, width, height, title, badge, context.level)
    return Laid(width, height, inner.ins, inner.out, (box, *inner.marks))


def _residual(part: ResidualPart, context: Context) -> Laid:
    body = lay_part(part.body, context.inside())
    beside = None if part.shortcut is None else lay_part(part.shortcut, context.inside())
    tallest = body.height if beside is None else max(body.height, beside.height)
    body = body.moved(0, LEAD + (tallest - body.height) / 2)
    axis, lane = body.ins[0].x, body.width + LANE
    fork, plus = context.name(), context.name()
    bottom = LEAD + tallest + LEAD + 4
    entry, out = Port(axis, 0, fork), Port(axis, bottom + 9, plus)
    marks: list[Mark] = [
        Dot(fork, axis, 0),
        *body.marks,
        Sign(plus, axis, bottom, SIGNS["add"], 18, 18),
        down(entry, body.ins[0], ""),
        down(body.out, Port(axis, bottom - 9, plus), ""),
    ]
    if beside is None:
        around = ((axis, 0.0), (lane, 0.0), (lane, bottom), (axis + 9, bottom))
        marks.append(Wire(fork, plus, around, kind="skip"))
        return Laid(lane + 2, out.y, (entry,), out, tuple(marks))
    beside = beside.moved(lane, LEAD + (tallest - beside.height) / 2)
    first, last = beside.ins[0], beside.out
    marks += [
        *beside.marks,
        Wire(fork, first.id, ((axis, 0), (first.x, 0), (first.x, first.y)), kind="skip"),
        Wire(last.id, plus, ((last.x, last.y), (last.x, bottom), (axis + 9, bottom)), kind="skip"),
    ]
    return Laid(lane + beside.width, out.y, (entry,), out, tuple(marks))


def _branches(part: BranchesPart, context: Context) -> Laid:
    blocks = [lay_part(branch, context.inside()) for branch in part.branches]
    tallest = max(block.height for block in blocks)
    fork, join = context.name(), context.name()
    top = 20.0 if part.split else 4.0
    x = 0.0
    placed, ends = [], []
    for block in blocks:
        y = top + LEAD + (tallest - block.height) / 2
        placed.append(block.moved(x, y))
        ends.append(y + block.height)
        x += block.width + BESIDE
    width = x - BESIDE
    axis = (placed[0].ins[0].x + placed[-1].ins[0].x) / 2 if len(placed) != 1 else placed[0].ins[0].x
    bottom = top + LEAD + tallest + LEAD + 6
    sign = SIGNS[part.join]
    size = 18.0 if len(sign) == 1 else 58.0
    fork_y = top - 11 if part.split else 0.0
    marks: list[Mark] = [Sign(fork, axis, fork_y, "split", 46, 18) if part.split else Dot(fork, axis, 0)]
    marks.append(Sign(join, axis, bottom, sign, size, 18))
    for block, end, branch in zip(placed, ends, part.branches, strict=True):
        entry, out = block.ins[0], block.out
        label = _changed(branch) if branch.output != part.output else ""
        at = (out.x, end + 10)  # below the frame that the branch may end with
        start = (axis, fork_y + 9) if part.split else (axis, fork_y)
        marks += block.marks
        marks.append(_elbow(fork, entry.id, start, (entry.x, entry.y), at=start[1]))
        if abs(out.x - axis) <= size / 2:
            points: tuple[Place, ...] = ((out.x, out.y), (out.x, bottom - 9))
        else:
            points = ((out.x, out.y), (out.x, bottom), (axis + (size / 2 if out.x > axis else -size / 2), bottom))
        marks.append(Wire(out.id, join, points, label=label, label_at=at))
    entry_port = Port(axis, 0, fork)
    return Laid(width, bottom + 9, (entry_port,), Port(axis, bottom + 9, join), tuple(marks))


def _elbow(source: str, target: str, start: Place, end: Place, at: float) -> Wire:
    """A wire that leaves sideways at a height, then goes down."""
    if abs(start[0] - end[0]) < 0.5:
        return Wire(source, target, (start, end))
    return Wire(source, target, (start, (end[0], at), end))


def _terminal(words: str, context: Context) -> Laid:
    width = text_width(words, 12, bold=True) + 26
    name = context.name()
    sign = Sign(name, width / 2, 12, words, width, 24)
    return Laid(width, 24, (Port(width / 2, 0, name),), Port(width / 2, 24, name), (sign,))
