"""Figures as plotly.js reads them, in one style.

Text in them goes through `figure_label`, because plotly reads tags in text.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

__all__ = ["COLOURS", "DARK_COLOURS", "FONT", "NAME_WIDTH", "Figure", "axis", "axis_names", "figure_label", "layout"]

Figure = dict[str, Any]
"""``{"data": […], "layout": {…}}`` of plotly.js."""

COLOURS = {
    "ink": "#1f2933",
    "soft": "#52606d",
    "line": "#e4e7eb",
    "all": "#b8c4d0",
    "fits": "#2a7f9e",
    "bound": "#c2402a",
    "second": "#e0a13a",
    "third": "#4b8b3b",
    "paper": "#ffffff",
    "ground": "#f5f7fa",
}
"""Colours by meaning, the same on every page: all networks, those that fit, the budget."""

DARK_COLOURS = {
    "ink": "#e6ebf0",
    "soft": "#a3b1bf",
    "line": "#323d49",
    "all": "#6d7c8c",
    "fits": "#5fb6d6",
    "bound": "#ef7d68",
    "second": "#e9b75f",
    "third": "#9ccc8a",
    "paper": "#1b222b",
    "ground": "#12171d",
}
"""The same on a dark page; figures are written in `COLOURS`, and the page repaints them."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"

NAME_WIDTH = 46
"""Characters of a name on an axis."""


def figure_label(text: str) -> str:
    """Escape text for a label inside a figure.

    >>> figure_label("<b>")
    '&lt;b&gt;'
    """
    return escape(text, quote=True)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """Return an axis of a figure; *title* is not escaped."""
    return {
        "title": {"text": title, "standoff": 12},
        "gridcolor": COLOURS["line"],
        "zerolinecolor": COLOURS["line"],
        "automargin": True,
        **more,
    }


def axis_names(texts: Sequence[str], width: int = NAME_WIDTH) -> list[str]:
    """Return names for an axis: escaped, cut in the middle where they are long, and told apart if they are equal then.

    >>> axis_names(["block.kind", "a very long name of a decision"], width=16)
    ['block.kind', 'a very l…ecision']
    """
    names: list[str] = []
    for text in texts:
        short = text if len(text) <= width else f"{text[: width // 2]}…{text[-(width // 2 - 1) :]}"
        name, number = short, 1
        while figure_label(name) in names:
            number += 1
            name = f"{short} ({number})"
        names.append(figure_label(name))
    return names


def layout(title: str, height: int, **more: Any) -> dict[str, Any]:
    """Return the layout that all figures share; *title* is not escaped, *height* is in pixels."""
    return {
        "title": {
            "text": title,
            "font": {"size": 15},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "pad": {"l": 8, "t": 12},  # a legend of two lines is below
        },
        "height": height,
        "font": {"family": FONT, "size": 12, "color": COLOURS["ink"]},
        "paper_bgcolor": COLOURS["paper"],
        "plot_bgcolor": COLOURS["paper"],
        "margin": {"l": 60, "r": 24, "t": 84, "b": 56},
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "xanchor": "left", "yanchor": "bottom"},
        "hoverlabel": {
            "bgcolor": COLOURS["paper"],
            "bordercolor": COLOURS["all"],
            "font": {"color": COLOURS["ink"]},
            "align": "left",
            "namelength": -1,
        },
        **more,
    }
