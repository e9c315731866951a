"""The report of `train`, and the images of mistakes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from budgetnet.pages.blocks import Details, Gallery
from budgetnet.records.training_folder import Training, write_training
from budgetnet.report.figures.training_figures import training_figures
from budgetnet.report.page.mistakes import mistake_gallery
from budgetnet.report.page.trainings import run_table, training_blocks
from budgetnet.report.report import write_training_report
from budgetnet.training.data.sources import ImageFolder
from budgetnet.training.mistake_images import LARGEST, image_png, read_strip, write_strip


@pytest.fixture
def training(trials):
    """The small study's finalist as if `train` had trained it."""
    finalist = next(finalist for finalist in trials.finalists if finalist.runs)
    record = trials.records[finalist.trial]
    return Training(
        name="tiny",
        network=record.network,
        params=record.params,
        flops=record.flops,
        dataset="digits",
        runs=finalist.runs,
    )


def test_the_page_shows_network_runs_and_classes(training, trials, tmp_path):
    """The layers are counted again from the recorded text."""
    path = tmp_path / "report.html"
    write_training_report(training, trials.folder, path, command="budgetnet report runs/tiny")
    text = path.read_text()
    assert "Layers (" in text
    assert "Confusion matrix: test images of 2 runs" in text
    assert "there is no held-out curve" in text
    assert "budgetnet report runs/tiny" in text


def test_a_test_curve_is_drawn_and_marked(training):
    """Only where it was asked for, and with the words that nothing is chosen by it."""
    run = replace(training.runs[0], test_losses=(0.9, 0.8), test_accuracies=(0.4, 0.5))
    loss, accuracy = training_figures([run], "full training")
    names = [trace["name"] for trace in accuracy["data"]]
    assert names == ["train, augmented", "test: looked at, nothing is chosen by it"]
    assert loss["data"][1]["y"] == [0.9, 0.8]
    assert [trace["name"] for trace in training_figures([training.runs[0]], "x")[1]["data"]] == ["train, augmented"]


def test_held_out_images_have_their_curves(training, trials, tmp_path):
    """Beside those of the train images; the page says what was held out, and asks for nothing more."""
    run = replace(training.runs[0], trained_on="train", validation_losses=(0.9,), validation_accuracies=(0.625,))
    loss, accuracy = training_figures([run], "full training")
    assert [trace["name"] for trace in loss["data"]] == ["train", "validation, held out"]
    assert accuracy["data"][1]["y"] == [0.625]
    path = tmp_path / "report.html"
    write_training_report(replace(training, runs=(run,)), trials.folder, path, command="budgetnet report runs/tiny")
    text = path.read_text()
    assert "Trained on the train images, without those that were held out for validation, of digits" in text
    assert "The held-out images were not learned from" in text
    assert "held out %" in text
    assert "62.50" in text
    assert "--held-out" not in text
    table = run_table([run, replace(run, validation_accuracies=(0.645,))])
    assert table.rows[-1][table.header.index("held out %")] == "63.50 ± 1.41"


def test_a_run_without_curves_has_no_figures(training):
    """Older records lack them."""
    assert training_figures([replace(training.runs[0], train_losses=(), train_accuracies=())], "x") == []


def test_mistakes_without_their_images_keep_their_facts(training, tmp_path):
    """Neither weights nor data set are here: names, classes and probabilities are."""
    run = replace(
        training.runs[0],
        reading=replace(
            training.runs[0].reading,
            mistakes=tuple(replace(mistake, file="test/a/1.png") for mistake in training.runs[0].reading.mistakes),
        ),
    )
    gallery = mistake_gallery(run, tmp_path, ImageFolder(tmp_path / "gone"))
    assert isinstance(gallery, Gallery)
    assert gallery.images[0].source is None
    assert gallery.images[0].lines[-1] == "test/a/1.png"


def test_galleries_with_images_come_first(training, trials, tmp_path):
    """A run whose images are nowhere has a table in place of empty frames, and is told how to get them."""
    run = training.runs[0]
    named = tuple(replace(mistake, file="test/a/1.png") for mistake in run.reading.mistakes)
    lost = replace(run, seed=8, weights=None, reading=replace(run.reading, mistakes=named))
    blocks = training_blocks([lost, run], trials.folder, ImageFolder(tmp_path / "gone"))
    first, second = (block for block in blocks if isinstance(block, Details))
    assert (first.open, isinstance(first.blocks[0], Gallery)) == (True, True)
    assert second.title.startswith("Most confident mistakes of seed 8")
    prose, table = second.blocks
    assert "report --data-dir DIR takes them from a data set that is kept in DIR." in prose.text[0]
    assert [row[0] for row in table.rows] == ["test/a/1.png"] * len(named)
    assert all(len(row) == 3 for row in table.rows)


def test_mistakes_come_from_the_data_where_no_images_were_kept(training, tmp_path):
    """Older trainings kept no images; the packed data set has them."""
    kept = mistake_gallery(training.runs[0], tmp_path, "digits")
    assert all(image.source for image in kept.images)


def test_a_strip_returns_its_images(tmp_path):
    """Grey and colour, larger ones scaled down; a file of another number of images is not taken for it."""
    grey = np.arange(3 * 64, dtype=np.uint8).reshape(3, 1, 8, 8)
    write_strip(tmp_path / "grey.png", grey)
    assert read_strip(tmp_path / "grey.png", 3) == [image_png(pixels) for pixels in grey]
    assert read_strip(tmp_path / "grey.png", 5) is None
    assert read_strip(tmp_path / "nothing.png", 3) is None
    colour = np.zeros((2, 3, 300, 200), dtype=np.uint8)
    write_strip(tmp_path / "colour.png", colour)
    assert read_strip(tmp_path / "colour.png", 2) == [image_png(pixels) for pixels in colour]
    from PIL import Image

    with Image.open(tmp_path / "colour.png") as strip:
        assert strip.height == LARGEST


def test_a_folder_opens_by_the_api(training, tmp_path):
    """The document is the training's, with the page."""
    import budgetnet as bn

    write_training(tmp_path, training)
    written = bn.report(tmp_path)
    assert written.page == tmp_path / "report.html"
    assert written.document["kind"] == "training"
    assert "<!DOCTYPE html>" in page_html_start(written.page)


def page_html_start(path):
    """Return the first lines of a page."""
    return path.read_text()[:200]
