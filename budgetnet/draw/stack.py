"""Blocks one after the other: on one axis, in several columns where that would be too long."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from budgetnet.draw.marks import Laid, Mark, Port, Wire

__all__ = ["BESIDE", "down", "stacked"]

GAP = 26.0
"""Between parts in a row, for an arrow and its label."""
TURN = 30.0
"""Above a column that another one leads to, for the arrow and its label."""
BESIDE = 20.0
"""Between branches; columns stand three times as far apart."""


def down(out: Port, entry: Port, label: str) -> Wire:
    """Return a wire down to what stands below, with a bend where that is not on the same axis."""
    middle = (out.y + entry.y) / 2
    at = (entry.x, middle)
    if abs(out.x - entry.x) < 0.5:
        return Wire(out.id, entry.id, ((out.x, out.y), (entry.x, entry.y)), label=label, label_at=at)
    points = ((out.x, out.y), (out.x, middle), (entry.x, middle), (entry.x, entry.y))
    return Wire(out.id, entry.id, points, label=label, label_at=((out.x + entry.x) / 2, middle - 4))


def stacked(blocks: list[Laid], labels: list[str], tallest: float) -> Laid:
    """Put blocks from the top to the bottom on one axis, in columns from the left to the right.

    Args:
        blocks: the blocks; each reads the one before.
        labels: of the wires between them.
        tallest: height from which they go on in another column.
    """
    columns = _columns(blocks, tallest)
    several = len(columns) > 1
    marks: list[Mark] = []
    ins: tuple[Port, ...] = ()
    out: Port | None = None
    left = width = bottom = deepest = 0.0
    words = iter(["", *labels])
    for column in columns:
        axis = max(block.ins[0].x for block in column)
        right, y = left, TURN if several else 0.0
        for position, block in enumerate(column):
            placed = block.moved(left + axis - block.ins[0].x, y)
            marks += placed.marks
            label = next(words)
            if out is None:
                ins = placed.ins
            elif position:
                wire = down(out, placed.ins[0], label)
                marks.append(replace(wire, label_at=(wire.label_at[0], y - GAP / 2)))
            else:
                marks.append(_over(out, placed.ins[0], left - BESIDE * 1.5, bottom + 12, label))
            right = max(right, left + axis - block.ins[0].x + block.width)
            out, bottom = placed.out, y + block.height
            y = bottom + GAP
        deepest = max(deepest, bottom)
        width, left = right, right + BESIDE * 3
    assert out is not None
    return Laid(width, deepest + (14 if several else 0), ins, out, tuple(marks))


def _over(out: Port, entry: Port, gutter: float, low: float, label: str) -> Wire:
    """A wire from the bottom of a column to the top of the next."""
    points = ((out.x, out.y), (out.x, low), (gutter, low), (gutter, 4.0), (entry.x, 4.0), (entry.x, entry.y))
    return Wire(out.id, entry.id, points, label=label, label_at=(entry.x, TURN / 2 + 3))


def _columns(blocks: list[Laid], tallest: float) -> list[list[Laid]]:
    """Cut a row of blocks into columns so that the tallest is as short as their number allows."""
    whole = sum(block.height + GAP for block in blocks) - GAP
    if whole <= tallest or len(blocks) < 2:
        return [blocks]
    number = min(ceil(whole / tallest), len(blocks))
    # The least height in which the blocks fit into so many columns: between the highest block and all of them.
    low, high = max(block.height for block in blocks), whole
    while high - low > 1:
        middle = (low + high) / 2
        low, high = (low, middle) if len(_filled(blocks, middle)) <= number else (middle, high)
    return _filled(blocks, high)


def _filled(blocks: list[Laid], height: float) -> list[list[Laid]]:
    columns: list[list[Laid]] = [[]]
    used = 0.0
    for block in blocks:
        if columns[-1] and used + block.height > height:
            columns.append([])
            used = 0.0
        columns[-1].append(block)
        used += block.height + GAP
    return columns
