"""Networks by a cost, and the sample of those that fit."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from budgetnet.explore.exact_text import large
from budgetnet.explore.figures.labels import HOVER_WIDTH, bound_line, per_image, share_text
from budgetnet.explore.histogram import Histogram
from budgetnet.explore.sample import Point
from budgetnet.explore.suggestions import bound_words
from budgetnet.pages.figure import COLOURS, Figure, axis, figure_label, layout
from budgetnet.text import bytes_text, count_text, short_count

__all__ = ["HOVER_LINES", "cost_histogram", "hover", "sample_scatter"]

SAME_TOOLTIPS = "tooltips of the figure before"
"""By this mark a page takes the tooltips of a trace from the figure before."""
HOVER_LINES = 10
"""Lines of a tooltip."""


def cost_histogram(found: Histogram) -> Figure:
    """All networks by a cost next to those that fit, with the budget as a line; shares of the grammar's own draws."""
    words = bound_words(found.bound)
    method = "exact" if found.exact else "estimated"
    fits_method = "exact" if found.fits_exact else "estimated"
    middles = [(bar.low + bar.high) / 2 for bar in found.bars]
    widths = [bar.high - bar.low + 1 for bar in found.bars]
    spans = [f"{count_text(bar.low)} – {count_text(bar.high)} {words}" for bar in found.bars]
    data = [
        {
            "type": "bar",
            "name": f"all networks ({method})",
            "x": middles,
            "width": widths,
            "y": [bar.draws.value for bar in found.bars],
            "hovertext": [
                f"{span}<br>{share_text(bar.draws.value, bar.draws.error)} of the draws ({method})"
                + ("" if bar.derivations is None else f"<br>{large(bar.derivations)} derivations (exact)")
                for span, bar in zip(spans, found.bars, strict=True)
            ],
            "hoverinfo": "text",
            "marker": {"color": COLOURS["all"]},
        },
        {
            "type": "bar",
            "name": f"those that fit the whole budget ({fits_method})",
            "x": middles,
            "width": widths,
            "y": [bar.fits.value for bar in found.bars],
            "hovertext": [
                f"{span}<br>{share_text(bar.fits.value, bar.fits.error)} of the draws fit ({fits_method})"
                for span, bar in zip(spans, found.bars, strict=True)
            ],
            "hoverinfo": "text",
            "marker": {"color": COLOURS["fits"]},
        },
    ]
    look = layout(
        f"Networks by {words}",
        400,
        barmode="overlay",
        bargap=0,
        xaxis=axis(per_image(found.bound), tickformat="~s"),
        yaxis=axis("share of the grammar's own draws", tickformat="~%", rangemode="tozero"),
    )
    if found.limit is not None:
        look |= bound_line(found.limit, "x", f"budget {short_count(found.limit)}")
    return {"data": data, "layout": look}


def sample_scatter(points: Sequence[Point], y: str, *, again: bool = False) -> Figure:
    """Parameters against another cost (``flops`` or ``receptive_field``), coloured by depth; hover tells the network.

    Args:
        points: networks that fit.
        y: a field of `Point`.
        again: the figure before shows the same points, so its tooltips are used, and the page stays small.
    """
    titles = {"flops": "FLOPs", "receptive_field": "receptive field (pixels)"}
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point.params for point in points],
            "y": [getattr(point, y) for point in points],
            **({"meta": SAME_TOOLTIPS} if again else {"hovertext": [hover(point) for point in points]}),
            "hoverinfo": "text",
            "marker": {
                "size": 8,
                "opacity": 0.75,
                "color": [point.depth for point in points],
                "colorscale": [[0, "#bfe3e0"], [0.5, COLOURS["fits"]], [1, "#12344d"]],
                "colorbar": {"title": {"text": "depth"}, "thickness": 12, "len": 0.9, "tickformat": "d"},
                "line": {"width": 0.5, "color": COLOURS["paper"]},
            },
        }
    ]
    look = layout(
        f"Parameters against {titles[y]}",
        460,
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 56, "b": 56},
        xaxis=axis("parameters", tickformat="~s"),
        yaxis=axis(titles[y] + (" (one multiply-add = one FLOP)" if y == "flops" else ""), tickformat="~s"),
    )
    return {"data": data, "layout": look}


def hover(point: Point) -> str:
    """A network and its costs in lines that are short enough to read."""
    lines = [
        line
        for text in point.network.strip().splitlines()
        for line in wrap(text, HOVER_WIDTH, subsequent_indent="    ", drop_whitespace=True) or [""]
    ]
    if len(lines) > HOVER_LINES:
        lines = [*lines[: HOVER_LINES - 1], "…"]
    costs = (
        f"{count_text(point.params)} parameters · {count_text(point.flops)} FLOPs · depth {point.depth}",
        f"receptive field {point.receptive_field} px · peak memory {bytes_text(point.peak_activation_bytes)}",
    )
    text = "<br>".join(figure_label(line).replace("  ", "\u00a0\u00a0") for line in lines)
    return f"<b>{'<br>'.join(costs)}</b><br>{text}"
