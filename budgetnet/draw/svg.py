"""A laid-out drawing as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import pairwise
from math import hypot
from typing import Literal

from budgetnet.draw.colours import DARK, LIGHT, SHARES, Theme, share_level
from budgetnet.draw.layout import params_line, shape_label
from budgetnet.draw.marks import Dot, FoldBox, FrameBox, Laid, LayerBox, Mark, Place, Sign, Wire
from budgetnet.draw.parts import walk_parts
from budgetnet.draw.words import text_width
from budgetnet.text import count_text, counted, short_count

__all__ = ["Paper", "svg_text"]

Paper = Literal["auto", "light", "dark"]
"""``auto`` follows the reader's choice of light or dark pages."""

MARGIN = 24.0
_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_ROUND = 7.0
"""Radius of a wire's bends."""


def svg_text(block: Laid, *, title: str, lead: str, params: int, paper: Paper) -> str:
    """Return a drawing as the text of an SVG file.

    Args:
        block: the network's marks.
        title: its first line.
        lead: the line below.
        params: the network's parameters, of which layers hold shares.
        paper: the paper's colours.
    """
    words = max(text_width(title, 17, bold=True), text_width(lead, 12), _LEGEND_WIDTH)
    width = max(block.width, words) + 2 * MARGIN
    top = MARGIN + 50
    bottom = top + block.height + 26
    height = bottom + 64
    drawn = block.moved((width - block.width) / 2, top)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="bn-drawing" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" aria-label="{escape(f"{title}: {lead}")}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_style(paper)}</style>",
        f'<rect class="bn-paper" width="{width:.0f}" height="{height:.0f}"/>',
        _text(MARGIN, MARGIN + 14, title, "bn-title"),
        _text(MARGIN, MARGIN + 33, lead, "bn-soft"),
    ]
    order = (FrameBox, Wire, Dot, Sign, FoldBox, LayerBox)
    for mark in sorted(drawn.marks, key=lambda mark: order.index(type(mark))):
        lines += _mark(mark, params)
    lines += [_label(mark) for mark in drawn.marks if isinstance(mark, Wire) and mark.label]
    lines += _legend(MARGIN, bottom)
    return "\n".join([*lines, "</svg>", ""])


# --- marks --------------------------------------------------------------------------------------------


def _mark(mark: Mark, params: int) -> Iterator[str]:
    match mark:
        case LayerBox():
            yield from _box(mark, params)
        case FoldBox():
            yield from _fold(mark, params)
        case FrameBox():
            place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" height="{mark.height:.1f}"'
            yield f'<rect class="bn-frame bn-f{mark.level % 2}" {place} rx="9"/>'
            yield _text(mark.x + 10, mark.y + 16, mark.title, "bn-rule")
            if mark.badge:
                yield _text(mark.x + mark.width - 10, mark.y + 16, mark.badge, "bn-times", anchor="end")
        case Sign():
            place = f'x="{mark.x - mark.width / 2:.1f}" y="{mark.y - mark.height / 2:.1f}"'
            size = f'width="{mark.width:.1f}" height="{mark.height:.1f}" rx="{mark.height / 2:.1f}"'
            yield f'<g id="{mark.id}"><rect class="bn-sign" {place} {size}/>'
            yield _text(mark.x, mark.y + 4.2, mark.text, "bn-join", anchor="middle") + "</g>"
        case Dot():
            yield f'<circle id="{mark.id}" class="bn-dot" cx="{mark.x:.1f}" cy="{mark.y:.1f}" r="2.6"/>'
            if mark.label:
                yield _text(mark.x + 7, mark.y + 1, mark.label, "bn-small")
        case Wire():
            yield _wire(mark)


def _box(mark: LayerBox, params: int) -> Iterator[str]:
    layer = mark.layer
    held = layer.params * mark.copies
    share = held / params if params else 0.0
    shapes = f"{shape_label(layer.entries[0])} → {shape_label(layer.output)}"
    facts = [
        layer.text,
        shapes,
        f"{counted(held, 'parameter')}, {100 * share:.2f} %"
        + (f" ({mark.copies} copies of {count_text(layer.params)})" if mark.copies > 1 else ""),
        f"{count_text(layer.flops * mark.runs)} FLOPs",
    ]
    yield _group(mark, share, facts, held)
    lines = list(layer.details)
    if layer.params:
        lines.append(params_line(layer.params, mark.copies, share))
    yield from _words(mark, layer.title, lines)


def _fold(mark: FoldBox, params: int) -> Iterator[str]:
    frame = mark.fold.body
    held = sum(layer.params * copies for layer, copies, _ in walk_parts(frame)) * mark.copies
    flops = sum(layer.flops * runs for layer, _, runs in walk_parts(frame)) * mark.runs
    share = held / params if params else 0.0
    facts = [
        f"{frame.name}, equal to [{frame.number}]",
        f"{shape_label(frame.entries[0])} → {shape_label(frame.output)}",
        f"{counted(held, 'parameter')}, {100 * share:.2f} %",
        f"{count_text(flops)} FLOPs",
    ]
    yield _group(mark, share, facts, held)
    yield from _words(mark, f"{frame.name} [{frame.number}]", ["as drawn above", params_line(held, 1, share)])


def _group(mark: LayerBox | FoldBox, share: float, facts: list[str], held: int) -> str:
    place = f'x="{mark.x:.1f}" y="{mark.y:.1f}" width="{mark.width:.1f}" height="{mark.height:.1f}"'
    kind = "bn-layer" if isinstance(mark, LayerBox) else "bn-layer bn-fold"
    return (
        f'<g id="{mark.id}" class="{kind} bn-s{share_level(share)}" data-params="{held}">'
        f'<title>{escape(chr(10).join(facts))}</title><rect {place} rx="5"/>'
    )


def _words(mark: LayerBox | FoldBox, title: str, lines: list[str]) -> Iterator[str]:
    middle = mark.x + mark.width / 2
    yield _text(middle, mark.y + 17, title, "bn-name", anchor="middle")
    for at, line in enumerate(lines):
        end = "</g>" if at == len(lines) - 1 else ""
        yield _text(middle, mark.y + 32 + 14 * at, line, "bn-line", anchor="middle") + end
    if not lines:
        yield "</g>"


def _wire(mark: Wire) -> str:
    path = _curve(mark.points) if mark.style == "curved" else _bent(mark.points)
    data = f'data-from="{mark.source}" data-to="{mark.target}"'
    head = ""
    if mark.arrow:
        (before, end) = mark.points[-2:]
        head = f'<path class="bn-head bn-{mark.kind}-head" d="{_arrow(before, end, down=mark.style == "curved")}"/>'
    return f'<g class="bn-{mark.kind}" {data}><path class="bn-wire" d="{path}"/>{head}</g>'


def _bent(points: tuple[Place, ...]) -> str:
    """A line with round bends."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(_ROUND, _distance(before, corner) / 2, _distance(corner, after) / 2)
        start, end = _towards(corner, before, radius), _towards(corner, after, radius)
        path.append(f"L{start[0]:.1f} {start[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {end[0]:.1f} {end[1]:.1f}")
    path.append(f"L{points[-1][0]:.1f} {points[-1][1]:.1f}")
    return "".join(path)


def _curve(points: tuple[Place, ...]) -> str:
    """Curves that start and end downwards; pairs of points on a rank are joined straight."""
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        if abs(x - to_x) < 0.5:
            path.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            path.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
    return "".join(path)


def _arrow(before: Place, end: Place, *, down: bool) -> str:
    length = _distance(before, end) or 1.0
    x, y = (0.0, 1.0) if down else ((end[0] - before[0]) / length, (end[1] - before[1]) / length)
    back = (end[0] - 7 * x, end[1] - 7 * y)
    return (
        f"M{end[0]:.1f} {end[1]:.1f}L{back[0] - 3.4 * y:.1f} {back[1] + 3.4 * x:.1f}"
        f"L{back[0] + 3.4 * y:.1f} {back[1] - 3.4 * x:.1f}Z"
    )


def _distance(first: Place, second: Place) -> float:
    return hypot(first[0] - second[0], first[1] - second[1])


def _towards(start: Place, end: Place, length: float) -> Place:
    whole = _distance(start, end) or 1.0
    return start[0] + (end[0] - start[0]) * length / whole, start[1] + (end[1] - start[1]) * length / whole


def _label(mark: Wire) -> str:
    x, y = mark.label_at
    return _text(x + 6, y + 3.5, mark.label, "bn-shape")


def _text(x: float, y: float, words: str, kind: str, *, anchor: str = "start") -> str:
    at = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{at}>{escape(words, quote=False)}</text>'


# --- legend and style ---------------------------------------------------------------------------------

_LEGEND_STEP = 96.0
_LEGEND_WIDTH = _LEGEND_STEP * len(SHARES)
_NOTE = "Arrows: channels × height×width, where they change. ×3: three in a row, each with its own weights."


def _legend(x: float, y: float) -> Iterator[str]:
    yield _text(x, y + 4, "Share of the parameters", "bn-small")
    for level, (_, words) in enumerate(SHARES):
        left = x + level * _LEGEND_STEP
        patch = f'<rect x="{left:.1f}" y="{y + 12:.1f}" width="16" height="13" rx="3"/>'
        yield f'<g class="bn-layer bn-s{level}">{patch}</g>'
        yield _text(left + 22, y + 22.5, words, "bn-small")
    yield _text(x, y + 44, _NOTE, "bn-small")


def _style(paper: Paper) -> str:
    shared = (
        f".bn-drawing text{{font-family:{_FONT};}}"
        ".bn-drawing .bn-title{font-size:17px;font-weight:600}"
        ".bn-drawing .bn-soft{font-size:12px}.bn-drawing .bn-small{font-size:11px}"
        ".bn-drawing .bn-name{font-size:12.5px;font-weight:600}.bn-drawing .bn-line{font-size:11px;white-space:pre}"
        ".bn-drawing .bn-rule{font-size:11.5px;font-weight:600}.bn-drawing .bn-times{font-size:12px;font-weight:700}"
        ".bn-drawing .bn-join{font-size:12px;font-weight:600}"
        ".bn-drawing .bn-shape{font-size:11px;paint-order:stroke;stroke-width:3px;stroke-linejoin:round}"
        ".bn-drawing .bn-wire{fill:none;stroke-width:1.4}.bn-drawing .bn-skip .bn-wire{stroke-width:1.8}"
        ".bn-drawing .bn-layer rect{stroke-width:1}.bn-drawing .bn-fold rect{stroke-dasharray:5 3}"
    )
    colours = _colours(LIGHT if paper != "dark" else DARK)
    if paper == "auto":
        colours += f"@media (prefers-color-scheme: dark){{{_colours(DARK)}}}"
    return shared + colours


def _colours(theme: Theme) -> str:
    rules = [
        f".bn-paper{{fill:{theme.paper}}}",
        f"text{{fill:{theme.ink}}}",
        f".bn-soft,.bn-drawing .bn-small,.bn-drawing .bn-rule{{fill:{theme.soft}}}",
        f".bn-shape{{fill:{theme.soft};stroke:{theme.paper}}}",
        f".bn-frame{{stroke:{theme.frame};stroke-width:1}}",
        *(f".bn-f{at}{{fill:{fill}}}" for at, fill in enumerate(theme.frames)),
        f".bn-wire{{stroke:{theme.wire}}}",
        f".bn-head,.bn-drawing .bn-dot{{fill:{theme.wire}}}",
        f".bn-skip .bn-wire{{stroke:{theme.skip}}}",
        f".bn-skip-head{{fill:{theme.skip}}}",
        f".bn-sign{{fill:{theme.paper};stroke:{theme.edge};stroke-width:1.2}}",
        f".bn-layer rect{{stroke:{theme.edge}}}",
    ]
    for level, (fill, ink) in enumerate(theme.levels):
        rules += [f".bn-s{level} rect{{fill:{fill}}}", f".bn-s{level} text{{fill:{ink}}}"]
    return "".join(f".bn-drawing {rule}" for rule in rules)


def summary_line(params: int, flops: int, entry: str, classes: int) -> str:
    """Return the line below the title."""
    return (
        f"{counted(params, 'parameter')}, {short_count(flops)} FLOPs (one multiply-add = one FLOP), "
        f"input {entry}, {counted(classes, 'class', 'classes')}"
    )
