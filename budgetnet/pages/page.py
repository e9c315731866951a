"""Self-contained HTML pages: styles, plotly and data are in one file, so it opens without an internet connection.

Callers pass sections of text, tables and figures; the template escapes all text, so names in a study cannot
become markup. plotly and jinja2 are loaded only when a page is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from budgetnet.errors import RequestError
from budgetnet.pages.figure import COLOURS, FONT, Figure
from budgetnet.pages.render import render

__all__ = ["Page", "PageSection", "PageTable", "check_place", "page_html", "write_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """Rows of text; numbers are aligned right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
    """Columns that are aligned left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSection:
    """A heading with its content, in this order."""

    title: str
    text: Sequence[str] = ()
    """Paragraphs."""
    items: Sequence[str] = ()
    """A list."""
    figures: Sequence[Figure] = ()
    """Side by side where the page is wide enough."""
    table: PageTable | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The content of a page."""

    title: str
    lead: str
    """One line below the title."""
    tiles: Sequence[tuple[str, str]] = ()
    """The numbers that matter most, each with its words."""
    sections: Sequence[PageSection]
    footer: Sequence[str]
    """Lines on how the page was made."""


def page_html(page: Page) -> str:
    """Return a page as the text of an HTML file (about 5 MB, most of it plotly.js)."""
    from plotly.offline import get_plotlyjs

    figures = [figure for section in page.sections for figure in section.figures]
    # "<" in the data could end the script; the last two end a line in older JavaScript.
    data = json.dumps(figures, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return render("page.html", page=page, colours=COLOURS, font=FONT, plotly=get_plotlyjs(), figures=data)


def check_place(path: Path) -> None:
    """Check the path of a page before the work for it is done.

    Raises:
        RequestError: it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder; name a file, for example {path / 'explore.html'}")
    if not path.parent.is_dir():
        raise RequestError(f"the folder {path.parent} does not exist; make it or choose another place")


def write_page(path: Path, page: Page) -> None:
    """Write a page to a file.

    Raises:
        RequestError: it cannot be written there.
    """
    text = page_html(page)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from None
