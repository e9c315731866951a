"""Records of full trainings and of what they ran on: new ones, and those of version 0.1."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.records.finals.finalist import final_run, final_run_document, read_finalists
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.records.trial import read_record, training_attributes
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Mistake, Reading
from budgetnet.workers.environment import environment, unlike
from budgetnet.workers.messages import Result

RESULTS = Path(__file__).parent.parent.parent / "studies" / "results"
LATER = {
    "train_accuracies": [],
    "reading": None,
    "validation_losses": [],
    "validation_accuracies": [],
    "trained_on": "train and validation",
    "judged_by": "test",
    "test_losses": [],
    "test_accuracies": [],
    "resumed": [],
}
"""Keys that a full training got after the first version, with what they are in a record without them."""
OLDER = Path(__file__).parent / "older" / "record.json"

RESULT = Result(
    train_losses=(2.0, 1.0),
    train_accuracies=(0.3, 0.6),
    epochs=2,
    stopped=False,
    diverged=None,
    seconds=1.23456,
    device="cpu",
    precision="float32",
    threads=1,
    images=200,
    test_accuracy=0.75,
    test_loss=0.8,
    test_images=4,
    reading=Reading(
        classes=("a", "b"),
        per_class=(1.0, 0.5),
        confusion=((2, 0), (1, 1)),
        calibration_error=0.1,
        mistakes=(Mistake(image=3, true=1, predicted=0, confidence=0.9, true_probability=0.1),),
    ),
    environment={"torch": "2.6"},
)


def record(result: Result | None, failed: str | None = None) -> TrainingRun:
    """What is recorded of a finalist's training."""
    here = {"torch": "2.7"}
    return TrainingRun.record(
        result, seed=5, recipe=Recipe(), failed=failed, weights="w", environment=here, repeat=1, workers=2, after=4
    )


def through_json(document: object) -> Any:
    """A document as a file or database gives it back."""
    return json.loads(json.dumps(document, allow_nan=False))


def test_a_run_is_recorded_whole_and_survives_json() -> None:
    """Curves, reading, recipe and what it ran on; read back, a finalist's run has all that its form holds."""
    run = record(RESULT)
    document = through_json(final_run_document(3, run))
    assert document["trial"] == 3
    assert final_run(document) == run
    assert final_run(document | {"later": 1}) == final_run(document)  # a key of a later version
    assert (run.repeat, run.workers, run.seed, run.seconds) == (1, 2, 5, 1.235)
    assert run.reading == RESULT.reading
    assert (run.train_losses, run.train_accuracies) == ((2.0, 1.0), (0.3, 0.6))
    assert run.environment == {"torch": "2.6"}
    assert run.recipe == Recipe().to_mapping()


def test_a_run_without_a_key_of_the_first_version_is_none() -> None:
    """Only what came later has a default."""
    document = through_json(record(RESULT).document())
    TrainingRun.of({name: value for name, value in document.items() if name != "reading"})
    with pytest.raises(KeyError, match="weights"):
        TrainingRun.of({name: value for name, value in document.items() if name != "weights"})


@pytest.mark.parametrize(
    ("changes", "outcome", "accuracy"),
    [
        ({}, "completed", None),
        ({"stopped": True, "validation_accuracies": (0.1, 0.2)}, "stopped_early", 0.2),
        ({"diverged": "loss is not finite", "stopped": True}, "diverged", None),
        ({"failed": "out of memory"}, "failed", None),
    ],
)
def test_the_outcome_follows_from_how_it_ended(changes: dict[str, Any], outcome: str, accuracy: float | None) -> None:
    """One word for each way to end."""
    run = replace(record(RESULT), **changes)
    assert (run.outcome, run.accuracy) == (outcome, accuracy)


@pytest.mark.parametrize("path", sorted(RESULTS.glob("**/training.json")), ids=lambda path: path.parent.name)
def test_shipped_trainings_are_written_as_they_were_read(path: Path) -> None:
    """This version writes what that one wrote: either reads the other's files."""
    for run in json.loads(path.read_text(encoding="utf-8"))["runs"]:
        again = through_json(TrainingRun.of(run).document())
        assert again == LATER | run


def test_passwords_that_older_versions_recorded_are_not_read() -> None:
    """The command of a training may name a database."""
    run = replace(record(RESULT), environment={"command": "budgetnet search s.yaml --storage postgresql://me:x1@h/d"})
    again = TrainingRun.of(through_json(run.document()))
    assert again.environment["command"] == "budgetnet search s.yaml --storage postgresql://me:***@h/d"
    assert "x1" not in str(TrainingRun.of_trial(through_json(run.trial_document()), seed=1))


def test_shipped_trials_and_finalists_are_written_as_they_were_read(tmp_path: Path) -> None:
    """The same for the database of the flagship."""
    database = shutil.copy(RESULTS / "cifar10-200k" / "study.db", tmp_path / "study.db")
    study = optuna.load_study(study_name=None, storage=f"sqlite:///{database}")
    runs = {name: value for name, value in study.user_attrs.items() if name.startswith("finalist:")}
    assert len(runs) == sum(len(finalist.runs) for finalist in read_finalists(study)) > 0
    for value in runs.values():
        again = through_json(final_run_document(value["trial"], final_run(value)))
        assert again == LATER | value
    trained = [trial for trial in study.trials if read_record(trial).trained]
    assert trained
    for trial in trained:
        written = through_json(training_attributes(read_record(trial).training))
        held = {name: trial.user_attrs[name] for name in written if name in trial.user_attrs}
        later = {name: written["training"].pop(name) for name in ("trained_on", "judged_by")}
        assert later == {"trained_on": "train", "judged_by": "validation"}
        assert {name: written[name] for name in held} == held


def test_a_failed_run_tells_where_it_failed() -> None:
    """No result: no weights, no score, and the environment of the process that wrote it down."""
    run = record(None, "out of memory")
    assert (run.test_accuracy, run.weights, run.failed) == (None, None, "out of memory")
    assert run.environment == {"torch": "2.7"}
    assert score_of([run, record(RESULT)]).accuracies == (0.75,)


def test_records_of_version_0_1_are_read() -> None:
    """The finalists of that record have neither reading nor train accuracies, and keep their scores."""
    finalists = json.loads(OLDER.read_text(encoding="utf-8"))["finalists"]
    for finalist in finalists:
        runs = [final_run(run) for run in finalist["runs"]]
        assert score_of(runs).document() == pytest.approx(finalist["test_accuracy"])
        assert len(runs[0].train_losses) == 20
        assert all(run.environment["torch"] == "2.15.0" for run in runs)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1)), max_size=8))
@settings(deadline=None)
def test_scores(accuracies: list[float | None]) -> None:
    """Runs without a result do not count; below two there is no deviation, below one no mean."""
    score = Score.of(accuracies)
    known = [value for value in accuracies if value is not None]
    assert score.n == len(known)
    assert (score.mean is None) == (not known)
    assert (score.deviation is None) == (len(known) < 2)
    assert str(score).startswith(score.spread)
    assert score.document() == {"mean": score.mean, "deviation": score.deviation, "n": score.n}


def test_the_environment_tells_what_a_result_rests_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor, instruction sets, memory, versions, and the switches that choose kernels."""
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    found = environment(torch.device("cpu"))
    assert found["torch"] == str(torch.__version__)
    assert found["cores"] == os.cpu_count()
    assert found["capability"] == torch.backends.cpu.get_cpu_capability()
    assert found["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert isinstance(found["deterministic"], bool)
    assert {"processor", "instructions", "system", "python", "command", "optuna", "numpy"} <= set(found)
    if Path("/proc/cpuinfo").exists():
        assert found["memory_bytes"] > 2**28
    assert json.loads(json.dumps(found)) == found
    assert "accelerator" not in found


def test_only_what_decides_about_bits_counts_as_unlike() -> None:
    """Another torch or another processor may round otherwise; another command or more memory does not."""
    then = environment()
    now = {**then, "torch": "9.9", "command": "budgetnet list", "memory_bytes": 1, "MKL_CBWR": "COMPATIBLE"}
    assert unlike(then, now) == {"torch": (then["torch"], "9.9"), "MKL_CBWR": (None, "COMPATIBLE")}
    assert unlike(then, then) == unlike({}, now) == {}
