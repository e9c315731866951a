"""One training as it is recorded, whoever asked for it: a trial, a finalist, `train` or `calibrate`.

Each of them keeps it as JSON of its own older form. The forms are defined here, once, so that records of every version
open: a field that a later version added has a default, and a key that this version does not know is ignored.
"""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from budgetnet.text import masked
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Reading
from budgetnet.workers.messages import Result

__all__ = ["FULL_KEYS", "JudgedBy", "Score", "TrainedOn", "TrainingOutcome", "TrainingRun", "score_of"]

TrainingOutcome = Literal["completed", "stopped_early", "diverged", "failed"]
"""completed: trained by the whole recipe. stopped_early: told to end after an epoch. diverged: training broke down and
was given up. failed: there is no result, for example for lack of memory."""

TrainedOn = Literal["train", "train and validation"]
"""Images that a training learns from: the train split, or the validation images as well."""

JudgedBy = Literal["validation", "test"]
"""Images that a training's accuracy is of."""

FULL_KEYS: Mapping[str, str] = {
    name: {"losses": "train_losses"}.get(name, name)
    for name in (
        "seed", "recipe", "test_accuracy", "test_accuracy_flip", "test_loss", "test_images", "losses", "diverged",
        "failed", "epochs", "seconds", "device", "precision", "threads", "weights", "environment", "finished",
        "train_accuracies", "reading", "validation_losses", "validation_accuracies", "trained_on", "judged_by",
        "test_losses", "test_accuracies", "resumed",
    )
}  # fmt: skip
"""JSON form of a full training: its keys, and the fields behind them. Version 0.1 had all but those in `_LATER`."""
_LATER = (
    "train_accuracies", "reading", "validation_losses", "validation_accuracies", "trained_on", "judged_by",
    "test_losses", "test_accuracies", "resumed",
)  # fmt: skip
_ON_ALL_IMAGES: Mapping[str, Any] = {"trained_on": "train and validation", "judged_by": "test"}
"""Fields that hold for every full training of a record that does not name them."""

_TRIAL_KEYS: Mapping[str, str] = {
    name: {"losses": "train_losses"}.get(name, name)
    for name in (
        "recipe", "losses", "train_accuracies", "validation_losses", "device", "precision", "threads", "environment",
        "trained_on", "judged_by",
    )
}  # fmt: skip
"""The same for a trial's attribute ``training``; version 0.1 had none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRun(Result):
    """A training: what a worker's `Result` says, and which training it was. Accuracies are fractions."""

    seed: int
    """Seed of initial weights, order, augmentation and dropout."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Recipe as `Recipe.to_mapping` gives it; empty for trials of version 0.1."""
    repeat: int = 0
    """Number of this training among those that differ by their seed only, from 0."""
    failed: str | None = None
    """Reason why there is no result, for example too little memory; None if there is one."""
    weights: str | None = None
    """The weights' file, relative to the folder that the training belongs to."""
    workers: int = 1
    """Trainings that ran at once on this machine."""
    finished: str = ""
    """Time of its end: ISO 8601, UTC; empty for a trial, whose record holds it already."""
    trained_on: TrainedOn = "train"
    """Images that it was trained on."""
    judged_by: JudgedBy = "validation"
    """Images that its accuracy is of; only those of ``validation`` may choose a network."""
    after: int | None = None
    """Number of trials that the study had when this training began; None if nobody asked for the order."""

    @property
    def accuracy(self) -> float | None:
        """Validation accuracy after the last epoch; None if it had no validation images or not one finite epoch."""
        return self.validation_accuracies[-1] if self.validation_accuracies else None

    @property
    def outcome(self) -> TrainingOutcome:
        """Outcome in one word."""
        if self.failed is not None:
            return "failed"
        if self.diverged is not None:
            return "diverged"
        return "stopped_early" if self.stopped else "completed"

    @classmethod
    def record(
        cls,
        result: Result | None,
        *,
        seed: int,
        recipe: Recipe,
        failed: str | None = None,
        weights: str | None = None,
        environment: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Self:
        """Return what is recorded of a training that has just ended.

        Args:
            result: what it gave; None if it failed.
            seed: see the field.
            recipe: how it was trained.
            failed: see the field.
            weights: where they are, if there is a result.
            environment: what this process runs on, for a training without a result that tells it.
            more: other fields, also those of a subclass.
        """
        if result is None:
            found: dict[str, Any] = {"environment": environment or {}}
        else:
            found = {entry.name: getattr(result, entry.name) for entry in fields(Result)}
            found["seconds"] = round(result.seconds, 3)
        return cls(
            **found,
            seed=seed,
            recipe=recipe.to_mapping(),
            failed=failed,
            weights=weights if result else None,
            finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            **more,
        )

    def document(self, keys: Mapping[str, str] = FULL_KEYS) -> dict[str, Any]:
        """Return the training as JSON holds it.

        Args:
            keys: of the form, each with the field behind it.
        """
        # Without asdict, which copies everything deeply: most of the time of a long list of trials.
        values = {key: getattr(self, name) for key, name in keys.items()}
        return {key: asdict(value) if isinstance(value, Reading) else value for key, value in values.items()}

    @classmethod
    def of(cls, document: Mapping[str, Any], **more: Any) -> Self:
        """Return the full training that JSON holds, also one that version 0.1 wrote.

        Args:
            document: what `document` returned once.
            more: fields that the form keeps elsewhere.

        Raises:
            KeyError, TypeError: it is not a training.
        """
        held = {name: document[key] for key, name in FULL_KEYS.items() if key in document or key not in _LATER}
        values = {**_ON_ALL_IMAGES, **held, **more}
        values["environment"] = _without_secrets(values.get("environment") or {})
        if values.get("reading") is not None:
            values["reading"] = Reading.of(values["reading"])
        return cls(**_with_tuples(values))

    def trial_document(self) -> dict[str, Any]:
        """Return what a trial keeps in its attribute ``training``; curve, epochs and time are separate attributes."""
        return self.document(_TRIAL_KEYS)

    @classmethod
    def of_trial(cls, document: Mapping[str, Any], **more: Any) -> Self:
        """Return a trial's training.

        Args:
            document: the trial's attribute ``training``; empty for trials of version 0.1.
            more: the fields that the trial keeps in attributes of their own.
        """
        values = {name: document[key] for key, name in _TRIAL_KEYS.items() if key in document}
        values["environment"] = _without_secrets(values.get("environment") or {})
        return cls(**_with_tuples(values), **more)


def _without_secrets(environment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hide the password that older versions recorded with the command."""
    command = environment.get("command")
    return {**environment, "command": masked(command)} if isinstance(command, str) else environment


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracies over runs of one network, as fractions: n, mean and deviation, computed in one place."""

    accuracies: tuple[float, ...]

    @classmethod
    def of(cls, accuracies: Iterable[float | None]) -> Score:
        """Collect the accuracies of the runs that have one."""
        return cls(tuple(accuracy for accuracy in accuracies if accuracy is not None))

    @property
    def n(self) -> int:
        """Number of runs."""
        return len(self.accuracies)

    @property
    def mean(self) -> float | None:
        """Mean accuracy; None without a run."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None below two runs."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None

    @property
    def spread(self) -> str:
        """``91.30 ± 0.12``: mean and standard deviation in percent; a dash without a run."""
        if self.mean is None:
            return "–"
        return f"{100 * self.mean:.2f}" + ("" if self.deviation is None else f" ± {100 * self.deviation:.2f}")

    def __str__(self) -> str:
        """``91.30 ± 0.12 % (3 seeds)``."""
        return f"{self.spread} % ({self.n} seed{'s' if self.n > 1 else ''})" if self.n else self.spread

    def document(self) -> dict[str, Any]:
        """Return mean, deviation and n for JSON."""
        return {"mean": self.mean, "deviation": self.deviation, "n": self.n}


def score_of(runs: Iterable[TrainingRun]) -> Score:
    """Return the test accuracy over runs; one that diverged counts with what it has, one that failed does not."""
    return Score.of(run.test_accuracy for run in runs)
