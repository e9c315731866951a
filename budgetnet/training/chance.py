"""Answers of a network, counted by class: are they better than chance? Rare and frequent classes are kept apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from budgetnet.text import percent

__all__ = ["Answers"]

_ERRORS = 2.0
"""Standard errors above chance that count as better."""
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Answers of a network to images of several classes, counted by class."""

    accuracy: float
    """Share of the images that were classified correctly, 0..1; with mixup each of an image's labels by its share."""
    truth: Sequence[int]
    """Images of each class."""
    hits: Sequence[int]
    """Images of each class that were classified correctly."""
    given: Sequence[int]
    """Images that were classified as each class."""

    @classmethod
    def of_confusion(cls, accuracy: float, confusion: Sequence[Sequence[int]]) -> Self:
        """Return the answers that a table of counts holds: row = true class, column = predicted class."""
        return cls(
            accuracy=accuracy,
            truth=[sum(row) for row in confusion],
            hits=[row[place] for place, row in enumerate(confusion)],
            given=[sum(column) for column in zip(*confusion, strict=True)],
        )

    @property
    def most_frequent(self) -> float:
        """Accuracy of always answering the most frequent class."""
        return max(self.truth) / sum(self.truth)

    @property
    def balanced(self) -> float:
        """Balanced accuracy: the mean over classes of the share that was classified correctly."""
        shares = [hit / number for hit, number in zip(self.hits, self.truth, strict=True) if number]
        return sum(shares) / len(shares)

    @property
    def balanced_chance(self) -> float:
        """Balanced accuracy of answers that do not depend on the image."""
        return 1 / sum(number > 0 for number in self.truth)

    @property
    def at_chance(self) -> bool:
        """True if they are no better than chance.

        Better is an accuracy, or a balanced accuracy, of more than two standard errors above that of answers that do
        not depend on the image. The balanced one alone shows what a network has learned where one class has nearly all
        images; its error is that of random answers as frequent as these.

        >>> Answers(accuracy=1.0, truth=[200, 1], hits=[200, 1], given=[200, 1]).at_chance
        False
        >>> Answers(accuracy=200 / 201, truth=[200, 1], hits=[200, 0], given=[201, 0]).at_chance
        True
        """
        total, share = sum(self.truth), self.most_frequent
        if self.accuracy > share + _ERRORS * math.sqrt(share * (1 - share) / total) + _ROUNDING:
            return False
        rates = [given / total for given in self.given]
        variance = sum(rate * (1 - rate) / number for rate, number in zip(rates, self.truth, strict=True) if number)
        return self.balanced <= self.balanced_chance * (1 + _ERRORS * math.sqrt(variance)) + _ROUNDING

    @property
    def text(self) -> str:
        """``10.3 % (most frequent class: 10.0 %), balanced 10.2 % (chance: 10.0 %)``."""
        return (
            f"{percent(self.accuracy)} % (most frequent class: {percent(self.most_frequent)} %), balanced "
            f"{percent(self.balanced)} % (chance: {percent(self.balanced_chance)} %)"
        )
