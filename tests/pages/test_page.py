"""One HTML page: it holds all it needs, and what users wrote stays text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest

from budgetnet.errors import RequestError
from budgetnet.pages.figure import figure_label, layout
from budgetnet.pages.page import Page, PageSection, PageTable, check_place, page_html, write_page

NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"quoted\" 'too'\u2028"


def page():
    """A page on which every text is hostile."""
    figure = {
        "data": [{"type": "bar", "x": [1], "y": [2], "hovertext": [figure_label(NASTY)]}],
        "layout": layout("t", 300),
    }
    section = PageSection(
        title=NASTY, text=[NASTY], items=[NASTY], figures=[figure], table=PageTable(header=[NASTY], rows=[[NASTY]])
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
    assert json.loads(found[1]) == [page().sections[0].figures[0]]


def test_the_page_fetches_nothing():
    """plotly.js is in the file; nothing outside it is referred to by a tag, and a policy forbids it."""
    html = page_html(page())
    assert len(html) > 1_000_000
    outside = html[: html.index("<script>")] + html[html.rindex("<script>") :]
    assert not re.search(r"(?:src|href)=\"?(?:https?:)?//", outside)
    assert "default-src 'none'" in outside


def test_a_page_that_cannot_be_written_is_refused(tmp_path):
    """The reason and what to do, before any work where that can be told."""
    with pytest.raises(RequestError, match="is a folder; name a file"):
        check_place(tmp_path)
    with pytest.raises(RequestError, match="nowhere does not exist; make it"):
        check_place(tmp_path / "nowhere" / "page.html")
    with pytest.raises(RequestError, match=r"cannot be written \(.*\); choose another place"):
        write_page(tmp_path / "nowhere" / "page.html", page())
