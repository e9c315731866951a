"""One HTML page: it holds all it needs, and what users wrote stays text."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser

import pytest

from budgetnet.errors import RequestError
from budgetnet.pages.blocks import (
    Code,
    Column,
    ConfusionMatrix,
    DataTable,
    Details,
    FigureRow,
    Gallery,
    GalleryImage,
    Prose,
)
from budgetnet.pages.figure import COLOURS, DARK_COLOURS, figure_label, layout
from budgetnet.pages.page import Page, PageSection, PageTable, check_place, page_html, write_page
from budgetnet.pages.plotly_js import packed_plotly, plotly_script

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'too'\u2028"


def page():
    """A page on which every text is hostile."""
    figure = {
        "data": [{"type": "bar", "x": [1], "y": [2], "hovertext": [figure_label(NASTY)]}],
        "layout": layout("t", 300),
    }
    blocks = [
        Prose(text=[NASTY], items=[NASTY]),
        Code(text=NASTY),
        ConfusionMatrix(classes=["cat", NASTY], counts=[[3, 1], [0, 0]]),
        Gallery(images=[GalleryImage(source=None, title=NASTY, lines=[NASTY])]),
        DataTable(name="attempts", columns=[Column(name="trial"), Column(name=NASTY)], rows=[[1, NASTY]]),
        Details(title=NASTY, blocks=[FigureRow(figures=[json.loads(json.dumps(figure))])]),
    ]
    section = PageSection(
        title=NASTY,
        text=[NASTY],
        items=[NASTY],
        figures=[figure],
        table=PageTable(header=[NASTY], rows=[[NASTY]]),
        blocks=blocks,
    )
    return Page(title=NASTY, lead=NASTY, tiles=[(NASTY, NASTY)], sections=[section], footer=[NASTY])


class Tags(HTMLParser):
    """Notes every tag and every attribute."""

    def __init__(self):
        super().__init__()
        self.tags = []
        self.attributes = set()

    def handle_starttag(self, tag, attrs):
        """Keep it."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def test_text_stays_text():
    """No tag, attribute or script comes from what a user wrote."""
    html = page_html(page())
    tags = Tags()
    tags.feed(html)
    assert tags.tags.count("script") == 2  # plotly.js and the page's own
    assert "img" not in tags.tags
    assert not {name for name in tags.attributes if name.startswith("on")}
    assert "&lt;/script&gt;" in html


def test_the_data_survives_its_escaping():
    """The figures read back as they were."""
    html = page_html(page())
    found = re.search(r"^const figures = (.*);$", html, flags=re.MULTILINE)
    assert found is not None
    assert "<" not in found[1]
    assert json.loads(found[1]) == [page().sections[0].figures[0]] * 2
    rows = re.search(r"^const tables = (.*);$", html, flags=re.MULTILINE)
    assert rows is not None
    assert "<" not in rows[1]
    assert json.loads(rows[1])["attempts"]["rows"] == [[1, NASTY]]


def test_the_page_fetches_nothing():
    """plotly.js is in the file; nothing outside it is referred to by a tag, and a policy forbids it."""
    html = page_html(page())
    (packed,) = re.findall(r'<script id="plotly" type="application/gzip">([A-Za-z0-9+/=]+)</script>', html)
    assert gzip.decompress(base64.b64decode(packed)).decode() == plotly_script(page().sections[0].figures)
    outside = html[: html.index("<script>")] + html[html.rindex("<script>") :]
    assert not re.search(r"(?:src|href)=\"?(?:https?:)?//", outside)
    assert "default-src 'none'" in outside


def test_simple_figures_take_the_small_library():
    """Points, lines and bars need a quarter of plotly.js; a treemap needs all of it."""
    bars = {"data": [{"type": "bar", "y": [1]}], "layout": {}}
    small = plotly_script([bars])
    assert "plotly.js (basic - minified)" in small
    assert len(small) < 1_300_000
    assert len(packed_plotly([bars])) < len(small) / 2
    assert len(plotly_script([bars, {"data": [{"type": "treemap"}], "layout": {}}])) > 3 * len(small)


def test_a_page_without_figures_has_no_library():
    """A table alone is a few kilobytes."""
    html = page_html(Page(title="t", lead="l", sections=[PageSection(title="s")], footer=[]))
    assert len(html) < 40_000


def test_every_colour_has_a_dark_one():
    """The page repaints figures by their colours, so no two may be equal."""
    assert set(COLOURS) == set(DARK_COLOURS)
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_shares_of_a_confusion_are_of_the_true_class():
    """A class without images has none."""
    assert ConfusionMatrix(classes="ab", counts=[[3, 1], [0, 0]]).shares == [[0.75, 0.25], [0.0, 0.0]]


def test_a_page_that_cannot_be_written_is_refused(tmp_path):
    """The reason and what to do, before any work where that can be told."""
    with pytest.raises(RequestError, match="is a folder; name a file"):
        check_place(tmp_path)
    with pytest.raises(RequestError, match="nowhere does not exist; make it"):
        check_place(tmp_path / "nowhere" / "page.html")
    with pytest.raises(RequestError, match=r"cannot be written \(.*\); choose another place"):
        write_page(tmp_path / "nowhere" / "page.html", page())
