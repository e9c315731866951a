"""Words and lines that several figures of an exploration share."""

from __future__ import annotations

from budgetnet.explore.suggestions import bound_words
from budgetnet.pages.figure import COLOURS, Figure
from budgetnet.text import percent

__all__ = ["HOVER_WIDTH", "bound_line", "per_image", "share_text"]

HOVER_WIDTH = 76
"""Characters of a line in a tooltip."""


def bound_line(at: float, side: str, text: str, colour: str = COLOURS["bound"]) -> Figure:
    """A line across the figure at a value, with its words above it."""
    line = {"color": colour, "width": 2, "dash": "dash"}
    return {
        "shapes": [{"type": "line", "xref": side, "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}],
        "annotations": [
            {
                "xref": side,
                "yref": "paper",
                "x": at,
                "y": 1,
                "text": text,
                "showarrow": False,
                "xanchor": "right",
                "yanchor": "top",
                "xshift": -6,
                "font": {"color": colour},
                "bgcolor": COLOURS["paper"],  # not a colour of its own: dark pages repaint it
            }
        ],
    }


def per_image(bound: str) -> str:
    """Return a bound in words for an axis, with what is counted."""
    return "FLOPs of one image (one multiply-add = one FLOP)" if bound == "flops" else bound_words(bound)


def share_text(value: float, error: float) -> str:
    """Return a share in percent, with its standard error unless that is 0."""
    return f"{percent(value, 2)} %" if error == 0 else f"{percent(value, 1)} ± {percent(error, 1)} %"
