"""What parent and workers say to each other: frozen values that pickle without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from budgetnet.files.plugins.types import PluginFile
from budgetnet.network.nodes import Node
from budgetnet.training.data.sources import Source
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Reading

__all__ = ["Broken", "Bug", "Done", "Failed", "Job", "Lost", "Message", "Progress", "Result", "Setup", "Workers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a worker needs once."""

    dataset: Source
    validation: float
    """Share of the train images that are held out in searches."""
    seed: int
    """Of the validation split."""
    device: str
    threads: int = 1
    plugins: tuple[PluginFile, ...] = ()
    """Run again by each worker, as they were when the study was read."""
    deterministic: bool = True
    """See `budgetnet.training.determinism`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One network to train."""

    network: Node
    recipe: Recipe
    seed: int
    """Of initial weights, order, augmentation and dropout."""
    ask: bool = False
    """Whether the worker waits after each epoch for leave to go on."""
    final: bool = False
    """Train on all train images and read the test images in the end; else train and validation."""
    weights: Path | None = None
    """Where the trained weights go."""
    label: str = ""
    """Who this is, kept with the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a training went. Accuracies are fractions."""

    curve: tuple[float, ...] = ()
    """Validation accuracy after each epoch; empty for a final training."""
    losses: tuple[float, ...] = ()
    """Train loss of each epoch, in nats."""
    train_accuracies: tuple[float, ...] = ()
    """Share of each epoch's augmented images that were classified rightly on their way through."""
    validation_losses: tuple[float, ...] = ()
    """Mean cross-entropy after each epoch, in nats; empty for a final training."""
    epochs: int
    stopped: bool
    diverged: str | None
    seconds: float
    device: str
    precision: str
    threads: int
    images: int
    """Images seen, over all epochs."""
    test_accuracy: float | None = None
    test_accuracy_flip: float | None = None
    """With the logits of each image and its mirror image averaged; beside the other, never instead of it."""
    test_loss: float | None = None
    """Mean negative log-likelihood in nats; None, too, if it is not finite."""
    test_images: int | None = None
    reading: Reading | None = None
    """What the test images gave in detail."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """What it ran on, see `budgetnet.workers.environment`."""

    def conditions(self, recipe: Recipe) -> dict[str, Any]:
        """Return how the training went and on what, as a trial keeps it beside its score."""
        return {
            "recipe": recipe.to_mapping(),
            "losses": self.losses,
            "train_accuracies": self.train_accuracies,
            "validation_losses": self.validation_losses,
            "device": self.device,
            "precision": self.precision,
            "threads": self.threads,
            "environment": dict(self.environment),
        }


@dataclass(frozen=True, slots=True)
class Progress:
    """An epoch is over."""

    worker: int
    epoch: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Done:
    """The training came to an end of one kind or another."""

    worker: int
    result: Result


@dataclass(frozen=True, slots=True)
class Failed:
    """An expected failure of this one network, such as too little memory."""

    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker process is gone; another one has taken its place."""

    worker: int
    reason: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The worker cannot work at all (no data, no such device)."""

    worker: int
    error: Exception


@dataclass(frozen=True, slots=True)
class Bug:
    """An error of the program."""

    worker: int
    traceback: str


Message = Progress | Done | Failed | Lost | Broken | Bug


class Workers(Protocol):
    """What those who hand out jobs need of `budgetnet.workers.pool.Pool`."""

    @property
    def idle(self) -> list[int]:
        """The workers without a job."""
        ...

    def start(self) -> None:
        """Start the workers ahead of their first jobs."""
        ...

    def submit(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""
        ...

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Answer a worker that waits after an epoch."""
        ...

    def wait(self, timeout: float) -> list[Message]:
        """Return what workers have said."""
        ...
