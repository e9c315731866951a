"""The target: what judges it, and who reached it, in the same words everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import Trials
from budgetnet.records.training_run import TrainingRun
from budgetnet.report.target import target_document, target_text


@pytest.fixture
def few(study, make_record, tmp_path):
    """A study with the target of 80 % that two finalists reached after full training only."""
    full = TrainingRun(seed=1, validation_accuracies=(0.82,), epochs=9)
    final = TrainingRun(seed=2, test_accuracy=0.81, test_images=100, epochs=9)
    return Trials(
        study=replace(study, target=0.8),
        folder=tmp_path,
        storage="",
        records=(make_record(0, 0.7), make_record(3, 0.71), make_record(5, 0.6)),
        finalists=(Finalist(trial=0, full=(full,), runs=(final,)), Finalist(trial=3, full=(full,), runs=())),
    )


def test_brief_and_full_training_are_told_apart(few):
    """Nobody reads "no trial reached the target" beside finalists that did without the reason."""
    epochs = few.study.training.epochs
    assert target_text(few) == [
        f"Target 80.0 %, by validation images after brief training ({epochs} epochs), which the search judges by: "
        "no trial reached it.",
        "After full training, as a mean over seeds, it was reached on validation images by finalists 0, 3 and on test "
        "images by finalist 0.",
    ]
    assert target_document(few) == {"brief": [], "full": [0, 3], "test": [0]}


def test_trials_that_reached_it_are_named(few, make_record):
    """The first of them, and how many there are."""
    there = replace(few, records=(*few.records, make_record(6, 0.85)), finalists=())
    assert target_text(there)[0].endswith("which the search judges by: 1 trial reached it: 6.")
    assert len(target_text(there)) == 1


def test_finalists_may_fail_it(few):
    """A higher target."""
    high = replace(few, study=replace(few.study, target=0.9))
    assert target_text(high)[1] == (
        "After full training, as a mean over seeds, it was reached on validation images by no finalist and on test "
        "images by no finalist."
    )


def test_a_study_without_a_target_says_nothing(few):
    """No sentence, no numbers."""
    assert target_text(replace(few, study=replace(few.study, target=None))) == []
    assert target_document(replace(few, study=replace(few.study, target=None))) is None
