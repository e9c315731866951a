"""Full trainings of one network: on all train images, several seeds, each with one reading of the test images."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.results.text import NOTHING, percent
from budgetnet.search.final_record import FinalRun

__all__ = ["FILE", "Run", "Score", "Training", "read_training", "training_folder", "write_training"]

FILE = "training.json"
"""Name of the file in a training's folder."""
FORMAT = "budgetnet-training/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training, whether a search's finalist or asked for by hand. Accuracies are fractions."""

    seed: int
    """Of initial weights, order, augmentation and dropout."""
    test_accuracy: float | None
    """None if the run failed."""
    test_accuracy_flip: float | None
    """With the logits of each image and its mirror image averaged; beside the other, never instead of it."""
    test_loss: float | None
    """Mean cross-entropy in nats."""
    test_images: int | None
    diverged: str | None
    """Why training was given up."""
    failed: str | None
    """Why there is no result."""
    losses: tuple[float, ...]
    """Train loss of each epoch, in nats."""
    epochs: int
    seconds: float
    device: str
    precision: str
    threads: int
    weights: str | None
    """The weights' file, relative to the folder that the run belongs to."""
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    """Hardware, versions, command."""
    finished: str
    """ISO 8601, UTC."""

    @classmethod
    def of(cls, run: FinalRun) -> Run:
        """Return a finalist's run."""
        values = {field.name: getattr(run, field.name) for field in fields(cls)}
        return cls(**values | {"losses": tuple(run.losses)})


@dataclass(frozen=True, slots=True)
class Score:
    """Test accuracy over runs, as fractions."""

    accuracies: tuple[float, ...]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Score:
        """Collect the accuracies of the runs that have one; a run that diverged counts with what it has."""
        return cls(tuple(run.test_accuracy for run in runs if run.test_accuracy is not None))

    @property
    def n(self) -> int:
        """How many runs."""
        return len(self.accuracies)

    @property
    def mean(self) -> float | None:
        """None without a run."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None below two runs."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None

    def __str__(self) -> str:
        """``91.30 ± 0.12 % (3 seeds)``: mean and standard deviation."""
        if self.mean is None:
            return NOTHING
        spread = "" if self.deviation is None else f" ± {percent(self.deviation)}"
        return f"{percent(self.mean)}{spread} % ({self.n} seed{'s' if self.n > 1 else ''})"

    def document(self) -> dict[str, Any]:
        """Return mean, deviation and n for JSON."""
        return {"mean": self.mean, "deviation": self.deviation, "n": self.n}


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """All runs of one network by one recipe on one data set."""

    name: str
    network: str
    """As grammar text."""
    params: int
    flops: int
    """One multiply-add is one FLOP."""
    dataset: str
    """A known name or the folder's path."""
    runs: tuple[Run, ...]
    """By seed."""

    @property
    def score(self) -> Score:
        """Test accuracy over the runs."""
        return Score.of(self.runs)

    def document(self) -> dict[str, Any]:
        """Return the training as JSON holds it; accuracies are fractions."""
        return {"format": FORMAT, **asdict(self), "test_accuracy": self.score.document()}


def training_folder(folder: Path, trial: int) -> Path:
    """Return where `budgetnet train STUDY:NUMBER` leaves its results: inside the study's run folder."""
    return folder / "train" / f"trial-{trial}"


def write_training(folder: Path, training: Training) -> Path:
    """Write a training's file, whole or not at all, and return its path.

    Raises:
        RequestError: the folder cannot be written to.
    """
    path = folder / FILE
    partial = path.with_name(f"{FILE}.{os.getpid()}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(training.document(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise RequestError(
            f"{folder} cannot be written to ({error.strerror}); choose another place with --out"
        ) from error
    return path


def read_training(folder: Path) -> Training | None:
    """Return what a training left in its folder, None if there is nothing.

    Raises:
        RequestError: the file is damaged or of another format.
    """
    path = folder / FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({error}); move it away to start anew") from error
    try:
        if document.pop("format") != FORMAT:
            raise KeyError("format")
        document.pop("test_accuracy", None)
        runs = tuple(Run(**run | {"losses": tuple(run["losses"])}) for run in document.pop("runs"))
        return Training(runs=runs, **document)
    except (KeyError, TypeError, AttributeError) as error:
        raise RequestError(f"{path} is not a {FORMAT} file; move it away to start anew") from error
