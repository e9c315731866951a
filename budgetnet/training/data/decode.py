"""One image file as pixels, by a `Conversion`; whatever is not converted on purpose is refused with the file's name."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from budgetnet.errors import DataError
from budgetnet.training.data.conversion import Background, Conversion

__all__ = ["LIMIT_PIXELS", "Decoded", "convert", "decode"]

LIMIT_PIXELS = 64_000_000
"""Most pixels of an image; decoding a larger one would take more memory than its size in the data set is worth."""
_LARGE = 8_000_000
"""Pixels from which one image at a time is decoded, so that the memory does not grow with the number of threads."""
_one_large = threading.Lock()

_PLAIN = ("1", "L", "P", "RGB", "CMYK", "YCbCr")
"""Pillow's modes that its own conversion turns into grey or RGB as anybody expects."""
_TRANSPARENT = ("RGBA", "LA", "PA")
_SIXTEEN_BIT = ("I;16", "I;16B", "I;16L", "I;16N")
_LEVELS: dict[Background, int] = {"black": 0, "grey": 128, "white": 255}


class Decoded(NamedTuple):
    """An image as pixels."""

    pixels: npt.NDArray[np.uint8]
    """uint8 (C, H, W)."""
    frames: int
    """Frames that the file holds; the first one was taken."""


def decode(path: Path, conversion: Conversion) -> Decoded:
    """Return one image file as pixels. Its size is looked at before it is decoded.

    Raises:
        DataError: it cannot be read, is too large, or has pixels whose meaning is not known.
    """
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > LIMIT_PIXELS:
                raise DataError(
                    f"an image must have at most {LIMIT_PIXELS:,} pixels, but {path} has {opened.height}x"
                    f"{opened.width}; scale it down first"
                )
            frames = int(getattr(opened, "n_frames", 1))
            if opened.width * opened.height < _LARGE:
                return Decoded(convert(opened, path, conversion), frames)
            with _one_large:
                return Decoded(convert(opened, path, conversion), frames)
    except DataError:
        raise
    except Exception as error:  # damaged files fail in as many ways as Pillow has plug-ins
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"the image {path} cannot be read ({reason}); replace it or remove it") from error


def convert(opened: Image.Image, path: Path, conversion: Conversion) -> npt.NDArray[np.uint8]:
    """Return the pixels, uint8 (C, H, W), of an opened image; *path* names it in errors.

    Raises:
        DataError: its pixels have no known meaning.
    """
    sixteen = opened.mode in _SIXTEEN_BIT or (opened.mode == "I" and opened.format == "PNG")
    image = ImageOps.exif_transpose(opened)
    image = _eight_bit(image) if sixteen else _opaque(image, path, conversion.background)
    image = image.convert("RGB" if conversion.channels == 3 else "L")
    pixels = np.asarray(_to_size(image, conversion), dtype=np.uint8)
    return pixels[np.newaxis] if conversion.channels == 1 else pixels.transpose(2, 0, 1)


def _eight_bit(image: Image.Image) -> Image.Image:
    """Scale 16-bit grey. Pillow's own conversion clips it at 255 instead."""
    return Image.fromarray(((np.asarray(image).astype(np.uint32) + 128) // 257).astype(np.uint8))


def _opaque(image: Image.Image, path: Path, background: Background | None) -> Image.Image:
    """Put transparent pixels on the background, and refuse what has no known colours.

    Raises:
        DataError: there are transparent pixels and no background, or the mode is not one that is converted.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        kind = "floating point" if image.mode == "F" else "32-bit"
        raise DataError(
            f"an image must have 8 or 16 bits a channel, but {path} has {kind} pixels, whose range is not known; "
            "convert it to 8 or 16 bits"
        )
    if image.mode not in (*_PLAIN, *_TRANSPARENT):
        raise DataError(
            f"an image must be grey, RGB, RGBA, CMYK, YCbCr or have a palette, but {path} is of the mode {image.mode}; "
            "convert it to RGB or grey"
        )
    if image.mode in _PLAIN and "transparency" not in image.info:
        return image
    layers = image.convert("RGBA")
    darkest = layers.getchannel("A").getextrema()[0]
    if darkest == 255:
        return image
    if background is None:
        raise DataError(
            f"an image must not have transparent pixels where the study gives no background, but {path} has some; "
            "write for example dataset: {images: …, background: white}"
        )
    level = _LEVELS[background]
    return Image.alpha_composite(Image.new("RGBA", layers.size, (level, level, level, 255)), layers).convert("RGB")


def _to_size(image: Image.Image, conversion: Conversion) -> Image.Image:
    """Scale an image as the conversion says."""
    if conversion.size is None:
        return image
    height, width = conversion.size
    method = Image.Resampling[conversion.resampling.upper()]
    match conversion.fit:
        case "crop":
            return ImageOps.fit(image, (width, height), method=method)
        case "stretch":
            return image.resize((width, height), method)
        case "pad":
            level = _LEVELS[conversion.background or "black"]
            colour = (level, level, level) if conversion.channels == 3 else level
            return ImageOps.pad(image, (width, height), method=method, color=colour)
