"""Turn a picture into the pixels that a network takes, as ``config.json`` says.

This file needs no budgetnet: folders of networks whose images were scaled carry it beside their ``verify.py``, which
applies it to a stored picture. It needs numpy and Pillow.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image, ImageOps

__all__ = ["convert_picture"]

_Array = np.ndarray[Any, Any]


def convert_picture(picture: _Array, told: Mapping[str, Any]) -> _Array:
    """Return pixels (C, H, W) between 0 and 1.

    Args:
        picture: a picture (H, W, 4) in RGBA, 8 bits.
        told: ``preprocessing`` of ``config.json``: background, colour, size, resampling, fit.
    """
    level = {"black": 0, "grey": 128, "white": 255}[told["background"] or "black"]
    layers = Image.fromarray(picture)
    image = Image.alpha_composite(Image.new("RGBA", layers.size, (level, level, level, 255)), layers).convert("RGB")
    image = image if told["colour"] == "RGB" else image.convert("L")
    height, width = told["size"]
    method = Image.Resampling[told["resampling"].upper()]
    if told["fit"] == "stretch":
        image = image.resize((width, height), method)
    elif told["fit"] == "pad":
        colour = level if image.mode == "L" else (level, level, level)
        image = ImageOps.pad(image, (width, height), method=method, color=colour)
    else:
        image = ImageOps.fit(image, (width, height), method=method)
    return np.asarray(image).reshape(height, width, -1).transpose(2, 0, 1) / 255
