"""What one reading of test images gave beyond accuracy and loss, as plain values. Loads no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["BINS", "Confusion", "Mistake", "Reading", "confused", "summed"]

BINS = 15
"""Bins of equal width over the confidences, for the expected calibration error (Guo et al. 2017)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that a network names wrongly."""

    image: int
    """Its place among the images that were read, from 0."""
    true: int
    """Its class, as a place among the classes."""
    predicted: int
    """The class that it was taken for."""
    confidence: float
    """Probability given to the predicted class, 0..1."""
    true_probability: float
    """Probability given to the true class, 0..1."""
    file: str | None = None
    """Its file, relative to the data set's folder; None where the images are no files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a network made of the test images, each seen once and as it is."""

    classes: tuple[str, ...]
    """Names; a class is called by its place in here."""
    per_class: tuple[float | None, ...]
    """Accuracy among the images of each class, as a fraction; None for a class without images."""
    confusion: tuple[tuple[int, ...], ...]
    """Counts: row = true class, column = predicted class."""
    calibration_error: float | None
    """Expected calibration error over `BINS` bins, as a fraction: by how much confidence and accuracy differ on
    average. None if the network gave no numbers."""
    mistakes: tuple[Mistake, ...]
    """The most confident ones, the surest first."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Reading:
        """Return the reading that JSON holds.

        Raises:
            KeyError, TypeError: it is no reading.
        """
        return cls(
            classes=tuple(document["classes"]),
            per_class=tuple(document["per_class"]),
            confusion=tuple(tuple(row) for row in document["confusion"]),
            calibration_error=document["calibration_error"],
            mistakes=tuple(Mistake(**mistake) for mistake in document["mistakes"]),
        )


@dataclass(frozen=True, slots=True)
class Confusion:
    """Images of one class that were taken for another."""

    true: int
    predicted: int
    count: int
    share: float
    """Of the true class's images, as a fraction."""


def confused(confusion: Sequence[Sequence[int]], top: int = 3) -> tuple[Confusion, ...]:
    """Return the *top* pairs of classes that are confused most often, by count; none that never are.

    Args:
        confusion: K x K counts, row = true class, column = predicted class. A pair is ordered: cats taken for dogs
            are another one than dogs taken for cats.
        top: how many, >= 0.
    """
    pairs = [
        Confusion(true, predicted, count, count / sum(row))
        for true, row in enumerate(confusion)
        for predicted, count in enumerate(row)
        if true != predicted and count
    ]
    return tuple(sorted(pairs, key=lambda pair: (-pair.count, -pair.share, pair.true, pair.predicted))[:top])


def summed(tables: Sequence[Sequence[Sequence[int]]]) -> tuple[tuple[int, ...], ...]:
    """Return the sum of K x K tables of counts, cell by cell.

    Raises:
        ValueError: the tables differ in size.
    """
    return tuple(tuple(sum(cells) for cells in zip(*rows, strict=True)) for rows in zip(*tables, strict=True))
