"""The pruner's keys in a study file."""

from __future__ import annotations

import pytest

from budgetnet.calibrate.pruner_replay import Recording, run_order
from budgetnet.errors import StudyError
from budgetnet.files.study import Pruner
from budgetnet.records.pruning import pruner_text
from tests.search.helpers import Threads
from tests.search.test_loop import Run


def test_rungs_in_a_study_file(make_study):
    """The first rung and the reduction are read; what is left out has its default."""
    study = make_study(
        search="{pruner: {kind: halving, first: 2, reduction: 4}}", training="{epochs: 6, batch: 128, flip: none}"
    )
    assert study.search.pruner == Pruner(kind="halving", first=2, reduction=4)
    assert make_study(search="{pruner: {startup: 3}}").search.pruner == Pruner(kind="median", startup=3)
    assert make_study(search="{pruner: {reduction: 3}}").search.pruner == Pruner(kind="halving", reduction=3)
    assert make_study().search.pruner == Pruner(kind="halving")
    assert make_study(search="{pruner: hyperband}").search.pruner == Pruner(kind="hyperband", first=None, reduction=2)


@pytest.mark.parametrize(
    "pruner",
    [
        Pruner(),
        Pruner(kind="halving", first=3),
        Pruner(kind="median", warmup=2),
        Pruner(kind="none"),
        Pruner(kind="model"),
    ],
)
def test_a_pruners_text_reads_back(make_study, pruner):
    """What a calibration recommends can be pasted into the study."""
    study = make_study(search=f"{{pruner: {pruner_text(pruner)}}}", training="{epochs: 6, batch: 128, flip: none}")
    assert study.search.pruner == pruner


@pytest.mark.parametrize("kind", ["halving", "hyperband"])
def test_a_first_rung_that_no_trial_reaches(make_study, kind):
    """A pruner that could never judge is a mistake; the message points at the key."""
    message = (
        r"search\.pruner\.first must be below training\.epochs, 2, but got 2; lower search\.pruner\.first or raise"
    )
    with pytest.raises(StudyError, match=rf"tiny\.yaml:\d+:\d+: {message}"):
        make_study(search=f"{{pruner: {{kind: {kind}, first: 2}}}}")


def test_a_first_rung_of_nought(make_study):
    """Epochs are counted from 1."""
    with pytest.raises(StudyError, match=r"search\.pruner\.first must be a whole number of at least 1, but got '0'"):
        make_study(search="{pruner: {kind: halving, first: 0}}")


@pytest.mark.parametrize("kind", ["halving", "median"])
def test_a_replay_is_what_the_search_does(make_study, tmp_path, kind):
    """The same networks with and without a pruner: who is stopped, and when, is what the replay of the curves says."""
    training = "{epochs: 3, batch: 256, shift: 0, flip: none, precision: float32}"
    rule = f"{{kind: {kind}, startup: 2, warmup: 1, first: 1, reduction: 2}}"
    found = {}
    for name, pruner in (("without", "none"), ("with", rule)):
        study = make_study(
            search=f"{{trials: 6, workers: 1, seed: 3, sampler: random, pruner: {pruner}}}", training=training
        )
        run = Run(study, tmp_path / name, workers=Threads(study))
        run()
        found[name] = run.ledger.records()
    curves = [Recording(curve=record.curve, seconds=3.0, quality=record.curve[-1]) for record in found["without"]]
    assert [record.seed for record in found["without"]] == [record.seed for record in found["with"]]
    asked = Pruner(kind=kind, startup=2, warmup=1, first=1, reduction=2)
    replayed = run_order(curves, range(len(curves)), asked)
    assert replayed.spent == pytest.approx(sum(record.epochs for record in found["with"]))
    assert replayed.stopped == sum(record.outcome == "stopped_early" for record in found["with"]) > 0
    best = max(
        (record for record in found["with"] if record.outcome == "completed"), key=lambda record: record.curve[-1]
    )
    assert found["without"][replayed.chosen].hash == best.hash
