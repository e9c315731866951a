"""Finalists as a table, and what brief training was worth."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.report.finals import breakdowns_text, finalist_document, finalists_text, finalists_title, rank_agreement


def finalist(trial: int, *accuracies: float | None, full: tuple[float, ...] = ()) -> Finalist:
    """A finalist with these test accuracies, and validation accuracies of full trainings."""
    return Finalist(
        trial=trial,
        full=tuple(
            TrainingRun(seed=number, repeat=number, recipe={"epochs": 3}, validation_accuracies=(accuracy,), epochs=3)
            for number, accuracy in enumerate(full)
        ),
        runs=tuple(
            TrainingRun(
                seed=number, repeat=number, recipe={"epochs": 3}, test_accuracy=accuracy, test_loss=0.2, epochs=3
            )
            for number, accuracy in enumerate(accuracies)
        ),
    )


def test_the_table_has_mean_and_deviation(make_record):
    """Several seeds have a spread, one has none, none has a dash."""
    records = [make_record(0, 0.5), make_record(1, 0.6), make_record(2, 0.7)]
    lines = finalists_text([finalist(0, 0.9, 0.8), finalist(1, 0.75), finalist(2, None)], records)
    assert "85.00 ± 7.07" in lines[1]
    assert lines[2].split()[:3] == ["1", "75.00", "1"]
    assert lines[3].split()[:3] == ["2", "–", "0"]
    assert finalists_text([], records) == []


@pytest.mark.parametrize(("full", "tau"), [((0.7, 0.8, 0.9), 1), ((0.9, 0.8, 0.7), -1), ((0.7, 0.9, 0.9), 2 / 6**0.5)])
def test_rank_correlation(make_record, full, tau):
    """Equal order is 1, reversed order -1; a tie is taken from one side's pairs (tau-b)."""
    records = [make_record(number, 0.5 + number / 10) for number in range(3)]
    finalists = [finalist(number, accuracy) for number, accuracy in enumerate(full)]
    assert rank_agreement(finalists, records) == pytest.approx(tau)
    assert f"Kendall's tau-b = {tau:+.2f}" in finalists_text(finalists, records)[-1]


def test_equal_scores_have_no_order(make_record):
    """Where all networks are equally good, nothing is said."""
    records = [make_record(number, 0.5 + number / 10) for number in range(3)]
    finalists = [finalist(number, 0.8) for number in range(3)]
    assert rank_agreement(finalists, records) is None
    assert "Kendall" not in finalists_text(finalists, records)[-1]


def test_two_networks_have_no_rank_correlation(make_record):
    """Two networks agree or not by a coin's toss."""
    assert rank_agreement([finalist(0, 0.7), finalist(1, 0.8)], [make_record(0), make_record(1)]) is None


def test_what_was_chosen_comes_first(make_record):
    """Then the others by validation accuracy in full training; what was not chosen was not tested."""
    records = [make_record(number, 0.5 + number / 10) for number in range(3)]
    choice = StudyChoice(trial=1, rule="their mean", validation=Score((0.6,)), brief=0.6)
    finalists = [finalist(0, full=(0.5,)), finalist(1, 0.7, full=(0.6, 0.62)), finalist(2, full=(0.55,))]
    lines = finalists_text(finalists, records, [choice])
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "0"]
    assert "61.00 ± 1.41" in lines[1]
    assert lines[2].split()[:5] == ["2", "55.00", "1", "–", "0"]
    assert "validation accuracies of trainings on the train images choose" in finalists_title(finalists)
    assert finalists_title([finalist(0, 0.5)]).startswith("Finalists, trained in full on all train images")
    assert rank_agreement(finalists, records) == pytest.approx(1 / 3)


def test_what_diverged_or_failed_is_said():
    """By trial, kind and seed, with the reason; nothing where all trainings came to their end."""
    sound = finalist(1, 0.9, full=(0.8,))
    assert breakdowns_text([sound]) == []
    first, second = finalist(2, 0.1, 0.8, full=(0.1,)).runs
    lost = TrainingRun(seed=5, recipe={}, failed="out of memory")
    broken = Finalist(
        trial=2,
        runs=(replace(first, diverged="The train loss was no longer finite in epoch 3."), second),
        full=(replace(second, diverged="After epoch 2 of 3 the network was still no better than chance."), lost),
    )
    assert breakdowns_text([sound, broken]) == [
        "Trial 2: 2 of 2 full trainings diverged or failed (seed 1: after epoch 2 of 3 the network was still no better "
        "than chance; seed 5: out of memory). What diverged does not speak for the network.",
        "Trial 2: 1 of 2 trainings on all train images diverged (seed 0: the train loss was no longer finite in epoch "
        "3). What diverged counts in the mean with the test accuracy that it has.",
    ]
    only = replace(broken, runs=broken.runs[:1], full=())
    assert breakdowns_text([only])[0].startswith("Trial 2: 1 training on all train images diverged (seed 0: ")


def test_a_finalist_is_a_json_document():
    """Fractions, with every run beneath."""
    document = json.loads(json.dumps(finalist_document(finalist(3, 0.9, 0.8))))
    assert document["test_accuracy"]["mean"] == pytest.approx(0.85)
    assert [run["seed"] for run in document["runs"]] == [0, 1]
