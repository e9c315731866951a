"""The images that a network got wrong, kept as one small PNG beside its weights: a report needs no data set then."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from PIL.Image import Image

__all__ = ["LARGEST", "image_png", "read_strip", "strip_place", "write_strip"]

LARGEST = 96
"""Longest side of a kept image, in pixels; larger images are scaled down."""


def strip_place(weights: Path) -> Path:
    """Return the file of a training's mistakes, beside its weights.

    >>> strip_place(Path("seed-0.safetensors")).name
    'seed-0.mistakes.png'
    """
    return weights.with_name(f"{weights.name.removesuffix('.safetensors')}.mistakes.png")


def write_strip(path: Path, images_nchw: npt.NDArray[np.uint8]) -> None:
    """Write images side by side into one PNG, whole or not at all.

    Args:
        path: the file.
        images_nchw: uint8 (N, C, H, W) with N >= 1 and 1 or 3 channels, pixels 0..255.
    """
    from PIL import Image

    tiles = [_scaled(_image(pixels)) for pixels in images_nchw]
    width, height = tiles[0].size
    strip = Image.new(tiles[0].mode, (width * len(tiles), height))
    for place, tile in enumerate(tiles):
        strip.paste(tile, (place * width, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        strip.save(partial, format="PNG", optimize=True)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_strip(path: Path, number: int) -> list[bytes] | None:
    """Return each of the *number* images of a strip as a PNG; None if there is no such file or it holds others."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as strip:
            strip.load()
            width, rest = divmod(strip.width, max(number, 1))
            if rest or not width:
                return None
            boxes = [(place * width, 0, (place + 1) * width, strip.height) for place in range(number)]
            return [_png(strip.crop(box)) for box in boxes]
    except (OSError, UnidentifiedImageError, ValueError):
        return None


def image_png(pixels_chw: npt.NDArray[np.uint8]) -> bytes:
    """Return an image, uint8 (C, H, W), as a PNG of at most `LARGEST` pixels a side."""
    return _png(_scaled(_image(pixels_chw)))


def _image(pixels_chw: npt.NDArray[np.uint8]) -> Image:
    from PIL import Image as Pillow

    channels = pixels_chw.shape[0]
    return Pillow.fromarray(pixels_chw[0]) if channels == 1 else Pillow.fromarray(pixels_chw.transpose(1, 2, 0).copy())


def _scaled(image: Image) -> Image:
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST))
    return image


def _png(image: Image) -> bytes:
    buffer = BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
