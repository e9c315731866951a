"""What full trainings leave behind."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import RequestError
from budgetnet.records.training_folder import TRAINING_FILE, Training, read_training, write_training
from budgetnet.records.training_run import Score, TrainingRun, score_of


def run(seed: int, accuracy: float | None = 0.9) -> TrainingRun:
    """One run as a training records it."""
    return TrainingRun(
        seed=seed,
        test_accuracy=accuracy,
        test_accuracy_flip=accuracy,
        test_loss=0.3,
        test_images=360,
        diverged=None,
        failed=None if accuracy is not None else "out of memory",
        train_losses=(2.0, 1.0, 0.5),
        epochs=3,
        seconds=1.5,
        device="cpu",
        precision="float32",
        threads=1,
        weights=f"seed-{seed}.safetensors",
        recipe={"epochs": 3},
        environment={"torch": "2.6"},
        finished="2025-03-01T12:00:00+00:00",
    )


@pytest.fixture
def training():
    """Two runs."""
    return Training(
        name="n", network="network = gap\n", params=1, flops=2, dataset="digits", runs=(run(0, 0.9), run(1, 0.8))
    )


def test_scores_are_mean_and_sample_deviation():
    """Runs without a result do not count; one run has no spread."""
    score = score_of([run(0, 0.9), run(1, None), run(2, 0.8)])
    assert (score.n, score.mean) == (2, pytest.approx(0.85))
    assert score.deviation == pytest.approx(0.0707107, abs=1e-6)
    assert str(score) == "85.00 ± 7.07 % (2 seeds)"
    assert str(Score((0.9,))) == "90.00 % (1 seed)"
    assert str(Score(())) == "–"
    assert Score(()).document() == {"mean": None, "deviation": None, "n": 0}


def test_a_training_reads_back_equal(training, tmp_path):
    """File and value say the same; the file also holds the mean, as a fraction."""
    path = write_training(tmp_path / "new" / "folder", training)
    assert read_training(path.parent) == training
    assert json.loads(path.read_text())["test_accuracy"]["mean"] == pytest.approx(0.85)
    assert [entry.name for entry in path.parent.iterdir()] == [TRAINING_FILE]


def test_an_empty_folder_holds_no_training(tmp_path):
    """Nothing there is no error."""
    assert read_training(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"format": "other/1"}', '{"format": "budgetnet-training/1"}', "\x00"]
)
def test_damaged_files_are_named(tmp_path, text):
    """A damaged file is neither overwritten nor taken for an empty one."""
    (tmp_path / TRAINING_FILE).write_text(text)
    with pytest.raises(RequestError, match=r"training\.json (cannot be read|is not a budgetnet-training/1 file)"):
        read_training(tmp_path)


@given(st.text(max_size=80))
@settings(deadline=None)
def test_no_text_whatever_escapes_as_another_error(tmp_path_factory, text):
    """Any text in the file's place gives our error or, never by chance, a training."""
    folder = tmp_path_factory.mktemp("t")
    (folder / TRAINING_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(RequestError, match="move it away"):
        read_training(folder)


def test_a_place_that_cannot_be_written_to_is_an_error(training, tmp_path):
    """The folder's parent is a file."""
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match=r"cannot be written to .*choose another place with --out"):
        write_training(tmp_path / "file" / "folder", training)


def test_a_data_set_in_a_folder_that_is_not_utf8_is_recorded(training, tmp_path):
    """Its path is written as an escape of JSON, and reads back equal."""
    there = replace(training, dataset=os.fsdecode(b"/data/caf\xe9"))
    write_training(tmp_path, there)
    assert b"/data/caf\\udce9" in (tmp_path / TRAINING_FILE).read_bytes()
    assert read_training(tmp_path) == there
