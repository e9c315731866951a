"""What is recorded of full trainings (a finalist's, or one asked for by hand), and how a study's are read."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import optuna

from budgetnet.records.score import Score
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Reading
from budgetnet.workers.messages import Result

__all__ = ["FinalRun", "Finalist", "Run", "attribute", "read_finalists", "score_of"]

_PREFIX = "finalist"


def attribute(trial: int, run: int) -> str:
    """Return the name of the study's attribute that holds a run."""
    return f"{_PREFIX}:{trial}:{run}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One full training on all train images, with its one reading of the test images. Accuracies are fractions."""

    seed: int
    """Of initial weights, order, augmentation and dropout."""
    recipe: Mapping[str, Any]
    test_accuracy: float | None
    """None if the run failed."""
    test_accuracy_flip: float | None
    """With the logits of each image and its mirror image averaged; beside the other, never instead of it."""
    test_loss: float | None
    """Mean negative log-likelihood (cross-entropy) in nats; None, too, if it was not finite."""
    test_images: int | None
    losses: tuple[float, ...]
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
    weights: str | None
    """The weights' file, relative to the folder that the run belongs to."""
    environment: Mapping[str, Any]
    """Hardware, versions, command."""
    finished: str
    """ISO 8601, UTC."""
    train_accuracies: tuple[float, ...] = ()
    """Accuracy of each epoch on the augmented train images on their way through; records of version 0.1 have none."""
    reading: Reading | None = None
    """What the test images gave in detail, in the same one reading; records of version 0.1 have none."""

    @classmethod
    def record(
        cls,
        result: Result | None,
        *,
        seed: int,
        recipe: Recipe,
        failed: str | None,
        weights: str | None,
        environment: Mapping[str, Any],
        **more: Any,
    ) -> Self:
        """Return what is recorded of a training.

        Args:
            result: what it gave; None if it failed.
            seed: see the field.
            recipe: how it was trained.
            failed: see the field.
            weights: where they are, if there is a result.
            environment: what it ran on, for a run without a result of its own.
            more: fields of a subclass.
        """
        return cls(
            seed=seed,
            recipe=recipe.to_mapping(),
            test_accuracy=result.test_accuracy if result else None,
            test_accuracy_flip=result.test_accuracy_flip if result else None,
            test_loss=result.test_loss if result else None,
            test_images=result.test_images if result else None,
            losses=result.losses if result else (),
            diverged=result.diverged if result else None,
            failed=failed,
            epochs=result.epochs if result else 0,
            seconds=round(result.seconds, 3) if result else 0.0,
            device=result.device if result else "",
            precision=result.precision if result else "",
            threads=result.threads if result else 0,
            weights=weights if result else None,
            environment=result.environment if result else environment,
            finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            train_accuracies=result.train_accuracies if result else (),
            reading=result.reading if result else None,
            **more,
        )

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the run that JSON holds (what `dataclasses.asdict` makes of a run, or a record of version 0.1).

        Raises:
            KeyError, TypeError: it is no run.
        """
        values = dict(document)
        for name in ("losses", "train_accuracies"):
            values[name] = tuple(values.get(name, ()))
        reading = values.get("reading")
        values["reading"] = None if reading is None else Reading.of(reading)
        return cls(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalRun(Run):
    """One full training of one finalist."""

    trial: int
    """The trial that proposed the network."""
    run: int
    """Which of the runs, from 0."""
    workers: int
    """Trainings that ran at once on this machine."""


def score_of(runs: Iterable[Run]) -> Score:
    """Return the test accuracy over runs; one that diverged counts with what it has, one that failed does not."""
    return Score.of(run.test_accuracy for run in runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalist:
    """All runs of one finalist."""

    trial: int
    runs: tuple[FinalRun, ...]

    @property
    def score(self) -> Score:
        """Test accuracy over the runs."""
        return score_of(self.runs)


def read_finalists(study: optuna.Study) -> list[Finalist]:
    """Return what is recorded of finalists, by the number of the trial.

    Not by test accuracy: choosing by it would be selection on test data.
    """
    runs: dict[int, list[FinalRun]] = {}
    for name, value in study.user_attrs.items():
        if name.startswith(f"{_PREFIX}:"):
            run = FinalRun.of(value)
            runs.setdefault(run.trial, []).append(run)
    return [
        Finalist(trial=trial, runs=tuple(sorted(its, key=lambda run: run.run))) for trial, its in sorted(runs.items())
    ]
