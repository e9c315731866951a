"""`Curve`: how a run of `fit` went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Curve", "Epoch", "OnEpoch"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch gave. Accuracies are fractions, 0..1."""

    number: int
    """Counted from 1."""

    train_loss: float
    """Mean over the epoch's steps, with augmentation and label smoothing, while the weights moved."""

    train_accuracy: float
    """Share of the augmented images that were classified rightly on their way through; with mixup, naming one of an
    image's two labels counts by its share."""

    validation_accuracy: float | None
    """After the epoch, with averaged weights if the recipe averages; None without validation images."""

    validation_loss: float | None
    """Mean cross-entropy in nats, without smoothing."""

    seconds: float
    """Wall-clock time of the epoch, training and validation."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """What a run of `fit` gave, and on what it ran."""

    epochs: tuple[Epoch, ...]
    """Completed epochs, in order; the one in which the run diverged is left out if it has no finite numbers."""

    stopped: bool = False
    """Whether *on_epoch* ended the run early."""

    diverged: str | None = None
    """Why the run was given up, in one sentence; None if it was not."""

    seconds: float
    """Wall-clock time of the whole run."""

    device: str
    """``cpu``, ``cuda:0`` …"""

    precision: str
    """Of activations: ``float32`` or ``bfloat16``."""

    threads: int
    """Threads that torch used on the processor."""

    seed: int
    """Seed of order, augmentation and dropout."""

    images: int
    """Images seen, over all epochs, counting each once per epoch."""

    @property
    def final(self) -> Epoch | None:
        """The last completed epoch, None if there is none."""
        return self.epochs[-1] if self.epochs else None

    @property
    def best_validation_accuracy(self) -> float | None:
        """The highest validation accuracy of any epoch, None without validation."""
        values = [e.validation_accuracy for e in self.epochs if e.validation_accuracy is not None]
        return max(values, default=None)


OnEpoch = Callable[[Epoch], bool | None]
"""Called after every epoch; returning False ends the run. What it raises passes through `fit` unchanged."""
