"""Facts about a data set to know before training: shares of classes, conversion, what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch

from budgetnet.text import counted, percent, shape_text, some_of
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.images import Dataset, Images
from budgetnet.training.data.split import split_validation

__all__ = ["LOPSIDED", "DataFacts", "data_facts"]

LOPSIDED = 0.9
"""Share of the most frequent class from which accuracies say little: a network that always answers it has as much."""

_LISTED = 12
"""Classes that are listed one by one; of more, the fewest and the most images are said."""
_NAMED = 5
"""Classes that a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFacts:
    """Facts about a data set and its validation split, known before anything is trained."""

    name: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    """(C, H, W) of every image."""
    train: tuple[int, ...]
    """Images of each class to train on, those for validation included."""
    validation: tuple[int, ...] | None
    """Images of each class that are held out; None where nothing is."""
    test: tuple[int, ...]
    """Test images of each class; they are counted, not looked at."""
    constant: tuple[int, int]
    """Train and test images that have a single colour."""
    conversion: Conversion | None
    """How files became pixels; None for a published set in its own format."""
    notes: tuple[str, ...]
    """Statements about the files, among them what was not taken."""

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the facts in words, a line each, the warnings last."""
        held = "" if self.validation is None else f" ({sum(self.validation):,} of them for validation)"
        numbers = f"{counted(sum(self.train), 'train image')}{held}, {sum(self.test):,} for testing"
        converted = shape_text(self.shape) if self.conversion is None else self.conversion.text
        return (
            f"data {self.name}: {numbers}; {converted}",
            f"classes: {self._shares()}",
            *self.notes,
            *(f"warning: {text}" for text in self.warnings),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what may make scores misleading, in words."""
        found = []
        if self.validation is not None:
            left = [all_of - held for all_of, held in zip(self.train, self.validation, strict=True)]
            found += self._without(self.validation, "validation image", "hold out a larger share (validation: …)")
            found += self._without(left, "image left to train on", "hold out a smaller share (validation: …)")
        found += self._without(self.test, "test image", "its accuracy stays unknown")
        for number, kind in zip(self.constant, ("train", "test"), strict=True):
            if number:
                have = "has" if number == 1 else "have"
                found.append(f"{counted(number, f'{kind} image')} {have} a single colour; look at the files")
        share = max(self.train) / sum(self.train)
        if share >= LOPSIDED:
            name = self.classes[self.train.index(max(self.train))]
            found.append(
                f"{percent(share, 1)} % of the train images are of the class {name}: a network that always answers it "
                "has this accuracy, so accuracies say little; look at the accuracy of each class"
            )
        return tuple(found)

    def document(self) -> dict[str, Any]:
        """Return them as JSON holds them."""
        return {
            "name": self.name,
            "shape": list(self.shape),
            "classes": list(self.classes),
            "train": list(self.train),
            "validation": None if self.validation is None else list(self.validation),
            "test": list(self.test),
            "constant": {"train": self.constant[0], "test": self.constant[1]},
            "conversion": None if self.conversion is None else self.conversion.document(),
            "notes": list(self.notes),
            "warnings": list(self.warnings),
        }

    def _shares(self) -> str:
        total = sum(self.train)
        if min(self.train) == max(self.train):
            names = f" ({', '.join(self.classes)})" if len(self.classes) <= _LISTED else ""
            return f"{len(self.classes)}{names}, {counted(self.train[0], 'train image')} each"
        pairs = [
            f"{name} {number:,} ({percent(number / total, 1)} %)"
            for number, name in sorted(zip(self.train, self.classes, strict=True), key=lambda pair: -pair[0])
        ]
        if len(pairs) <= _LISTED:
            return f"{len(pairs)}, by train images: {', '.join(pairs)}"
        return f"{len(pairs)}, by train images from {pairs[0]} to {pairs[-1]}; median {median(self.train):,.0f}"

    def _without(self, numbers: Sequence[int], what: str, advice: str) -> list[str]:
        names = [name for name, number in zip(self.classes, numbers, strict=True) if not number]
        if not names:
            return []
        subject = f"the class {names[0]} has" if len(names) == 1 else f"{len(names)} classes have"
        named = "" if len(names) == 1 else f" ({some_of(names, _NAMED)})"
        return [f"{subject} no {what}{named}; add some, or {advice}"]


def data_facts(dataset: Dataset, *, validation: float | None = None, seed: int = 0) -> DataFacts:
    """Return the facts about a data set.

    Args:
        dataset: the data set.
        validation: share of the train images that is held out; None if nothing is.
        seed: seed of that split.

    Raises:
        DataError: the split would leave no images on one side.
    """
    classes = len(dataset.classes)
    held = None if validation is None else split_validation(dataset.train, fraction=validation, seed=seed)[1]
    return DataFacts(
        name=dataset.name,
        classes=dataset.classes,
        shape=dataset.shape,
        train=dataset.contents["train"].images,
        validation=None if held is None else _by_class(held, classes),
        test=dataset.contents["test"].images,
        constant=(dataset.contents["train"].constant, dataset.contents["test"].constant),
        conversion=dataset.conversion,
        notes=dataset.notes,
    )


def _by_class(images: Images, classes: int) -> tuple[int, ...]:
    return tuple(torch.bincount(images.labels, minlength=classes).tolist())
