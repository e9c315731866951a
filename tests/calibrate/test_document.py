"""The command `calibrate`: a real tiny calibration, its tables, its document, and what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from budgetnet.calibrate import pruner_replay
from budgetnet.calibrate.document import calibration_document
from budgetnet.calibrate.judge import judge_calibration
from budgetnet.calibrate.text import advice, calibration_text, pruner_advice
from budgetnet.cli import app
from budgetnet.files.study_file import load_study
from tests.calibrate.calibrations import calibrated

QUICK = ("--networks", "4", "--epochs-brief", "1", "--full", "2", "--device", "cpu")


@pytest.fixture(autouse=True)
def few_orders(monkeypatch):
    """Replays in twenty orders instead of a thousand."""
    monkeypatch.setattr(pruner_replay, "ORDERS", 20)


def call(study_path, *words):
    """Run the command."""
    return CliRunner().invoke(app, ["calibrate", str(study_path), *map(str, words)])


def test_a_real_calibration(study_path, tmp_path):
    """Four networks on digits with two workers: one document on stdout, the tables beside the record, and again."""
    result = call(study_path, *QUICK, "--workers", "2", "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    assert "calibration of tiny: 4 networks, 0 of 8 trainings done, 2 workers" in result.stderr
    document = json.loads(result.stdout)
    assert (document["missing"], document["ended"], document["full_epochs"]) == (0, "complete", 2)
    assert [network["params"] <= 4000 for network in document["networks"]] == [True] * 4
    for network in document["networks"]:
        assert [(run["role"], run["schedule"]) for run in network["runs"]] == [("brief", 1), ("full", 2)]
        assert all(0 <= accuracy <= 1 for run in network["runs"] for accuracy in run["validation_accuracies"])
    assert document["brief"][0]["agreement"]["n"] == 4
    assert document.pop("schema") == "budgetnet-calibrate/1"
    assert json.loads((tmp_path / "calibration.json").read_text()) == document
    again = call(study_path, *QUICK, "--out", tmp_path, "--only-table")
    assert again.exit_code == 0
    assert again.stderr == "replaying pruners in 20 random orders\n"
    assert again.stdout == (tmp_path / "calibration.txt").read_text()
    assert "the test images were not read" in again.stdout
    other = call(study_path, *QUICK, "--out", tmp_path, "--seed", "7")
    assert other.exit_code == 2
    assert "was made with other settings:\n  seed: 0 → 7" in other.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("--epochs-brief", "1,x"),
            "--epochs-brief must be a whole number of at least 1, but got 'x'; write for example --epochs-brief 1,2,4",
        ),
        (("--epochs-brief", "0"), "--epochs-brief must be a whole number of at least 1, but got '0'"),
        (("--epochs-brief", "9", "--full", "4"), "--epochs-brief must be from 1 to 3"),
        (("--minutes", "0"), "--minutes must be a number above 0, but got '0'"),
        (("--networks", "2"), "--networks"),
    ],
)
def test_wrong_requests(study_path, tmp_path, words, message):
    """One message, exit code 2, nothing on stdout, nothing written."""
    result = call(study_path, *words, "--out", tmp_path / "run")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "run").exists()


def test_the_table_of_nothing(study_path, tmp_path):
    """The work cannot be done yet: exit code 1 and the next step."""
    result = call(study_path, "--only-table", "--out", tmp_path)
    assert result.exit_code == 2
    assert "nothing is recorded in" in result.stderr


@pytest.fixture
def study(study_path):
    """The small study."""
    return load_study(study_path)


def test_tables_and_words(study, tmp_path):
    """Brief lengths, size alone, checkpoints, pruners, and what to do."""
    judged = judge_calibration(calibrated(study, tmp_path, noise={1: 1.0, 2: 0.001, 4: 0.0}), orders=20)
    text = "\n".join(calibration_text(judged))
    assert "tiny: 12 networks within" in text
    assert "In full: 8 epochs, 1 min 20 s (median of 12)" in text
    assert "Brief trainings, each to the end of its own schedule, against 8 epochs:" in text
    assert "Checkpoints of trainings of 8 epochs, which a pruner would see, against their own end:" in text
    assert "Pruners on trainings of 8 epochs, replayed in 20 random orders of the 12 networks, 2 at once:" in text
    rows = [line.split() for line in calibration_text(judged)]
    assert [row[0] for row in rows if row[-3:] == ["←", "take", "this"] and row[0].isdigit()] == ["2"]
    assert any(row[:1] == ["parameters"] and row[-2:] == ["no", "training"] for row in rows)
    assert advice(judged)[0].startswith("Train briefly for 2 epochs: the cheapest length whose rank correlation (")
    assert advice(judged)[1] == "That is what the study does."
    assert any(line.startswith("Trainings of 8 epochs: pruner: {kind: ") for line in pruner_advice(judged))


def test_words_on_a_poor_brief_training(study, tmp_path):
    """A length that the study does not use, few networks, and size that does as well."""
    judged = judge_calibration(calibrated(study, tmp_path, noise={1: 2.0}, count=6), orders=20)
    lines = advice(judged)
    assert "The study trains for 2 epochs: set training.epochs to 1." in lines
    assert any(line.startswith("With 6 networks all of this is uncertain") for line in lines)
    if not judged.beats_size:
        assert any("is as good and costs nothing" in line for line in lines)


def test_a_second_seed_is_shown(study, tmp_path):
    """The ceiling is a row of the table, the noise a line."""
    judged = judge_calibration(calibrated(study, tmp_path, noise={1: 0.05, 8: 0.02}, repeats=2), orders=20)
    lines = calibration_text(judged)
    assert any(line.endswith("another seed: the ceiling") for line in lines)
    assert any(line.startswith("Between seeds of one network: standard deviation") for line in lines)


def test_too_little_yet(study, tmp_path):
    """Before there is anything to compare, that is all it says."""
    made = calibrated(study, tmp_path, noise={1: 0.0})
    judged = judge_calibration(replace(made, runs=made.runs[:1], missing=23, ended="interrupted"), orders=20)
    lines = calibration_text(judged)
    assert lines[-1] == "Too little is trained yet: 4 networks must be trained both briefly and in full."
    assert any("23 trainings are missing" in line for line in lines)
    document = calibration_document(judged)
    assert document["advice"] == []
    json.dumps(document, allow_nan=False)
