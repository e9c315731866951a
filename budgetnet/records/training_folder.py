"""Full trainings of one network: on all train images, several seeds, each with one reading of the test images."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.files.places import check_utf8_place
from budgetnet.records.training_run import Score, TrainingRun, score_of
from budgetnet.text import ESCAPES

__all__ = ["TRAINING_FILE", "Training", "prepare_folder", "read_training", "training_folder", "write_training"]

TRAINING_FILE = "training.json"
"""Name of the file in a training's folder."""
TRAINING_FORMAT = "budgetnet-training/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """All runs of one network by one recipe on one data set."""

    name: str
    network: str
    """The network as grammar text."""
    params: int
    flops: int
    """One multiply-add is one FLOP."""
    dataset: str
    """A known name or the folder's path."""
    runs: tuple[TrainingRun, ...]
    """By seed."""
    data: Mapping[str, Any] | None = None
    """Identity of the images (`budgetnet.training.data.identity`); None in records of older versions."""

    @property
    def score(self) -> Score:
        """Test accuracy over the runs."""
        return score_of(self.runs)

    def document(self) -> dict[str, Any]:
        """Return the training as JSON holds it; accuracies are fractions."""
        facts = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        runs = [run.document() for run in self.runs]
        return {"format": TRAINING_FORMAT, **facts, "runs": runs, "test_accuracy": self.score.document()}


def training_folder(folder: Path, trial: int) -> Path:
    """Return where `budgetnet train STUDY:NUMBER` leaves its results: inside the study's run folder."""
    return folder / "train" / f"trial-{trial}"


def write_training(folder: Path, training: Training) -> Path:
    """Write a training's file, whole or not at all, and return its path.

    Raises:
        RequestError: the folder cannot be written to.
    """
    path = folder / TRAINING_FILE
    partial = path.with_name(f"{TRAINING_FILE}.{os.getpid()}.partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(training.document(), indent=2, ensure_ascii=False) + "\n"
        partial.write_text(text, encoding="utf-8", errors=ESCAPES)
        partial.replace(path)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return path


def prepare_folder(folder: Path) -> None:
    """Make a training's folder, and make sure that files can be written there before anything is trained.

    Raises:
        RequestError: they cannot.
    """
    check_utf8_place(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> RequestError:
    return RequestError(f"{folder} cannot be written to ({error.strerror}); choose another place with --out")


def read_training(folder: Path) -> Training | None:
    """Return what a training left in its folder, None if there is nothing.

    Raises:
        RequestError: the file is damaged or of another format.
    """
    path = folder / TRAINING_FILE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({error}); move it away to start over") from error
    try:
        if document.pop("format") != TRAINING_FORMAT:
            raise KeyError("format")
        document.pop("test_accuracy", None)
        runs = tuple(TrainingRun.of(run) for run in document.pop("runs"))
        return Training(runs=runs, **document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RequestError(f"{path} is not a {TRAINING_FORMAT} file; move it away to start over") from error
