"""Results on test images beyond accuracy and loss, as plain values. Does not load torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["BINS", "Confusion", "Mistake", "Reading", "confused", "summed"]

BINS = 15
"""Bins of equal width over the confidences, for the expected calibration error (Guo et al. 2017)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """An image that a network classifies wrongly."""

    image: int
    """Index among the images that were read, from 0."""
    true: int
    """Index of the true class."""
    predicted: int
    """Index of the predicted class."""
    confidence: float
    """Probability given to the predicted class, 0..1."""
    true_probability: float
    """Probability given to the true class, 0..1."""
    file: str | None = None
    """The image's file, relative to the data set's folder; None if the images are not files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Results of a network on the test images, each seen once and without augmentation."""

    classes: tuple[str, ...]
    """Class names; classes are given by their index here."""
    per_class: tuple[float | None, ...]
    """Accuracy among the images of each class, as a fraction; None for a class without images."""
    confusion: tuple[tuple[int, ...], ...]
    """Counts: row = true class, column = predicted class."""
    calibration_error: float | None
    """Expected calibration error over `BINS` bins, as a fraction: the average difference between confidence
    and accuracy. None if the network's outputs were not finite."""
    mistakes: tuple[Mistake, ...]
    """The most confident mistakes, the most confident first."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Reading:
        """Return the reading stored in JSON.

        Raises:
            KeyError, TypeError: it is not a reading.
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
    """Images of one class that were predicted as another."""

    true: int
    predicted: int
    count: int
    share: float
    """Fraction of the true class's images."""


def confused(confusion: Sequence[Sequence[int]], top: int = 3) -> tuple[Confusion, ...]:
    """Return the *top* pairs of classes that are confused most often, by count, leaving out those with none.

    Args:
        confusion: K x K counts, row = true class, column = predicted class. Pairs are ordered: cats
            predicted as dogs and dogs predicted as cats are counted separately.
        top: Number of pairs, >= 0.
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
