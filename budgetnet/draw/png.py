"""A drawing as PNG, by resvg, which comes as a wheel and needs no other program."""

from __future__ import annotations

import re
from importlib.util import find_spec

from budgetnet.errors import RequestError

__all__ = ["check_renderer", "png_bytes"]

ZOOM = 2.0
"""Pixels of the picture for one of the drawing: sharp on a slide and on paper."""
MOST_PIXELS = 24e6
"""Pixels that a picture has at most; a drawing that would have more is zoomed less."""
_SIZE = re.compile(r'width="(\d+)" height="(\d+)"')


def check_renderer() -> None:
    """Check that SVG can be rendered.

    Raises:
        RequestError: resvg is not installed.
    """
    if find_spec("resvg_py") is None:
        raise RequestError(
            "drawing PNG needs resvg-py, which is not installed; install it with: pip install 'budgetnet[png]', "
            "or draw .svg or .html"
        )


def png_bytes(svg: str) -> bytes:
    """Return a drawing as the bytes of a PNG file; text takes the fonts of this machine.

    Raises:
        RequestError: resvg is not installed.
    """
    check_renderer()
    import resvg_py

    size = _SIZE.search(svg)
    pixels = int(size[1]) * int(size[2]) if size else 1
    # In whole pixels: resvg takes a zoom in whole numbers only.
    width = round(int(size[1]) * min(ZOOM, (MOST_PIXELS / pixels) ** 0.5)) if size else None
    return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=width))
