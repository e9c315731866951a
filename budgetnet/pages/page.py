"""Self-contained HTML pages: styles, plotly and data are in one file, so it opens without an internet connection.

Callers pass sections of text, tables and figures; the template escapes all text, so names in a study cannot
become markup. plotly and jinja2 are loaded only when a page is written. Colours follow the reader's choice of a light
or a dark page.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.pages.blocks import Block, DataTable, Details, FigureRow, PageTable
from budgetnet.pages.figure import COLOURS, DARK_COLOURS, FONT, Figure
from budgetnet.pages.plotly_js import packed_plotly
from budgetnet.pages.render import render
from budgetnet.text import ESCAPES

__all__ = ["Page", "PageSection", "PageTable", "check_place", "page_html", "write_page"]


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
    blocks: Sequence[Block] = ()
    """Further content in any order."""


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
    contents: bool = False
    """True to list the sections below the tiles."""


def page_html(page: Page) -> str:
    """Return a page as the text of an HTML file (over 0.5 MB, most of it plotly.js)."""
    figures = list(_figures(page))
    tables = {table.name: table for table in _tables(page)}
    places = {id(figure): number for number, figure in enumerate(figures)}
    return render(
        "page.html",
        page=page,
        colours=COLOURS,
        dark=DARK_COLOURS,
        font=FONT,
        plotly=packed_plotly(figures) if figures else "",
        place=lambda figure: places[id(figure)],
        figures=_script_json(figures),
        tables=_script_json({name: _table_document(table) for name, table in tables.items()}),
        repaint=_script_json({colour: DARK_COLOURS[name] for name, colour in COLOURS.items()}),
    )


def check_place(path: Path) -> None:
    """Check the path of a page before the work for it is done.

    Raises:
        RequestError: it is a folder, or its folder does not exist.
    """
    if path.is_dir():
        raise RequestError(f"{path} is a folder; name a file, for example {path / 'page.html'}")
    if not path.parent.is_dir():
        raise RequestError(f"the folder {path.parent} does not exist; make it or choose another place")


def write_page(path: Path, page: Page) -> None:
    """Write a page to a file.

    Raises:
        RequestError: it cannot be written there.
    """
    text = page_html(page)
    try:
        path.write_text(text, encoding="utf-8", errors=ESCAPES)
    except OSError as error:
        raise RequestError(f"{path} cannot be written ({error.strerror}); choose another place") from None


def _blocks(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        yield block
        if isinstance(block, Details):
            yield from _blocks(block.blocks)


def _figures(page: Page) -> Iterator[Figure]:
    for section in page.sections:
        yield from section.figures
        for block in _blocks(section.blocks):
            if isinstance(block, FigureRow):
                yield from block.figures


def _tables(page: Page) -> Iterator[DataTable]:
    for section in page.sections:
        for block in _blocks(section.blocks):
            if isinstance(block, DataTable):
                yield block


def _table_document(table: DataTable) -> dict[str, Any]:
    columns = [{"name": column.name, "format": column.format, "bound": column.bound} for column in table.columns]
    return {
        "name": table.name,
        "columns": columns,
        "rows": [list(row) for row in table.rows],
        "hover": list(table.hover),
        "drawn": {str(key): place for key, place in table.drawn.items()},
        "draw": table.draw,
    }


def _script_json(value: Any) -> str:
    """Return JSON that may stand in a script: "<" could end it, and the last two end a line in older JavaScript."""
    data = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    return data
