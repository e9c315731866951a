"""TrivialAugment: one operation of random strength per image, on whole batches of bytes.

Operations, ranges, their 31 strengths and the arithmetic (Pillow's) are those of the authors' code: identity,
autocontrast, equalize, rotate, solarize, color, posterize, contrast, brightness, sharpness, shear x and y, translate x
and y; with nearest pixels, and black outside a moved image. Differences:

- A batch is divided randomly among the operations in groups of equal size, to within one image; the paper draws an
  operation for each image. Each image has the same probabilities, and the sizes of the groups are known in advance,
  so a GPU need not be synchronised.
- It is applied before flips and shifts, in the paper after them, and the recipe decides about cutout.
- Translations are shares of the side, so they scale with image sizes other than 32 pixels.

Source: S. G. Müller and F. Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation", ICCV 2021,
arXiv 2103.10158.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor, nn

__all__ = ["OPERATIONS", "SPACES", "Draw", "Space", "trivial_augment"]

LEVELS = 30
"""Strengths are whole numbers from 0 to this."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Space:
    """Largest strengths of the operations."""

    shear: float
    translate: float
    """Share of the side."""
    rotate: int
    """Degrees."""
    bits: int
    """Largest number of bits, of 8, that posterize removes."""
    least: float
    """Smallest factor of color, contrast, brightness and sharpness; 1 leaves the image as it is."""
    most: float
    """Largest factor."""


SPACES: dict[Literal["ra", "wide"], Space] = {
    "ra": Space(shear=0.3, translate=10 / 32, rotate=30, bits=4, least=0.1, most=1.9),
    "wide": Space(shear=0.99, translate=1.0, rotate=135, bits=6, least=0.01, most=2.0),
}


@dataclass(frozen=True, slots=True)
class Draw:
    """Random strength and direction for each image of a group."""

    level: Tensor
    """int64 (N,), 0..LEVELS."""
    sign: Tensor
    """int64 (N,), -1 or 1: the direction of rotations, shears and translations."""
    space: Space

    @property
    def factor(self) -> Tensor:
        """Factor of color, contrast, brightness and sharpness, (N, 1, 1, 1)."""
        share = self.level.view(-1, 1, 1, 1) / LEVELS
        return self.space.least + share * (self.space.most - self.space.least)


def trivial_augment(images_nchw: Tensor, space: Literal["ra", "wide"], generator: Generator) -> Tensor:
    """Apply one operation to each image.

    Args:
        images_nchw: uint8, not modified.
        space: Largest strengths, a key of `SPACES`.
        generator: On the images' device.
    """
    count, device = len(images_nchw), images_nchw.device
    order = torch.randperm(count, generator=generator, device=device)
    levels = torch.randint(0, LEVELS + 1, (count,), generator=generator, device=device)
    signs = torch.randint(0, 2, (count,), generator=generator, device=device) * 2 - 1
    shares = len(OPERATIONS)
    groups = zip(
        OPERATIONS.values(),
        images_nchw.index_select(0, order).tensor_split(shares),
        levels.tensor_split(shares),
        signs.tensor_split(shares),
        strict=True,
    )
    done = [
        operation(images, Draw(level, sign, SPACES[space])) for operation, images, level, sign in groups if len(images)
    ]
    return torch.empty_like(images_nchw).index_copy_(0, order, torch.cat(done))


def _identity(images: Tensor, _draw: Draw) -> Tensor:
    return images


def _autocontrast(images: Tensor, _draw: Draw) -> Tensor:
    """Stretch each channel to 0..255."""
    values = images.to(torch.int32)
    low, high = values.amin(dim=(2, 3), keepdim=True), values.amax(dim=(2, 3), keepdim=True)
    stretched = (values - low) * 255 // (high - low).clamp(min=1)
    return torch.where(high > low, stretched, values).to(torch.uint8)


def _equalize(images: Tensor, _draw: Draw) -> Tensor:
    """Flatten each channel's histogram as far as a table of 256 values can."""
    count, channels, height, width = images.shape
    values = images.reshape(count * channels, height * width).to(torch.int64)
    histogram = torch.zeros(count * channels, 256, dtype=torch.int64, device=images.device)
    histogram.scatter_add_(1, values, torch.ones_like(values))
    brightest = histogram.gather(1, values.amax(dim=1, keepdim=True))
    step = (height * width - brightest) // 255
    below = histogram.cumsum(1) - histogram
    table = ((step // 2 + below) // step.clamp(min=1)).clamp(max=255)
    mapped = torch.where(step > 0, table.gather(1, values), values)
    return mapped.view(images.shape).to(torch.uint8)


def _solarize(images: Tensor, draw: Draw) -> Tensor:
    """Invert bright pixels."""
    threshold = 256 - draw.level * 256 // LEVELS
    return torch.where(images < threshold.view(-1, 1, 1, 1), images, 255 - images)


def _posterize(images: Tensor, draw: Draw) -> Tensor:
    """Clear the lowest bits."""
    taken = draw.level * draw.space.bits // LEVELS
    mask = (256 - (1 << taken)).to(torch.uint8)
    return images & mask.view(-1, 1, 1, 1)


def _color(images: Tensor, draw: Draw) -> Tensor:
    return _blend(_grey(images).expand_as(images), images, draw)


def _contrast(images: Tensor, draw: Draw) -> Tensor:
    mean = _grey(images).mean(dim=(2, 3), keepdim=True, dtype=torch.float32)
    return _blend((mean + 0.5).floor(), images, draw)


def _brightness(images: Tensor, draw: Draw) -> Tensor:
    return _blend(torch.zeros((), device=images.device), images, draw)


def _sharpness(images: Tensor, draw: Draw) -> Tensor:
    """Blend with the smoothed image; border pixels have no smoothed value and stay unchanged."""
    if min(images.shape[2:]) < 3:
        return images
    channels = images.shape[1]
    kernel = torch.ones(channels, 1, 3, 3, device=images.device)
    kernel[:, :, 1, 1].fill_(5)  # in torch 2.11, assigning the number would copy it to the device each time
    smooth = images.to(torch.float32)
    # Sums of whole numbers are exact in float32, so rounding by adding a half is exact too.
    inner = nn.functional.conv2d(smooth, kernel, groups=channels)
    smooth[:, :, 1:-1, 1:-1] = (inner / 13 + 0.5).floor()
    return _blend(smooth, images, draw)


def _blend(plain: Tensor, images: Tensor, draw: Draw) -> Tensor:
    """Interpolate from *plain* (factor 0) to the image (1) and beyond; truncate to whole numbers, as Pillow does."""
    images_float, plain_float = images.to(torch.float32), plain.to(torch.float32)
    return (plain_float + draw.factor * (images_float - plain_float)).clamp_(0, 255).to(torch.uint8)


def _grey(images: Tensor) -> Tensor:
    """Return the brightness as Pillow computes it, (N, 1, H, W); without three channels, their mean."""
    values = images.to(torch.int32)
    if images.shape[1] != 3:
        return values.sum(dim=1, keepdim=True) // images.shape[1]
    red, green, blue = torch.split(values, 1, dim=1)
    grey: Tensor = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return grey


def _rotate(images: Tensor, draw: Draw) -> Tensor:
    degrees = draw.sign * (draw.level * draw.space.rotate // LEVELS)
    angle = (degrees * (math.pi / 180)).view(-1, 1, 1)
    rows, columns = _centres(images)
    middle_row, middle_column = images.shape[2] / 2, images.shape[3] / 2
    down, right = rows - middle_row, columns - middle_column
    return _taken(
        images,
        middle_row + torch.sin(angle) * right + torch.cos(angle) * down,
        middle_column + torch.cos(angle) * right - torch.sin(angle) * down,
    )


def _shear_x(images: Tensor, draw: Draw) -> Tensor:
    rows, columns = _centres(images)
    return _taken(images, rows, columns + _slope(draw) * rows)


def _shear_y(images: Tensor, draw: Draw) -> Tensor:
    rows, columns = _centres(images)
    return _taken(images, rows + _slope(draw) * columns, columns)


def _translate_x(images: Tensor, draw: Draw) -> Tensor:
    rows, columns = _centres(images)
    return _taken(images, rows, columns + _distance(draw, images.shape[3]))


def _translate_y(images: Tensor, draw: Draw) -> Tensor:
    rows, columns = _centres(images)
    return _taken(images, rows + _distance(draw, images.shape[2]), columns)


def _slope(draw: Draw) -> Tensor:
    return (draw.sign * draw.level * (draw.space.shear / LEVELS)).view(-1, 1, 1)


def _distance(draw: Draw, side: int) -> Tensor:
    return (draw.sign * (draw.level * int(draw.space.translate * side) // LEVELS)).view(-1, 1, 1)


def _centres(images: Tensor) -> tuple[Tensor, Tensor]:
    """Return rows (1, H, 1) and columns (1, 1, W) of the pixels' centres."""
    rows = torch.arange(images.shape[2], device=images.device) + 0.5
    columns = torch.arange(images.shape[3], device=images.device) + 0.5
    return rows.view(1, -1, 1), columns.view(1, 1, -1)


def _taken(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Fill every pixel from the one at a position, 0..height and 0..width, or with black if none is there.

    Args:
        images: (N, C, H, W).
        rows: Positions; broadcast with *columns* to (N, H, W).
        columns: The same.
    """
    count, channels, height, width = images.shape
    row, column = rows.floor().to(torch.int64), columns.floor().to(torch.int64)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    place = row.clamp(0, height - 1) * width + column.clamp(0, width - 1)
    places = place.expand(count, height, width).reshape(count, 1, -1).expand(count, channels, height * width)
    found = images.reshape(count, channels, -1).gather(2, places).view(images.shape)
    return found * inside.expand(count, height, width).unsqueeze(1)


OPERATIONS: dict[str, Callable[[Tensor, Draw], Tensor]] = {
    "identity": _identity,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
    "rotate": _rotate,
    "solarize": _solarize,
    "color": _color,
    "posterize": _posterize,
    "contrast": _contrast,
    "brightness": _brightness,
    "sharpness": _sharpness,
    "shear_x": _shear_x,
    "shear_y": _shear_y,
    "translate_x": _translate_x,
    "translate_y": _translate_y,
}
"""Operations by the paper's names; each maps uint8 images (N, C, H, W) to the same type and shape."""
