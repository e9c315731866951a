"""The smallest plotly.js that draws a page's figures.

plotly for Python ships the whole library (4.8 MB). Its basic bundle draws points, lines, bars and pies with 1.2 MB; it
is beside this file, as published on npm (plotly.js-basic-dist-min, MIT licence).
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files

from budgetnet.pages.figure import Figure

__all__ = ["BASIC_TRACES", "plotly_script"]

BASIC_TRACES = frozenset({"scatter", "bar", "pie"})
"""Types of traces that the basic bundle draws."""


def plotly_script(figures: Iterable[Figure]) -> str:
    """Return the JavaScript of plotly: the basic bundle if it draws all *figures*, else the whole library.

    >>> len(plotly_script([{"data": [{"type": "bar", "y": [1, 2]}], "layout": {}}])) < 1_300_000
    True
    """
    if {trace["type"] for figure in figures for trace in figure["data"]} <= BASIC_TRACES:
        return files("budgetnet.pages").joinpath("vendor", "plotly-basic.min.js").read_text(encoding="utf-8")
    from plotly.offline import get_plotlyjs

    whole: str = get_plotlyjs()
    return whole
