"""What is recorded of the finalists' full trainings, and how it is read."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna

__all__ = ["FinalRun", "Finalist", "attribute", "read_finalists"]

_PREFIX = "finalist"


def attribute(trial: int, run: int) -> str:
    """Return the name of the study's attribute that holds a run."""
    return f"{_PREFIX}:{trial}:{run}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRun:
    """One full training of one finalist."""

    trial: int
    """The trial that proposed the network."""
    run: int
    """Which of the runs, from 0."""
    seed: int
    """Of initial weights, order, augmentation and dropout."""
    recipe: Mapping[str, Any]
    test_accuracy: float | None
    """As a fraction; None if the run failed."""
    test_accuracy_flip: float | None
    """With flip averaging; beside the other, never instead of it."""
    test_loss: float | None
    test_images: int | None
    losses: Sequence[float]
    """Train loss of each epoch, in nats."""
    diverged: str | None
    """Why training was given up; such a run counts with the accuracy it has."""
    failed: str | None
    """Why there is no result, for example too little memory."""
    epochs: int
    seconds: float
    device: str
    precision: str
    threads: int
    workers: int
    """Trainings that ran at once on this machine."""
    weights: str | None
    """The weights' file, relative to the run folder."""
    environment: Mapping[str, Any]
    """Hardware, versions, command."""
    finished: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """All runs of one finalist."""

    trial: int
    runs: tuple[FinalRun, ...]

    @property
    def accuracies(self) -> tuple[float, ...]:
        """Test accuracies of the runs that have one."""
        return tuple(run.test_accuracy for run in self.runs if run.test_accuracy is not None)

    @property
    def n(self) -> int:
        """How many runs `mean` is over."""
        return len(self.accuracies)

    @property
    def mean(self) -> float | None:
        """Mean test accuracy as a fraction."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation of the test accuracy over runs; None below two runs."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None


def read_finalists(study: optuna.Study) -> list[Finalist]:
    """Return what is recorded of finalists, by the number of the trial.

    Not by test accuracy: choosing by it would be selection on test data.
    """
    runs: dict[int, list[FinalRun]] = {}
    for name, value in study.user_attrs.items():
        if name.startswith(f"{_PREFIX}:"):
            run = FinalRun(**value)
            runs.setdefault(run.trial, []).append(run)
    return [
        Finalist(trial=trial, runs=tuple(sorted(its, key=lambda run: run.run))) for trial, its in sorted(runs.items())
    ]
