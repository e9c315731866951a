"""Contents of one part of a data set, counted once while it is packed: digest, images per class, constant images."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

__all__ = ["PartContents", "Subset", "contents_of"]

Subset = Literal["train", "test"]
"""The two parts of a data set."""

_CHUNK = 4096
"""Images looked at together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartContents:
    """Contents of the train or of the test images."""

    digest: str
    """SHA-256 of shape, pixels and labels, as hexadecimal digits: the same on every machine, and for a folder of images
    whatever its files are called and whenever they were written."""
    images: tuple[int, ...]
    """Number of images of each class."""
    constant: int
    """Number of images that have a single colour."""

    def document(self) -> dict[str, Any]:
        """Return them as JSON holds them."""
        return {**asdict(self), "images": list(self.images)}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return what JSON holds."""
        return cls(digest=str(document["digest"]), images=tuple(document["images"]), constant=int(document["constant"]))


def contents_of(images: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64], classes: int) -> PartContents:
    """Return the contents of images.

    Args:
        images: uint8 (N, C, H, W), possibly mapped from a file.
        labels: int64 (N,), 0 <= label < *classes*.
        classes: number of classes.

    >>> contents_of(np.zeros((2, 1, 4, 4), np.uint8), np.array([0, 0]), classes=2).images
    (2, 0)
    """
    digest = hashlib.sha256(repr(images.shape).encode())
    constant = 0
    for start in range(0, len(images), _CHUNK):
        chunk = images[start : start + _CHUNK]
        digest.update(chunk.tobytes())
        planes = chunk.reshape(*chunk.shape[:2], -1)
        constant += int((planes.min(axis=2) == planes.max(axis=2)).all(axis=1).sum())
    digest.update(labels.astype("<i8").tobytes())
    counts = np.bincount(labels, minlength=classes)
    return PartContents(digest=digest.hexdigest(), images=tuple(counts.tolist()), constant=constant)
