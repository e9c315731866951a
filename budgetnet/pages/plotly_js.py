"""The smallest plotly.js that draws a page's figures.

plotly for Python ships the whole library (4.8 MB). Its basic bundle draws points, lines, bars and pies with 1.2 MB; it
is beside this file, as published on npm (plotly.js-basic-dist-min, MIT licence).
"""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterable
from functools import lru_cache
from importlib.resources import files

from budgetnet.pages.figure import Figure

__all__ = ["BASIC_TRACES", "packed_plotly", "plotly_script"]

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


def packed_plotly(figures: Iterable[Figure]) -> str:
    """Return the JavaScript of plotly as gzip in base64, less than half of its size; the page unpacks it.

    >>> len(packed_plotly([{"data": [{"type": "bar", "y": [1, 2]}], "layout": {}}])) < 600_000
    True
    """
    return _packed(plotly_script(figures))


@lru_cache(maxsize=2)
def _packed(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode("ascii")
