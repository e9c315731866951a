"""A look at a space as a page: what it shows, whether plotly accepts it, and that the JSON holds it all."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import plotly.graph_objects
import pytest

from budgetnet.explore.explore import explore_space
from budgetnet.explore.figures.costs import HOVER_LINES, hover
from budgetnet.explore.figures.regions import region_figure
from budgetnet.explore.page import exploration_page
from budgetnet.explore.text import exploration_document, exploration_text
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.network.budget import Budget
from budgetnet.pages.figure import COLOURS
from budgetnet.pages.page import page_html


@pytest.fixture(scope="module")
def space(study_path):
    """The small study's space with a second bound."""
    return replace(space_of(load_study(study_path)), budget=Budget(params=2000, flops=60_000))


@pytest.fixture(scope="module")
def found(space):
    """A look at it, with points."""
    return explore_space(space, draws=200, points=30)


@pytest.fixture(scope="module")
def page(found, space):
    """Its page."""
    return exploration_page(found, study="<b>tiny</b>", budget=space.budget, command="budgetnet explore", note="n")


def test_every_part_is_there(page):
    """Sizes, sample, rules, decisions, options, reasons, suggestions, and how the page was made."""
    titles = [section.title for section in page.sections]
    assert titles == [
        *(["Suggestions"] if len(titles) == 7 else []),
        "How large the networks are",
        "A sample of networks that fit",
        "Where the parameters go",
        "What each decision costs",
        "What each option does to the share that fits",
        "Why the others do not fit",
    ]
    assert "plotly" in page.footer[-1]
    assert any("one standard error" in line for line in page.footer)
    assert any("(exact)" in words for _, words in page.tiles)
    assert any("± " in number and "(estimated)" in words for number, words in page.tiles)
    assert "&lt;b&gt;tiny&lt;/b&gt;" in page_html(page)


def test_labels_stand_on_paper_that_dark_pages_repaint(page):
    """No background has a colour of its own, on which a dark page's light words could not be read."""
    grounds = re.findall(
        r'"bgcolor": ?"([^"]+)"', json.dumps([figure for each in page.sections for figure in each.figures])
    )
    assert set(grounds) == {COLOURS["paper"]}


def test_plotly_accepts_every_figure(page):
    """Plotly's own check of names and values; the data is plain JSON."""
    figures = [figure for section in page.sections for figure in section.figures]
    assert len(figures) == 8
    for figure in figures:
        plotly.graph_objects.Figure(figure)
        json.dumps(figure, allow_nan=False)


def test_the_histograms_add_up(found):
    """Exact shares sum to one with what lies beyond; those that fit sum to the share that fits."""
    for view in found.histograms:
        assert view.exact
        assert sum(bar.draws.value for bar in view.bars) + view.beyond.value == pytest.approx(1.0, abs=1e-6)
        assert abs(sum(bar.fits.value for bar in view.bars) - found.fits.value) < 4 * found.fits.error
        assert all(bar.fits.value <= bar.draws.value for bar in view.bars)
        assert all(first.high + 1 == second.low for first, second in zip(view.bars, view.bars[1:], strict=False))
        assert any(bar.high == view.limit for bar in view.bars)


def test_the_sample_fits_and_its_regions_add_up(found, space):
    """Every point keeps all bounds; a region's children and its own parts make its whole."""
    for point in found.sample.points:
        assert point.params <= 2000
        assert point.flops <= 60_000
    regions = found.sample.regions
    for region in regions:
        inside = sum(child.params for child in regions if child.parent == region.path)
        assert region.params == pytest.approx(inside + region.own_params)
    assert regions[0].params == pytest.approx(
        sum(point.params for point in found.sample.points) / len(found.sample.points)
    )
    own, called = region_figure(regions, 30)["data"]
    assert own["x"][0] + called["x"][0] == pytest.approx(regions[0].params)
    assert sum(own["x"]) == pytest.approx(regions[0].params)
    assert len(set(own["y"])) == len(own["y"])


def test_the_document_holds_what_the_page_shows(found, space, page):
    """Histograms, sample, regions, effects, causes, decisions, suggestions; and it is JSON."""
    document = exploration_document(found, study="tiny", budget=space.budget)
    assert json.loads(json.dumps(document, allow_nan=False))["budget"] == {"params": 2000, "flops": 60_000}
    for key in ("census", "histograms", "sample", "effects", "causes", "decisions", "options", "suggestions"):
        assert document[key] or key == "suggestions"
    assert len(document["sample"]["points"]) == 30
    assert 0 < len(document["causes"]) <= 10


def test_hovers_are_short_lines(found):
    """Costs first, then the text, wrapped, cut where it is long, with tags made harmless."""
    point = replace(found.sample.points[0], network="network = " + "conv(3, <i>) " * 200)
    lines = hover(point).split("<br>")
    assert "parameters · " in lines[0]
    assert len(lines) == 2 + HOVER_LINES
    assert lines[-1] == "…"
    assert all("&lt;i&gt;" in line for line in lines[2:-1])


def test_a_space_in_which_nothing_fits_has_a_page(space):
    """Without a sample; the suggestion says how far off the budget is."""
    tight = replace(space, budget=Budget(params=20))
    found = explore_space(tight, draws=50, points=5)
    page = exploration_page(found, study="tiny", budget=tight.budget, command="budgetnet explore")
    assert found.sample is None
    assert any("No network that fits was found" in text for section in page.sections for text in section.text)
    text = "\n".join(exploration_text(found, title="tiny", budget=tight.budget))
    assert "No network of the grammar fits params ≤ 20: Half of the draws would keep parameters ≤ " in text
    page_html(page)


def test_the_page_is_small(page):
    """Its figures need the basic plotly.js only, and say their tooltips once."""
    from budgetnet.pages.page import page_html

    assert len(page_html(page).encode()) < 900_000


def test_options_are_suggested_only_where_a_search_hardly_meets_them(found, space):
    """Leaving out what fits less often helps no search: it draws what fits."""
    from budgetnet.explore.suggestions import DEAD, suggest

    shown = [one.text for one in suggest(found, space.budget) if one.topic == "option"]
    dead = [effect for effect in found.effects if effect.exact is not None and effect.exact.fits <= DEAD]
    assert len(shown) <= 5
    assert bool(dead) <= bool(shown)
    assert all("hardly meets it" in text for text in shown)
