"""One HTML page that needs nothing else: styles, plotly and data are in the file, so it opens without a network.

Callers hand over sections of text, tables and figures; all text is escaped here, so a study's names cannot become
markup. Figures are plain dictionaries as plotly.js reads them; labels in them are to go through `figure_label`, because
plotly reads tags in text. plotly itself is loaded only when a page is made.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError

__all__ = [
    "COLOURS",
    "Figure",
    "Page",
    "PageSection",
    "PageTable",
    "axis",
    "check_place",
    "figure_label",
    "layout",
    "page_html",
    "write_page",
]

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
    "paper": "#ffffff",
}
"""One colour per meaning, on every page: all networks, those that fit, the budget."""

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """Rows of text; numbers stand to the right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    left: Sequence[int] = (0,)
    """Columns that stand to the left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSection:
    """A heading with what stands below it, in this order."""

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
    """What stands on a page."""

    title: str
    lead: str
    """One line below the title."""
    tiles: Sequence[tuple[str, str]] = ()
    """The numbers that matter most, each with its words."""
    sections: Sequence[PageSection]
    footer: Sequence[str]
    """How the page was made."""


def figure_label(text: str) -> str:
    """Escape text for a label inside a figure."""
    return escape(text, quote=True)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis of a figure; *title* is taken as it is."""
    return {
        "title": {"text": title, "standoff": 12},
        "gridcolor": COLOURS["line"],
        "zerolinecolor": COLOURS["line"],
        "automargin": True,
        **more,
    }


def layout(title: str, height: int, **more: Any) -> dict[str, Any]:
    """The layout that all figures share; *title* is taken as it is, *height* is in pixels."""
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
            "pad": {"l": 8, "t": 12},  # a legend of two lines lies below
        },
        "height": height,
        "font": {"family": FONT, "size": 12, "color": COLOURS["ink"]},
        "paper_bgcolor": COLOURS["paper"],
        "plot_bgcolor": COLOURS["paper"],
        "margin": {"l": 60, "r": 24, "t": 84, "b": 56},
        "legend": {"orientation": "h", "x": 0, "y": 1.01, "xanchor": "left", "yanchor": "bottom"},
        "hoverlabel": {"bgcolor": COLOURS["paper"], "bordercolor": COLOURS["all"], "align": "left", "namelength": -1},
        **more,
    }


def page_html(page: Page) -> str:
    """Return a page as the text of an HTML file (about 5 MB, most of it plotly.js)."""
    from plotly.offline import get_plotlyjs

    figures: list[Figure] = []
    sections = "\n".join(_section(section, figures) for section in page.sections)
    tiles = "".join(
        f'<div class="tile"><b>{escape(number)}</b><span>{escape(words)}</span></div>' for number, words in page.tiles
    )
    # "<" in a string of the data could end the script; the two others end a line in some JavaScript.
    data = json.dumps(figures, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for sign in ("<", ">", "&", "\u2028", "\u2029"):
        data = data.replace(sign, f"\\u{ord(sign):04x}")
    footer = "".join(f"<p>{escape(line)}</p>" for line in page.footer)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{escape(page.title)}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<header><h1>{escape(page.title)}</h1><p>{escape(page.lead)}</p></header>
<div class="tiles">{tiles}</div>
<main>
{sections}
</main>
<footer>{footer}</footer>
<script>{get_plotlyjs()}</script>
<script>
const figures = {data};
figures.forEach((figure, number) => Plotly.newPlot(
  "figure-" + number, figure.data, figure.layout, {{responsive: true, displaylogo: false}}));
</script>
</body>
</html>
"""


def check_place(path: Path) -> None:
    """Refuse a place for a page before the work that it would show.

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


def _section(section: PageSection, figures: list[Figure]) -> str:
    parts = [f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(text)}</p>" for text in section.text]
    if section.items:
        parts.append(f"<ul>{''.join(f'<li>{escape(text)}</li>' for text in section.items)}</ul>")
    if section.figures:
        places = []
        for figure in section.figures:
            height = int(figure["layout"].get("height", 400))
            places.append(f'<div class="figure" id="figure-{len(figures)}" style="min-height:{height}px"></div>')
            figures.append(figure)
        parts.append(f'<div class="figures">{"".join(places)}</div>')
    if section.table is not None:
        parts.append(_table(section.table))
    return f"<section>{''.join(parts)}</section>"


def _table(table: PageTable) -> str:
    def cell(tag: str, column: int, text: str) -> str:
        side = ' class="left"' if column in table.left else ""
        return f"<{tag}{side}>{escape(text)}</{tag}>"

    head = "".join(cell("th", column, text) for column, text in enumerate(table.header))
    rows = "".join(
        f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in table.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:"
"""Nothing is fetched. plotly.js makes functions of strings for some figures, hence unsafe-eval."""

_STYLE = f"""
* {{ box-sizing: border-box; }}
body {{ margin: 0 auto; max-width: 1280px; padding: 32px 24px; background: #f5f7fa; color: {COLOURS["ink"]};
  font: 15px/1.5 {FONT}; }}
header h1 {{ margin: 0; font-size: 28px; overflow-wrap: anywhere; }}
header p {{ margin: 4px 0 20px; color: {COLOURS["soft"]}; font-size: 16px; overflow-wrap: anywhere; }}
.tiles {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 16px; }}
.tile, section {{ background: {COLOURS["paper"]}; border: 1px solid {COLOURS["line"]}; border-radius: 8px; }}
.tile {{ padding: 14px 18px; }}
.tile b {{ display: block; font-size: 24px; color: {COLOURS["fits"]}; overflow-wrap: anywhere; }}
.tile span {{ color: {COLOURS["soft"]}; }}
section {{ margin-top: 20px; padding: 18px 22px; }}
h2 {{ margin: 0 0 8px; font-size: 19px; }}
section p {{ margin: 0 0 8px; max-width: 90ch; color: {COLOURS["soft"]}; overflow-wrap: anywhere; }}
ul {{ margin: 4px 0; padding-left: 20px; max-width: 110ch; }}
li {{ margin: 6px 0; overflow-wrap: anywhere; }}
.figures {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(520px, 100%), 1fr)); gap: 20px; }}
.figure {{ min-width: 0; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: 14px; }}
th {{ color: {COLOURS["soft"]}; font-weight: 600; vertical-align: bottom; }}
th, td {{ padding: 6px 10px; text-align: right; border-bottom: 1px solid {COLOURS["line"]}; }}
td {{ font-variant-numeric: tabular-nums; }}
.left {{ text-align: left; overflow-wrap: anywhere; }}
footer {{ margin: 24px 4px; color: {COLOURS["soft"]}; font-size: 13px; }}
footer p {{ margin: 2px 0; overflow-wrap: anywhere; }}
@media print {{ body {{ background: none; }} section {{ break-inside: avoid; }} }}
"""
