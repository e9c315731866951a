"""Records of full trainings and of what they ran on: new ones, and those of version 0.1."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.records.score import Score
from budgetnet.records.training_run import FinalRun, score_of
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Mistake, Reading
from budgetnet.workers.environment import environment, unlike
from budgetnet.workers.messages import Result

OLDER = Path(__file__).parent / "older" / "record.json"

RESULT = Result(
    losses=(2.0, 1.0),
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


def record(result: Result | None, failed: str | None = None) -> FinalRun:
    """What is recorded of a finalist's training."""
    here = {"torch": "2.7"}
    return FinalRun.record(
        result, seed=5, recipe=Recipe(), failed=failed, weights="w", environment=here, trial=3, run=1, workers=2
    )


def test_a_run_is_recorded_whole_and_survives_json() -> None:
    """Curves, reading, recipe and what it ran on; read back, it is equal."""
    run = record(RESULT)
    assert FinalRun.of(json.loads(json.dumps(asdict(run)))) == run
    assert (run.trial, run.run, run.workers, run.seed, run.seconds) == (3, 1, 2, 5, 1.235)
    assert run.reading == RESULT.reading
    assert (run.losses, run.train_accuracies) == ((2.0, 1.0), (0.3, 0.6))
    assert run.environment == {"torch": "2.6"}
    assert run.recipe == Recipe().to_mapping()


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
        runs = [FinalRun.of(run) for run in finalist["runs"]]
        assert score_of(runs).document() == pytest.approx(finalist["test_accuracy"])
        assert len(runs[0].losses) == 20
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
