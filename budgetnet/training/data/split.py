"""Splitting validation images from train images: stratified, seeded, the same in every process."""

from __future__ import annotations

import math

import numpy as np
import torch

from budgetnet.errors import DataError
from budgetnet.training.data.images import Images

__all__ = ["split_validation"]


def split_validation(
    images: Images, *, fraction: float | None = None, size: int | None = None, seed: int = 0
) -> tuple[Images, Images]:
    """Split *images* into train and validation, keeping each class's share.

    Args:
        images: Images to split; pixels are not copied.
        fraction: Share of validation images, 0 < fraction < 1. Give this or *size*.
        size: Number of validation images, 0 < size < N.
        seed: The same seed gives the same split on every machine (numpy's PCG64, whose stream is stable).

    Returns:
        (train, validation), disjoint, together all of *images*; each in the original order. Class counts in
        validation are proportional by largest remainder, so they differ from exact shares by less than one image.

    Raises:
        DataError: not exactly one of *fraction* and *size*, or one side would be empty.
    """
    count = len(images)
    if (fraction is None) == (size is None):
        raise DataError(
            f"a validation split needs either a fraction or a size, but got fraction={fraction} and size={size}"
        )
    if fraction is not None and not 0 < fraction < 1:
        raise DataError(f"the validation fraction must be above 0 and below 1, but got {fraction}; 0.1 is usual")
    wanted = size if size is not None else round(count * (fraction or 0.0))
    if not 0 < wanted < count:
        raise DataError(
            f"the validation split must leave at least one image on each side, but {wanted} of {count} images were "
            "asked for; choose another size"
        )
    labels = images.labels.cpu().numpy()
    generator = np.random.Generator(np.random.PCG64(seed))
    chosen: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for label, quota in _quotas(labels, wanted).items():
        members = np.flatnonzero(labels == label)
        chosen.append(generator.permutation(members)[:quota])
    selected = np.zeros(count, dtype=bool)
    selected[np.concatenate(chosen)] = True
    train, validation = np.flatnonzero(~selected), np.flatnonzero(selected)
    return images.take(torch.from_numpy(train)), images.take(torch.from_numpy(validation))


def _quotas(labels: np.ndarray[tuple[int, ...], np.dtype[np.int64]], wanted: int) -> dict[int, int]:
    """Return the number of images to choose from each class: proportional, rounded by largest remainder."""
    values, counts = np.unique(labels, return_counts=True)
    exact = {int(v): wanted * int(c) / len(labels) for v, c in zip(values, counts, strict=True)}
    quotas = {label: math.floor(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: (quotas[label] - exact[label], label))
    for label in by_remainder[: wanted - sum(quotas.values())]:
        quotas[label] += 1
    return quotas
