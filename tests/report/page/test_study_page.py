"""The report of a searched study as a page."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from budgetnet.pages.blocks import ConfusionMatrix, DataTable, Details, Gallery
from budgetnet.pages.page import page_html
from budgetnet.records.training_run import TrainingRun
from budgetnet.report.page.study_page import study_page
from budgetnet.training.mistake_images import strip_place


def blocks_of(page):
    """Every block of a page, those inside details as well."""
    found = []
    todo = [block for section in page.sections for block in section.blocks]
    while todo:
        block = todo.pop(0)
        found.append(block)
        if isinstance(block, Details):
            todo += block.blocks
    return found


@pytest.fixture
def page(trials):
    """The small study's report."""
    return study_page(trials, limits=[2000, 4000], command="budgetnet report tiny.yaml")


def test_the_page_has_every_section(page):
    """In the order in which one asks."""
    titles = [section.title for section in page.sections]
    assert titles[:4] == ["Summary", "Accuracy against size", "How the search went", "Finalists"]
    assert "All attempts" in titles
    assert titles.index("What the model learned") + 1 == titles.index("Decisions that matter")
    assert titles[-1] == "How it was made"
    assert page.footer[0] == "Made by: budgetnet report tiny.yaml"


def test_all_trials_are_in_the_table(page, trials):
    """With their networks' text; points find their rows by the number."""
    table = next(block for block in blocks_of(page) if isinstance(block, DataTable))
    assert [row[0] for row in table.rows] == [record.number for record in trials.records]
    assert table.rows[0][10] == trials.records[0].network.strip()
    figures = [figure for section in page.sections for figure in section.figures]
    numbers = {row[0] for row in table.rows}
    named = [number for figure in figures for trace in figure["data"] for number in trace.get("rows", ())]
    assert named
    assert {number for number in named if number is not None} <= numbers


def test_networks_are_drawn_beside_their_points(page, trials):
    """The page holds each drawing once, and the command that draws a network without one."""
    table = next(block for block in blocks_of(page) if isinstance(block, DataTable))
    assert set(table.drawn) == {record.number for record in trials.records}
    assert table.draw == f"budgetnet show {trials.study.path}:{{}} --draw network.svg --run {trials.folder}"
    text = page_html(page)
    assert text.count('<template id="drawing-attempts-') == len(table.drawings)


def test_finalists_show_confusions_and_mistakes(page, trials):
    """The matrix counts every test image of every run; the gallery shows images that the training kept."""
    matrix = next(block for block in blocks_of(page) if isinstance(block, ConfusionMatrix))
    assert sum(map(sum, matrix.counts)) == 2 * 360
    run = next(finalist for finalist in trials.finalists if finalist.runs).runs[0]
    assert strip_place(trials.folder / run.weights).is_file()
    gallery = next(block for block in blocks_of(page) if isinstance(block, Gallery))
    assert len(gallery.images) == len(run.reading.mistakes)
    assert all(image.source.startswith("data:image/png;base64,") for image in gallery.images)


def test_the_answers_within_a_size_are_there(page):
    """One row for each size that was asked for."""
    table = page.sections[1].blocks[1]
    assert [row[0] for row in table.rows] == ["≤ 2,000", "≤ 4,000"]


def test_an_older_record_says_what_it_lacks(trials):
    """Full trainings without curves, confusions and weights, and trials without losses or decisions, still open."""
    bare = TrainingRun(seed=1, test_accuracy=0.5, test_images=360, epochs=3)
    finalist = replace(trials.finalists[0], runs=(bare,), full=())
    records = tuple(replace(record, training=None, decisions={}, finished=None) for record in trials.records)
    old = study_page(replace(trials, finalists=(finalist,), records=records))
    text = page_html(old)
    assert "Classes, confusions and mistakes were not recorded by these trainings." in text
    assert "The record of this trial holds no losses." in text


def test_an_empty_study_has_a_page(trials):
    """Nothing trained: the page says so."""
    text = page_html(study_page(replace(trials, records=(), finalists=())))
    assert "No network has been trained to the end yet." in text
    assert "No network has been trained in full yet" in text


def test_figures_hold_no_values_that_json_lacks(page):
    """NaN and infinity would stop the page's script."""
    figures = [figure for section in page.sections for figure in section.figures]
    json.dumps(figures, allow_nan=False)
