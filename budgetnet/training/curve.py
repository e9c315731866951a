"""`Curve`: the record of a run of `fit`, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Curve", "Epoch", "OnEpoch"]


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Results of one epoch. Accuracies are fractions, 0..1."""

    number: int
    """Counted from 1."""

    train_loss: float
    """Mean over the epoch's steps, with augmentation and label smoothing, while the weights change."""

    train_accuracy: float
    """Share of the augmented images that were classified correctly during the epoch; with mixup, each of an image's
    two labels counts by its share."""

    validation_accuracy: float | None
    """After the epoch, with averaged weights if the recipe averages; None without validation images."""

    validation_loss: float | None
    """Mean cross-entropy in nats, without smoothing."""

    seconds: float
    """Wall-clock time of the epoch, training and validation."""

    watched_accuracy: float | None = None
    """Accuracy on the images that were watched; None without them."""

    watched_loss: float | None = None
    """Mean cross-entropy in nats on the images that were watched; None too if it was not finite."""


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Result of a run of `fit`, with the device and precision that it used."""

    epochs: tuple[Epoch, ...]
    """Completed epochs, in order; an epoch in which the loss was no longer finite is left out."""

    stopped: bool = False
    """True if *on_epoch* ended the run early."""

    diverged: str | None = None
    """Reason why the run was stopped as diverged, in one sentence; None if it was not."""

    seconds: float
    """Wall-clock time of the whole run."""

    device: str
    """``cpu``, ``cuda:0`` …"""

    precision: str
    """Type of activations: ``float32`` or ``bfloat16``."""

    threads: int
    """Threads that torch used on the CPU."""

    seed: int
    """Seed of order, augmentation and dropout."""

    images: int
    """Images seen over all epochs, each counted once per epoch."""

    resumed: tuple[int, ...] = ()
    """For each time that the run went on from a checkpoint: the epochs that had been completed."""

    @property
    def final(self) -> Epoch | None:
        """The last completed epoch, or None."""
        return self.epochs[-1] if self.epochs else None

    @property
    def best_validation_accuracy(self) -> float | None:
        """The highest validation accuracy of any epoch; None without validation images."""
        values = [e.validation_accuracy for e in self.epochs if e.validation_accuracy is not None]
        return max(values, default=None)


OnEpoch = Callable[[Epoch], bool | None]
"""Called after every epoch; returning False ends the run. Its exceptions pass through `fit` unchanged."""
