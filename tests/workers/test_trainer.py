"""One job in a worker: the order in which results come to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.torch import load_file

from budgetnet.errors import DataError, TrainingError
from budgetnet.files.network_file import Network
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.workers import trainer
from budgetnet.workers.messages import Job, Setup
from budgetnet.workers.trainer import Bench


@pytest.fixture
def bench(digits: object) -> Bench:
    """A worker's bench with the digits."""
    return Bench(Setup(dataset="digits", validation=0.1, seed=0, device="cpu"))


@pytest.fixture
def job(by_hand: Network, tmp_path: Path) -> Job:
    """A final training that keeps its weights."""
    recipe = Recipe(epochs=1, batch=256, shift=0, flip="none")
    return Job(network=by_hand.network, recipe=recipe, seed=0, final=True, weights=tmp_path / "w.safetensors")


def never(*_: object) -> bool:
    """Report of an epoch that must not come."""
    raise AssertionError("it was trained")


def test_what_can_fail_about_test_images_fails_before_the_training(
    bench: Bench, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their names, and their file: the one reading must not be lost afterwards."""

    def lost(*_: object, **__: object) -> None:
        raise DataError("gone")

    monkeypatch.setattr(trainer, "names_of_test_images", lost)
    with pytest.raises(DataError, match="gone"):
        bench.train(job, never)
    monkeypatch.undo()
    object.__setattr__(bench._dataset, "open_test", lost)
    with pytest.raises(DataError, match="gone"):
        bench.train(job, never)


def test_weights_are_written_before_the_test_images_are_read(
    bench: Bench, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading whose weights cannot be written would be of nothing."""
    seen: list[bool] = []
    real = trainer.evaluate

    def looking(*given: object, **named: object) -> object:
        seen.append(job.weights is not None and job.weights.is_file())
        return real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer, "evaluate", looking)
    bench.train(job, lambda *_: True)
    assert seen == [True]
    assert job.weights is not None
    assert load_file(job.weights)


def test_images_of_mistakes_that_cannot_be_kept_cost_no_result(
    bench: Bench, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are an illustration; the numbers are the result."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer, "write_strip", full)
    result = bench.train(job, lambda *_: True)
    assert result.test_accuracy is not None
    assert result.reading is not None


def test_weights_that_cannot_be_written_are_said(bench: Bench, job: Job, tmp_path: Path) -> None:
    """With the place and the reason, not as an error of the program."""
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match=r"the weights cannot be written to .*file/w\.safetensors \(.*; make room"):
        bench.train(replace(job, weights=tmp_path / "file" / "w.safetensors"), lambda *_: True)
