"""What a study has chosen: as written down, or as its records say; test images choose nothing."""

from __future__ import annotations

import json
from dataclasses import replace

from budgetnet.records.finals.choice import (
    Winner,
    choice_document,
    choose_from_records,
    read_choice,
    settled_trials,
)
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.read_only import StoredStudy
from budgetnet.records.training_run import TrainingRun


def trained(trial: int, *full: float, test: float | None = None) -> Finalist:
    """A network with validation accuracies of full trainings, and perhaps a test accuracy."""
    runs = () if test is None else (TrainingRun(seed=0, test_accuracy=test, judged_by="test"),)
    return Finalist(
        trial=trial,
        runs=runs,
        full=tuple(
            TrainingRun(seed=seed, repeat=seed, validation_accuracies=(0.1, accuracy))
            for seed, accuracy in enumerate(full)
        ),
    )


def chosen(records, finalists, written=(), goal="accuracy", target=None, limits=()):
    """The choices of a study."""
    return choose_from_records(records, finalists, written, goal=goal, target=target, limits=limits)


def test_without_full_trainings_brief_training_chooses(make_record):
    """As in studies of version 0.1, whose finalists have test accuracies only: the best one on test is not taken."""
    records = [make_record(0, 0.5), make_record(1, 0.7), make_record(2, 0.6)]
    (choice,) = chosen(records, [trained(0, test=0.9), trained(1, test=0.8)])
    assert (choice.trial, choice.text) == (1, "chosen by brief training, validation 70.00 %")
    assert chosen([], []) == ()


def test_full_trainings_choose_by_their_mean(make_record):
    """Where a search was interrupted before it chose; a training that diverged or failed does not count."""
    records = [make_record(0, 0.5), make_record(1, 0.7), make_record(2, 0.6, outcome="stopped_early")]
    finalists = [trained(0, 0.8, 0.82), trained(1, 0.7), trained(2, 0.79)]
    (choice,) = chosen(records, finalists)
    assert (choice.trial, choice.text) == (0, "chosen by 2 full trainings, validation 81.00 ± 1.41 %")
    broken = tuple(replace(run, diverged="loss is not finite") for run in finalists[0].full)
    (choice,) = chosen(records, [replace(finalists[0], full=broken), *finalists[1:]])
    assert (choice.trial, choice.brief) == (2, 0.6)


def test_the_smallest_that_reaches_the_target_in_full_training(make_record):
    """Brief accuracies are below the target throughout."""
    records = [make_record(0, 0.5, 900), make_record(1, 0.6, 500), make_record(2, 0.4, 100)]
    finalists = [trained(0, 0.86), trained(1, 0.85), trained(2, 0.7)]
    assert chosen(records, finalists, goal="smallest", target=0.85)[0].trial == 1
    assert chosen(records, finalists, goal="smallest", target=0.9)[0].trial == 0
    assert chosen(records, finalists, goal="pareto")[0].trial == 0


def test_a_written_choice_stands(make_record):
    """With its rule and its bounds, through JSON."""
    records = [make_record(0, 0.5), make_record(1, 0.7)]
    winners = [Winner(trial=0, rule="the model's posterior"), Winner(trial=1, rule="their mean", bounds={"params": 9})]
    written = json.loads(json.dumps(choice_document(winners, 12)))
    study = StoredStudy(user_attrs={"choice": written}, trials=())
    assert read_choice(study) == tuple(winners)
    assert (settled_trials(study.user_attrs), settled_trials({})) == (12, 0)
    assert read_choice(StoredStudy(user_attrs={}, trials=())) == ()
    first, second = chosen(records, [trained(0, 0.6), trained(1, 0.8)], winners)
    assert first.text == "chosen by 1 full training, validation 60.00 %, judged by the model's posterior"
    assert (second.trial, second.bounds, second.document()["bounds"]) == (1, {"params": 9}, {"params": 9})
    assert first.document()["validation_accuracy"] == {"mean": 0.6, "deviation": None, "n": 1}


def test_each_of_several_budgets_has_its_choice(make_record):
    """As written down; of a budget that was added later, as its records say; of one that nothing fits, none."""
    records = [make_record(0, 0.5, 900), make_record(1, 0.7, 500), make_record(2, 0.6, 400), make_record(3, 0.4, 90)]
    finalists = [trained(0, 0.9), trained(2, 0.8)]
    found = chosen(records, finalists, limits=(1000, 600, 100, 50))
    assert [(choice.trial, choice.limit, choice.rule) for choice in found] == [
        (0, 1000, "their mean"), (2, 600, "their mean"), (3, 100, "brief training"),
    ]  # fmt: skip
    assert found[1].text == "chosen within 600 parameters by 1 full training, validation 80.00 %"
    assert found[1].document()["bounds"] == {"params": 600}
    written = [Winner(trial=1, rule="x", bounds={"params": 600}), Winner(trial=3, rule="x", bounds={"params": 70})]
    assert [choice.trial for choice in chosen(records, finalists, written, limits=(1000, 600))] == [0, 1]
    assert [choice.trial for choice in chosen(records, finalists, [Winner(trial=2)], limits=(1000, 600))] == [2, 2]
