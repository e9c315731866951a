"""The geometry of a convolution, and what follows from it for the way to compute it."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Geometry"]

WIDEST = 128
"""Channels of a merged group beyond which the extra arithmetic would outweigh the gain."""


class Geometry(NamedTuple):
    """Geometry of a convolution, the same along both axes."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    groups: int
    inputs: int
    """Channels of the image per group."""
    outputs: int
    """Filters per group."""

    @property
    def depthwise(self) -> bool:
        """True if every channel has its own single filter."""
        return self.groups > 1 and self.inputs == self.outputs == 1

    @property
    def skips(self) -> bool:
        """True if only single pixels are used and others are skipped."""
        return self.kernel == 1 and self.padding == 0 and self.stride > 1

    @property
    def mirrored_padding(self) -> int:
        """Padding of the convolution, with mirrored filters, that gives the image's gradient if the stride is 1."""
        return self.dilation * (self.kernel - 1) - self.padding

    @property
    def splits(self) -> bool:
        """True if it is dilated and equals a convolution without dilation of each of the image's phases."""
        return self.dilation > 1 and self.stride == 1 and 2 * self.padding == self.dilation * (self.kernel - 1) and (
            self.padding % self.dilation == 0
        )  # fmt: skip

    def together(self, width: int) -> int:
        """Number of groups to merge into one: the fewest that give *width* channels, or 1 if that needs too many."""
        divisors = (m for m in range(1, self.groups + 1) if self.groups % m == 0)
        count = next((m for m in divisors if m * min(self.inputs, self.outputs) >= width), self.groups)
        return count if count * max(self.inputs, self.outputs) <= WIDEST else 1

    def covered(self, height: int, width: int) -> bool:
        """Return whether the padding covers an image of this size, so that the filters' gradient is slow or wrong."""
        return self.may_cover and 2 * self.padding >= min(height, width)

    @property
    def may_cover(self) -> bool:
        """True if the padding covers images of some size."""
        return self.padding > 1 or (self.padding > 0 and self.stride > 1)
