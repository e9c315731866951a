"""How an image file becomes pixels, as one value: packing, records, exports and verification share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

__all__ = ["Background", "Conversion", "Fit", "Resampling"]

Fit = Literal["crop", "pad", "stretch"]
"""How an image of another shape comes to its size. crop: scaled until it covers the size, and cut at the centre. pad:
scaled until it fits, and the rest filled with the background. stretch: both sides scaled independently."""

Resampling = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
"""Pillow's filters for scaling."""

Background = Literal["black", "grey", "white"]
"""Colour behind transparent pixels and around padded images: level 0, 128 or 255 in every channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """How an image file becomes pixels.

    Files are turned upright by their Exif mark, the first of several frames is taken, 16-bit grey is divided by 257,
    and colour becomes grey by ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B).
    """

    size: tuple[int, int] | None
    """Height and width in pixels; None: images have one size already and are not scaled."""
    channels: Literal[1, 3]
    """1: grey. 3: RGB."""
    fit: Fit = "crop"
    resampling: Resampling = "bilinear"
    background: Background | None = None
    """None: images with transparent pixels are refused."""

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it. Fields that older versions did not have are left out at their default."""
        found: dict[str, Any] = {"size": None if self.size is None else list(self.size), "channels": self.channels}
        return found | self.choices()

    def choices(self) -> dict[str, Any]:
        """Return what differs from the conversion of older versions, which had no choice."""
        usual = Conversion(size=None, channels=3)
        return {
            name: getattr(self, name)
            for name in ("fit", "resampling", "background")
            if getattr(self, name) != getattr(usual, name)
        }

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """Return the conversion that JSON holds, also of an older version.

        >>> Conversion.of({"size": [12, 8], "channels": 1}).text
        '12×8 grey; scaled (bilinear) and cut at the centre'
        """
        size = document["size"]
        return cls(**{**document, "size": None if size is None else (size[0], size[1])})

    @property
    def text(self) -> str:
        """How an image becomes pixels, in words."""
        colour = "grey" if self.channels == 1 else "RGB"
        behind = f"transparent pixels on {self.background}" if self.background else ""
        if self.size is None:
            return "; ".join(part for part in (f"{colour}, not scaled", behind) if part)
        height, width = self.size
        how = {
            "crop": f"scaled ({self.resampling}) and cut at the centre",
            "pad": f"scaled ({self.resampling}) and padded with {self.background}",
            "stretch": f"stretched ({self.resampling})",
        }
        return "; ".join(part for part in (f"{height}×{width} {colour}", how[self.fit], behind) if part)
