"""Identity of a data set: what scores depend on of its images, the same on every machine and in every folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from budgetnet.text import some_of
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.images import Dataset
from budgetnet.training.data.part_contents import PartContents

__all__ = ["DataIdentity", "data_identity"]

_NAMED = 6
"""Classes that a line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataIdentity:
    """Classes, conversion, and digest and numbers of the train and of the test images."""

    classes: tuple[str, ...]
    conversion: Mapping[str, Any] | None
    """As JSON holds it; None for a published set in its own format."""
    train: PartContents
    test: PartContents

    @property
    def digests(self) -> tuple[str, str]:
        """Digests of the train and of the test images."""
        return self.train.digest, self.test.digest

    def document(self) -> dict[str, Any]:
        """Return it as a study's settings hold it."""
        return {
            "classes": list(self.classes),
            "conversion": None if self.conversion is None else dict(self.conversion),
            "train": self.train.document(),
            "test": self.test.document(),
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return what a study's settings hold.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        return cls(
            classes=tuple(document["classes"]),
            conversion=document["conversion"],
            train=PartContents.of(document["train"]),
            test=PartContents.of(document["test"]),
        )

    def changes(self, now: DataIdentity) -> Iterator[str]:
        """Yield a line for each thing that is not the same in *now*."""
        if self.classes != now.classes:
            yield f"classes: {_exchanged(self.classes, now.classes)}"
        if self.conversion != now.conversion:
            yield f"conversion: {_converted(self.conversion)} → {_converted(now.conversion)}"
        for part in ("train", "test"):
            before, after = getattr(self, part), getattr(now, part)
            if before.digest == after.digest:
                continue
            old, new = (dict(zip(who.classes, its.images, strict=True)) for who, its in ((self, before), (now, after)))
            numbers = [
                f"{name} {old.get(name, 0):,} → {new.get(name, 0):,}"
                for name in dict.fromkeys((*old, *new))
                if old.get(name, 0) != new.get(name, 0)
            ]
            if numbers:
                total = f"{sum(before.images):,} → {sum(after.images):,}"
                yield f"{part} images: {total} ({some_of(numbers, _NAMED)})"
            else:
                yield (
                    f"{part} images: as many as before ({sum(after.images):,}), but other pixels, order or labels "
                    "(files were changed, or another version of Pillow decodes them)"
                )


def data_identity(dataset: Dataset) -> DataIdentity:
    """Return the identity of a data set that was loaded."""
    return DataIdentity(
        classes=dataset.classes,
        conversion=None if dataset.conversion is None else dataset.conversion.document(),
        train=dataset.contents["train"],
        test=dataset.contents["test"],
    )


def _exchanged(before: Sequence[str], now: Sequence[str]) -> str:
    added = [name for name in now if name not in before]
    removed = [name for name in before if name not in now]
    parts = [f"{what} {some_of(names, _NAMED)}" for what, names in (("added", added), ("removed", removed)) if names]
    return "; ".join(parts) or "another order"


def _converted(document: Mapping[str, Any] | None) -> str:
    return "the published format" if document is None else Conversion.of(document).text
