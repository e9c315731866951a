"""The table of classes beneath a full training."""

from __future__ import annotations

import json
from dataclasses import replace

from budgetnet.records.training_run import TrainingRun
from budgetnet.report.per_class import classes_text
from budgetnet.training.test_report import Mistake, Reading
from tests.records.test_training_folder import run


def read(seed: int, confusion: list[list[int]], **changes) -> TrainingRun:
    """A run with this confusion table over cats, dogs and cars."""
    table = tuple(tuple(row) for row in confusion)
    mistake = Mistake(image=7, true=0, predicted=1, confidence=0.987, true_probability=0.01, file="test/cat/7.png")
    reading = Reading(
        classes=("cat", "dog", "car"),
        per_class=tuple(row[place] / sum(row) for place, row in enumerate(table)),
        confusion=table,
        calibration_error=0.05,
        mistakes=(mistake,),
    )
    return replace(run(seed), reading=replace(reading, **changes))


def test_classes_pairs_loss_and_calibration():
    """Accuracies are means over seeds, confusions sums over seeds."""
    lines = classes_text([read(0, [[8, 2, 0], [1, 9, 0], [0, 0, 10]]), read(1, [[6, 4, 0], [1, 9, 0], [0, 0, 10]])])
    assert lines == [
        "class  test images     accuracy %  most often taken for",
        "cat             10  70.00 ± 14.14  dog (30.0 %)",
        "dog             10   90.00 ± 0.00  cat (10.0 %)",
        "car             10  100.00 ± 0.00  –",
        "",
        "Most frequent confusions: cat for dog 6 times (30.0 %); dog for cat 2 times (10.0 %).",
        "On average: negative log-likelihood 0.3000 nats, expected calibration error 5.00 ± 0.00 % (15 bins).",
        "Most confident mistake: test/cat/7.png, cat taken for dog with 98.7 %.",
    ]


def test_older_records_have_no_classes():
    """Runs without a reading in detail print nothing more."""
    assert classes_text([run(0), run(1)]) == []


def test_a_faultless_network_and_one_without_numbers():
    """No pair is made up, and no average of nothing."""
    faultless = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    lines = classes_text([replace(read(0, faultless, mistakes=()), test_loss=None)])
    assert lines[-2:] == [
        "Most frequent confusions: none.",
        "On average: expected calibration error 5.00 % (15 bins).",
    ]
    lines = classes_text([replace(read(0, faultless, mistakes=(), calibration_error=None), test_loss=None)])
    assert lines[-1] == "Most frequent confusions: none."


def test_of_many_classes_the_worst_are_listed():
    """A hundred lines would hide what matters; classes without test images have no accuracy."""
    names = tuple(f"c{place}" for place in range(30))
    table = tuple(tuple(10 if a == b else (1 if b == 0 and a > 5 else 0) for b in range(30)) for a in range(30))
    table = (*table[:-1], (0,) * 30)
    per_class = tuple(row[place] / sum(row) if sum(row) else None for place, row in enumerate(table))
    reading = Reading(classes=names, per_class=per_class, confusion=table, calibration_error=None, mistakes=())
    lines = classes_text([replace(run(0), reading=reading)])
    assert lines[0] == "The 10 least recognised of 30 classes:"
    assert lines[2].split()[:3] == ["c6", "11", "90.91"]
    assert not any(line.startswith("c29") for line in lines)
    assert (
        lines[13]
        == "Most frequent confusions: c6 for c0 1 time (9.1 %); c7 for c0 1 time (9.1 %); c8 for c0 1 time (9.1 %)."
    )


def test_a_run_with_a_reading_survives_json():
    """What a file holds reads back equal, mistakes and all."""
    one = read(0, [[8, 2, 0], [1, 9, 0], [0, 0, 10]])
    assert TrainingRun.of(json.loads(json.dumps(one.document()))) == one
