"""Labelled images as tensors: `Normalisation`, `Images`, `Dataset`.

Shape suffixes used in this room: N images, C channels, H height, W width, K classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from budgetnet.errors import DataError
from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.part_contents import PartContents, Subset

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Dataset", "Images", "Normalisation", "normalisation_of"]


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Mean and standard deviation per channel, for pixels scaled to 0..1.

    The default is a fixed grey level, not a property of any data, so images built in code cannot leak their
    statistics; `load` replaces it by the statistics of the data set's train images.
    """

    mean: tuple[float, ...] = (0.5,)
    """One value for all channels, or one per channel; pixels in 0..1."""

    std: tuple[float, ...] = (0.25,)
    """Same length as `mean`; positive."""

    def __post_init__(self) -> None:
        """Check lengths and signs."""
        if len(self.mean) != len(self.std) or not self.mean:
            raise DataError(
                f"a normalisation needs as many means as standard deviations, but got {len(self.mean)} and "
                f"{len(self.std)}; give one of each per channel"
            )
        if not all(value > 0 for value in self.std):
            raise DataError(
                f"standard deviations must be positive, but got {self.std}; a channel that is constant over all train "
                "images carries no information, so remove it, or use std 1 for it"
            )

    def apply(self, images_nchw: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Return uint8 pixels as normalised floats of *dtype*, channels-last, on the same device."""
        count, channels, height, width = images_nchw.shape
        scale, offset = _scale_and_offset(self, channels, width, images_nchw.device)
        # Channels are moved last while pixels are still bytes. A row of an image is then one contiguous vector of
        # width x channels values, and (x / 255 - mean) / std becomes one scale and one offset along it.
        bytes_rv = images_nchw.permute(0, 2, 3, 1).reshape(count * height, width * channels)
        floats_rv = bytes_rv.to(torch.float32).mul_(scale).add_(offset)
        return floats_rv.view(count, height, width, channels).permute(0, 3, 1, 2).to(dtype)


@functools.lru_cache(maxsize=64)
def _scale_and_offset(
    normalisation: Normalisation, channels: int, width: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Return a row's scale and offset, (width x channels,) each; cached, since each copy to a GPU would block it."""
    spread = 1 if len(normalisation.mean) > 1 else channels
    with torch.inference_mode(False):
        scale = torch.tensor([1.0 / (255.0 * std) for std in normalisation.std], device=device)
        offset = torch.tensor(
            [-mean / std for mean, std in zip(normalisation.mean, normalisation.std, strict=True)], device=device
        )
        return scale.repeat(spread * width), offset.repeat(spread * width)


@dataclass(frozen=True, init=False, eq=False)
class Images:
    """Images and their labels; a subset shares the pixels of the set it was taken from.

    ``Images(pixels, labels)`` holds N images. `take` selects some of them without copying pixels: the subset keeps
    the whole store and its own rows, so several worker processes can share one memory-mapped file.
    """

    store: Tensor
    """uint8 (M, C, H, W), the pixels 0..255 of all stored images, M >= N; possibly memory-mapped, never written."""

    labels: Tensor
    """int64 (N,), class indices of the images of this set."""

    rows: Tensor | None
    """int64 (N,), the store's row of each image; None when the set is the whole store."""

    normalisation: Normalisation
    """Normalisation of these pixels before they enter a network."""

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        rows: Tensor | None = None,
        normalisation: Normalisation | None = None,
    ) -> None:
        """Check types and sizes; see the fields.

        Raises:
            DataError: a tensor has the wrong type, or their shapes do not match.
        """
        if images.dtype != torch.uint8 or images.ndim != 4:
            raise DataError(
                "images must be a uint8 tensor of shape (N, C, H, W), but got "
                f"{str(images.dtype).removeprefix('torch.')} of shape {tuple(images.shape)}; "
                "convert pixels to 0..255 first"
            )
        count = len(images) if rows is None else len(rows)
        if labels.dtype != torch.int64 or labels.shape != (count,):
            raise DataError(
                f"labels must be an int64 tensor of shape ({count},), one per image, but got "
                f"{str(labels.dtype).removeprefix('torch.')} of shape {tuple(labels.shape)}"
            )
        object.__setattr__(self, "store", images)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "normalisation", normalisation or Normalisation())

    def __len__(self) -> int:
        """Return N."""
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of one image."""
        channels, height, width = self.store.shape[1:]
        return channels, height, width

    @property
    def images(self) -> Tensor:
        """uint8 (N, C, H, W): the pixels of this set; copied if the set is a subset of its store."""
        return self.store if self.rows is None else self.store[self.rows]

    def pixels(self, indices: Tensor) -> Tensor:
        """Return the uint8 pixels (n, C, H, W) of the images at *indices* (int64 (n,), 0 <= index < N)."""
        # index_select copies whole images; indexing with brackets copies pixel by pixel, at a third of the speed.
        return self.store.index_select(0, indices if self.rows is None else self.rows[indices])

    def take(self, indices: Tensor) -> Images:
        """Return the subset at *indices* (int64 (n,)), sharing this set's pixels."""
        rows = indices if self.rows is None else self.rows[indices]
        return Images(self.store, self.labels[indices], rows, self.normalisation)

    def to(self, device: torch.device) -> Images:
        """Return the set on *device*; a subset moves only its own pixels."""
        if self.store.device == device:
            return self
        return Images(self.images.to(device), self.labels.to(device), None, self.normalisation)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One data set: train images in memory (or memory-mapped); test images are opened by a call."""

    name: str
    """The known name, or the folder's path."""

    classes: tuple[str, ...]
    """Class names; the position is the label."""

    shape: tuple[int, int, int]
    """(C, H, W) of every image."""

    train: Images
    """All images that may be trained on or used for selection."""

    open_test: Callable[[], Images]
    """Opens the test images; use `test`."""

    contents: Mapping[Subset, PartContents]
    """Digest and numbers of the train and of the test images, as they were counted when they were packed."""

    conversion: Conversion | None = None
    """How files became these pixels; None for a published set in its own format."""

    notes: tuple[str, ...] = ()
    """Statements about the files that whoever trains on them should read: what was not taken."""

    @property
    def normalisation(self) -> Normalisation:
        """Mean and standard deviation of the train images."""
        return self.train.normalisation

    def test(self) -> Images:
        """Open and return the test images, normalised like the train images. Selection must not call this."""
        return self.open_test()


def normalisation_of(images: Iterable[Tensor]) -> Normalisation:
    """Return per-channel mean and standard deviation of uint8 image chunks (n, C, H, W), exactly.

    Sums are taken in integers, so the result does not depend on chunk size or order. A constant channel gets std 1.
    """
    count = 0
    total: Tensor | None = None
    squares: Tensor | None = None
    for chunk in images:
        values = chunk.to(torch.int64)
        sums = values.sum(dim=(0, 2, 3))
        square_sums = values.square_().sum(dim=(0, 2, 3))
        total = sums if total is None else total + sums
        squares = square_sums if squares is None else squares + square_sums
        count += chunk.shape[0] * chunk.shape[2] * chunk.shape[3]
    if total is None or squares is None or count == 0:
        raise DataError("statistics need at least one image, but got none; put images under train/")
    means = [int(value) / count for value in total]
    variances = [int(square) / count - mean * mean for square, mean in zip(squares, means, strict=True)]
    return Normalisation(
        mean=tuple(mean / 255.0 for mean in means),
        std=tuple(variance**0.5 / 255.0 if variance > 1e-9 else 1.0 for variance in variances),
    )
