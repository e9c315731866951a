"""A trial's brief training repeated: bit for bit here, and what is said where it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.errors import RequestError
from budgetnet.records.lookup import Found, find
from budgetnet.records.training_run import TrainingRun
from budgetnet.search.repeat_trial import SERIES, FirstDifference, Repetition, repeat_trial, repetition_text

CURVES = {"train loss": (2.0, 1.0), "train accuracy": (), "validation loss": (), "validation accuracy": (0.25, 0.5)}


def repetition(**changes) -> Repetition:
    """A repetition that went well, with changes."""
    values = {
        "trial": 3,
        "study": "tiny",
        "recorded": CURVES,
        "repeated": CURVES,
        "difference": None,
        "unlike": {},
        "known": True,
    }
    return Repetition(**(values | changes))


def test_a_trial_is_repeated_bit_for_bit(study_path, run_folder):
    """Every number of every epoch: losses and accuracies, on train and validation images."""
    found = find(f"{study_path}:1", out=run_folder)
    said: list[str] = []
    repeated = repeat_trial(found, say=said.append)
    assert repeated.difference is None
    assert repeated.equal
    assert {what: len(values) for what, values in repeated.recorded.items()} == dict.fromkeys(SERIES, 2)
    assert repeated.repeated == repeated.recorded
    assert repeated.unlike == {}
    assert [line.partition(":")[0] for line in said] == ["epoch 1 of 2", "epoch 2 of 2"]


def test_the_command_compares_with_the_record_and_exits_1_where_it_differs(study_path, run_folder, monkeypatch):
    """A record that tells of another score: the first difference is named, in text and as JSON."""
    real = find(f"{study_path}:0", out=run_folder)
    told = replace(
        real.record,
        outcome="stopped_early",
        epochs=1,
        curve=(0.123,),
        training=TrainingRun(seed=0, threads=1, validation_accuracies=(0.123,), environment={"torch": "2.6.0"}),
    )
    monkeypatch.setattr("budgetnet.records.lookup.find", lambda *_, **__: replace(real, record=told))
    result = CliRunner().invoke(app, ["train", f"{study_path}:0", "--brief", "--device", "cpu", "--json"])
    assert result.exit_code == 1, result.output
    document = json.loads(result.stdout)
    difference = document["first_difference"]
    assert (difference["epoch"], difference["what"], difference["recorded"]) == (1, "validation accuracy", 0.123)
    assert document["equal"] is False
    assert len(document["repeated"]["validation_accuracy"]) == 1  # no longer than the record
    assert document["unlike"]["torch"]["then"] == "2.6.0"


def test_the_text_says_what_is_equal_and_what_is_not():
    """Verdict first; then what explains it, or that nothing does."""
    assert repetition_text(repetition()) == [
        "trial 3 of tiny, trained again as in the search: 50.00 % on validation images after 2 epochs",
        "equal to its record bit for bit, in every epoch: train loss, validation accuracy",
    ]
    other = FirstDifference(2, "train loss", 1.0, 1.0000001)
    changed = repetition(difference=other, unlike={"threads": (1, 2), "instructions": (["avx2"], ["avx2", "amx_tile"])})
    assert repetition_text(changed)[1:] == [
        "differs from its record, first in epoch 2: train loss 1.0000001, recorded 1.0",
        "not as it was then: threads 1 → 2; instructions avx2 → avx2,amx_tile",
    ]
    assert repetition_text(repetition(difference=other))[-1].endswith("are those of the record: this should not happen")
    shorter = repetition(difference=FirstDifference(2, "validation accuracy", 0.5, None), known=False)
    assert "validation accuracy none, recorded 0.5" in repetition_text(shorter)[1]
    assert repetition_text(shorter)[2] == "the record does not tell versions and threads: it was made by version 0.1"


def test_only_what_was_trained_can_be_repeated(trials, by_hand):
    """A file is no trial; a duplicate points to its original; what never trained has no score."""
    with pytest.raises(RequestError, match=r"--brief repeats a trial, but by-hand\.yaml is not one; name one as"):
        repeat_trial(Found(architecture=by_hand, label="by-hand.yaml"), say=print)
    record = trials.records[0]
    found = Found(architecture=by_hand, label="trial 9 of tiny", trials=trials, record=record)
    twin = replace(record, number=9, outcome="duplicate", duplicate_of=0, reason="the same network as trial 0")
    with pytest.raises(RequestError, match=r"trial 9 trained nothing \(the same network as trial 0\); repeat the one"):
        repeat_trial(replace(found, record=twin), say=print)
    large = replace(record, number=9, outcome="over_budget", reason="too many parameters", seed=None)
    with pytest.raises(RequestError, match=r"ended as over budget \(too many parameters\) and has no score to repeat"):
        repeat_trial(replace(found, record=large), say=print)


def test_what_the_record_says_cannot_be_given(study_path, run_folder):
    """A repetition with another number of epochs would be none: exit code 2."""
    words = ["train", f"{study_path}:0", "--brief", "--epochs", "3", "--seeds", "2", "--run", str(run_folder)]
    result = CliRunner().invoke(app, words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ("error: --brief takes everything from the trial's record; leave --seeds, --epochs out\n")


def test_a_copied_score_is_repeated_where_it_was_made(study_path, run_folder, monkeypatch):
    """A score from another study names that study's trial."""
    real = find(f"{study_path}:0", out=run_folder)
    copied = replace(real.record, outcome="duplicate", reason="trained alike", seed=None, copied_from="other:4")
    with pytest.raises(RequestError, match=r"trial 0 trained nothing \(trained alike\); repeat other:4 with that"):
        repeat_trial(replace(real, record=copied), say=print)
