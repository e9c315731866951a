"""Windows that move over an image: sizes along both axes, padding, and the positions that they leave.

A size is one number for both axes, or a text such as ``1x7``: height, then width.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Extent, Shape, Spec

__all__ = [
    "Margin",
    "Pair",
    "WindowSizes",
    "compact",
    "padding_of",
    "padding_specs",
    "pair",
    "size_text",
    "window_sizes",
    "windowed",
]

Pair = tuple[int, int]
"""A number along the height and one along the width."""


def pair(size: int | str) -> Pair:
    """Return a size along both axes.

    >>> pair(3), pair("1x7")
    ((3, 3), (1, 7))
    """
    if isinstance(size, int):
        return size, size
    down, _, across = size.partition("x")
    return int(down), int(across)


def compact(sizes: Pair) -> int | Pair:
    """Return one number where both axes have the same."""
    return sizes[0] if sizes[0] == sizes[1] else sizes


def size_text(sizes: Pair) -> str:
    """Return sizes as a grammar has them: ``3``, ``1x7``."""
    return str(sizes[0]) if sizes[0] == sizes[1] else f"{sizes[0]}x{sizes[1]}"


class Margin(NamedTuple):
    """Positions added around an image."""

    sides: Pair
    """On each side: above and below, left and right."""
    extra: Pair = (0, 0)
    """One more below and on the right, where ``same`` needs an odd number."""

    @property
    def total(self) -> Pair:
        """All positions added along each axis."""
        return 2 * self.sides[0] + self.extra[0], 2 * self.sides[1] + self.extra[1]

    def text(self) -> str:
        """Return it for a normal form: ``1``, ``0x3``, ``0+1``."""
        return size_text(self.sides) + (f"+{size_text(self.extra)}" if any(self.extra) else "")


def padding_of(padding: int | str, kernel: Pair, dilation: Pair = (1, 1)) -> Margin:
    """Return the positions that are added; ``"same"`` keeps the size at stride 1.

    An even kernel needs an odd number of them; the extra one is below and on the right, as with PyTorch's
    ``padding="same"``.
    """
    if padding != "same":
        return Margin(pair(padding))
    down, across = (reach * (size - 1) for size, reach in zip(kernel, dilation, strict=True))
    return Margin((down // 2, across // 2), (down % 2, across % 2))


class WindowSizes(NamedTuple):
    """Sizes of a window along both axes, and what follows from them alone."""

    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: Margin
    size: int | Pair
    """The kernel as torch's layers take it."""
    window: Extent
    """How it grows what an output sees."""


@lru_cache(maxsize=1 << 12)
def window_sizes(kernel: int | str, stride: int | str, padding: int | str, dilation: int | str = 1) -> WindowSizes:
    """Work sizes out; a space has many convolutions and poolings, but few kernels and strides."""
    sizes, steps, gaps = pair(kernel), pair(stride), pair(dilation)
    window = ((sizes[0] - 1) * gaps[0], steps[0]), ((sizes[1] - 1) * gaps[1], steps[1])
    return WindowSizes(sizes, steps, gaps, padding_of(padding, sizes, gaps), compact(sizes), window)


def windowed(shape: Shape, sizes: WindowSizes, *, ceil: bool = False) -> Pair:
    """Return height and width after a window has moved over an image.

    Args:
        shape: of the image.
        sizes: of the window.
        ceil: round up, so that a last window may reach beyond the padding, but starts inside.

    Raises:
        ShapeError: the window is larger than the padded image.
    """
    kernel, stride, dilation, padding, *_ = sizes
    down, across = dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1
    added = padding.total
    height, width = shape[1] + added[0], shape[2] + added[1]
    if down > height or across > width:
        said = f"kernel {size_text(kernel)}"
        if dilation != (1, 1):
            said = f"{said} with dilation {size_text(dilation)} spans {size_text((down, across))} and"
        padded = "padded input" if any(added) else "input"
        raise ShapeError(f"{said} is larger than the {padded} {height}×{width}")
    if not ceil:
        return (height - down) // stride[0] + 1, (width - across) // stride[1] + 1
    before = padding.sides
    return (
        _rounded_up(height, down, stride[0], before[0]),
        _rounded_up(width, across, stride[1], before[1]),
    )


def _rounded_up(side: int, reach: int, step: int, padding: int) -> int:
    count = -(-(side - reach) // step) + 1
    return count - 1 if (count - 1) * step >= side - padding else count


def padding_specs(padding: Margin, shape: Shape, path: str) -> tuple[Spec, ...]:
    """Return the layer that adds the extra positions below and on the right; none where both sides get as many.

    Args:
        padding: around the image; the layer behind adds what is equal on both sides.
        shape: of the image.
        path: class of the layer, which takes the numbers left, right, above and below.
    """
    down, across = padding.extra
    if not down and not across:
        return ()
    return (Spec(path, (shape[0], shape[1] + down, shape[2] + across), ((0, across, 0, down),)),)
