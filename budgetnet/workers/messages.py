"""Messages between parent and workers: frozen values that pickle without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from budgetnet.files.plugins.types import PluginFile
from budgetnet.training.data.sources import ImageSource
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.test_report import Reading

if TYPE_CHECKING:
    from budgetnet.files.study import Study
    from budgetnet.network.nodes import Node

__all__ = [
    "Broken",
    "Bug",
    "Done",
    "EpochMeasures",
    "EpochReport",
    "Failed",
    "Job",
    "Lost",
    "Message",
    "Result",
    "Setup",
    "Workers",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that a worker needs once."""

    dataset: ImageSource
    validation: float
    """Share of the train images that are held out in searches."""
    seed: int
    """Seed of the validation split."""
    device: str
    threads: int = 1
    digests: tuple[str, str] | None = None
    """Digests of the train and of the test images that were found before anything was trained; None: not compared."""
    plugins: tuple[PluginFile, ...] = ()
    """Run again by each worker, as they were when the study was read."""
    deterministic: bool = True
    """See `budgetnet.training.determinism`."""

    @classmethod
    def of(cls, study: Study, *, device: str, threads: int = 1, digests: tuple[str, str] | None = None) -> Self:
        """Return what the workers of a study need: its images and split, and its plug-ins."""
        return cls(
            dataset=study.dataset,
            validation=study.validation,
            seed=study.search.seed,
            device=device,
            threads=threads,
            digests=digests,
            plugins=study.plugins.files,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One network to train."""

    network: Node
    recipe: Recipe
    seed: int
    """Seed of initial weights, order, augmentation and dropout."""
    ask: bool = False
    """True if the worker asks after each epoch whether to go on, and waits for the answer."""
    final: bool = False
    """Train on all train images and read the test images in the end; else train and validation."""
    held_out: bool = False
    """For a final training: hold the validation images out, for a curve of images that it does not learn from."""
    test_curve: bool = False
    """For a final training: read the test images after each epoch, too, for a curve that nothing is chosen by."""
    weights: Path | None = None
    """File for the trained weights; None keeps none."""
    label: str = ""
    """Name of this training, kept with the weights."""
    checkpoint: Path | None = None
    """File for checkpoints, from which a training that was cut off goes on; None keeps none. Whoever takes the result
    removes it."""
    checkpoint_seconds: float = 300.0
    """Seconds between two checkpoints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Result of a training as its worker reports it; `budgetnet.records.training_run.TrainingRun` is what is kept.

    Accuracies are fractions, losses are in nats.
    """

    epochs: int = 0
    """Epochs trained."""
    train_losses: tuple[float, ...] = ()
    """Train loss of each epoch."""
    train_accuracies: tuple[float, ...] = ()
    """Accuracy of each epoch on its augmented train images, measured while training."""
    validation_losses: tuple[float, ...] = ()
    """Mean cross-entropy after each epoch; empty for a final training that holds no images out."""
    validation_accuracies: tuple[float, ...] = ()
    """Validation accuracy after each epoch; empty for a final training that holds no images out."""
    stopped: bool = False
    """True if it was told to end after an epoch."""
    diverged: str | None = None
    """Why training was given up; such a training counts with the accuracy it has."""
    seconds: float = 0.0
    """Time of training and validation."""
    images: int = field(default=0, compare=False)
    """Images seen, over all epochs. Records of full trainings do not hold it, so it does not count for equality."""
    device: str = ""
    precision: str = ""
    threads: int = 0
    test_accuracy: float | None = None
    """None if no test image was read."""
    test_accuracy_flip: float | None = None
    """With the logits of each image and its mirror image averaged; in addition to the other, never instead of it."""
    test_loss: float | None = None
    """Mean negative log-likelihood (cross-entropy); None, too, if it is not finite."""
    test_images: int | None = None
    """Number of test images read."""
    reading: Reading | None = None
    """Details of the same one reading of the test images."""
    test_losses: tuple[float, ...] = ()
    """Mean cross-entropy on the test images after each epoch; empty unless a test curve was asked for."""
    test_accuracies: tuple[float, ...] = ()
    """Accuracy on the test images after each epoch; empty unless a test curve was asked for."""
    environment: Mapping[str, Any] = field(default_factory=dict)
    """Hardware, versions, command: see `budgetnet.workers.environment`."""
    resumed: tuple[int, ...] = ()
    """For each time that the training went on from a checkpoint: the epochs that had been completed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochMeasures:
    """Losses (in nats) and accuracies (fractions) of one epoch; None where there are no such images."""

    train_loss: float
    train_accuracy: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None
    test_loss: float | None = None
    """On the test images, for a curve by which nothing is chosen."""
    test_accuracy: float | None = None


@dataclass(frozen=True, slots=True)
class EpochReport:
    """An epoch has ended."""

    worker: int
    epoch: int
    accuracy: float | None
    measures: EpochMeasures | None = None
    """Everything that was measured; None from a worker that tells the accuracy alone."""


@dataclass(frozen=True, slots=True)
class Done:
    """The training has ended."""

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


Message = EpochReport | Done | Failed | Lost | Broken | Bug


class Workers(Protocol):
    """The part of `budgetnet.workers.pool.Pool` that those who hand out jobs need."""

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
