"""Pooling, local and global, and its opposite."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Annotated, Any, ClassVar

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Extent, Operation, Shape, Spec, Step, differing, image, square
from budgetnet.ops.signature import AutoSides, Count, Flag, SidePadding, Sides, one_of
from budgetnet.ops.windows import WindowSizes, compact, padding_specs, size_text, window_sizes, windowed

__all__ = ["AvgPool", "GlobalAvgPool", "GlobalMaxPool", "MaxPool", "Upsample"]


@dataclass(frozen=True, slots=True)
class MaxPool(Operation):
    """``maxpool``."""

    word: ClassVar[str] = "maxpool"
    help: ClassVar[str] = "max pooling; stride=auto means the kernel's size; ceil=true rounds sizes up"

    kernel: Sides = 2
    stride: AutoSides = "auto"
    padding: SidePadding = 0
    ceil: Flag = False

    def output(self, shape: Shape) -> Shape:
        """Shrink the sides by PyTorch's arithmetic."""
        return _output(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, behind another for an odd number of positions to be added.

        That one repeats the last row and column: every window that holds a copy holds the original, too.
        """
        return (
            *padding_specs(_sizes(self).padding, shape, "nn.ReplicationPad2d"),
            _spec(self, "nn.MaxPool2d", shape),
        )

    def steps(self) -> tuple[Step, ...]:
        """One step; none for a window of a single position."""
        return _steps(self)

    def window(self) -> Extent:
        """Grow by the kernel."""
        return _sizes(self).window

    def short(self) -> str:
        """``maxpool``, ``maxpool3/2``."""
        return _short(self)


@dataclass(frozen=True, slots=True)
class AvgPool(Operation):
    """``avgpool``: padding counts as zeros (PyTorch's ``count_include_pad``) unless told otherwise."""

    word: ClassVar[str] = "avgpool"
    help: ClassVar[str] = (
        "average pooling; stride=auto means the kernel's size; ceil=true rounds sizes up; count_padding=false leaves "
        "padding out of the means, where it counts as zeros otherwise"
    )

    kernel: Sides = 2
    stride: AutoSides = "auto"
    padding: SidePadding = 0
    ceil: Flag = False
    count_padding: Flag = True

    def output(self, shape: Shape) -> Shape:
        """Shrink the sides by PyTorch's arithmetic."""
        if not self.count_padding and any(_sizes(self).padding.extra):
            raise ShapeError(
                f"padding same with the even kernel {self.kernel} counts as zeros; take an odd kernel, a number as "
                "padding, or count_padding=true"
            )
        return _output(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, behind another for an odd number of positions to be added."""
        after = _spec(self, "nn.AvgPool2d", shape)
        if not self.count_padding:
            after = after._replace(options=(*after.options, ("count_include_pad", False)))
        return (*padding_specs(_sizes(self).padding, shape, "nn.ZeroPad2d"), after)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for a window of a single position."""
        inside = not self.count_padding and any(_sizes(self).padding.total)
        return tuple(Step(f"{step.text} inside" if inside else step.text) for step in _steps(self))

    def window(self) -> Extent:
        """Grow by the kernel."""
        return _sizes(self).window

    def short(self) -> str:
        """``avgpool``, ``avgpool3/2``."""
        return _short(self)


@dataclass(frozen=True, slots=True)
class Upsample(Operation):
    """``upsample``: every position *factor* times along both axes, repeated or interpolated."""

    word: ClassVar[str] = "upsample"
    help: ClassVar[str] = "upsampling by a whole factor: positions repeated, or interpolated (mode=bilinear)"

    factor: Count = 2
    mode: Annotated[str, one_of("nearest", "bilinear")] = "nearest"

    def output(self, shape: Shape) -> Shape:
        """Multiply the sides."""
        channels, height, width = image(self, shape)
        return (channels, height * self.factor, width * self.factor)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer; fvcore counts 1 per value put out if they are repeated, and 4 if they are interpolated."""
        after = self.output(shape)
        options = (("scale_factor", self.factor), *differing(mode=(self.mode, "nearest")))
        return (Spec("nn.Upsample", after, (), options, flops=prod(after) * (1 if self.mode == "nearest" else 4)),)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for the factor 1."""
        return () if self.factor == 1 else (Step(f"upsample {self.factor} {self.mode}"),)

    def window(self) -> Extent:
        """Stand closer together; an interpolated value sees two neighbours."""
        return square(int(self.mode == "bilinear" and self.factor > 1), Fraction(1, self.factor))

    def short(self) -> str:
        """``upsample×2``."""
        return f"upsample×{self.factor}"


@dataclass(frozen=True, slots=True)
class GlobalAvgPool(Operation):
    """``gap``: output shape ``(channels, 1, 1)``."""

    word: ClassVar[str] = "gap"
    help: ClassVar[str] = "global average pooling to 1x1"

    def output(self, shape: Shape) -> Shape:
        """Leave one position."""
        return (image(self, shape)[0], 1, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("nn.AdaptiveAvgPool2d", self.output(shape), (1,), flops=prod(shape)),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("gap"),)

    def window(self) -> Extent:
        """See the whole image, which counts as nothing."""
        return square(0, 0)


@dataclass(frozen=True, slots=True)
class GlobalMaxPool(Operation):
    """``gmp``: output shape ``(channels, 1, 1)``."""

    word: ClassVar[str] = "gmp"
    help: ClassVar[str] = "global max pooling to 1x1"

    def output(self, shape: Shape) -> Shape:
        """Leave one position."""
        return (image(self, shape)[0], 1, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("nn.AdaptiveMaxPool2d", self.output(shape), (1,)),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("gmp"),)

    def window(self) -> Extent:
        """See the whole image, which counts as nothing."""
        return square(0, 0)


_Local = MaxPool | AvgPool


def _sizes(node: _Local) -> WindowSizes:
    """Return its sizes; the stride ``"auto"`` is the kernel's size."""
    return window_sizes(node.kernel, node.kernel if node.stride == "auto" else node.stride, node.padding)


def _output(node: _Local, shape: Shape) -> Shape:
    channels, sizes = image(node, shape)[0], _sizes(node)
    for side, size in zip(sizes.padding.sides, sizes.kernel, strict=True):
        if 2 * side > size:
            raise ShapeError(f"padding {side} is more than half of the pooling kernel {size}")
    return (channels, *windowed(shape, sizes, ceil=node.ceil))


def _spec(node: _Local, path: str, shape: Shape) -> Spec:
    sizes = _sizes(node)
    options: tuple[tuple[str, Any], ...] = ()
    if sizes.stride != sizes.kernel:
        options += (("stride", compact(sizes.stride)),)
    if sizes.padding.sides != (0, 0):
        options += (("padding", compact(sizes.padding.sides)),)
    if node.ceil:
        options += (("ceil_mode", True),)
    return Spec(path, node.output(shape), (sizes.size,), options)


def _steps(node: _Local) -> tuple[Step, ...]:
    sizes = _sizes(node)
    if (sizes.kernel, sizes.stride, sizes.padding.total) == ((1, 1), (1, 1), (0, 0)):
        return ()
    text = f"{node.word} {size_text(sizes.kernel)} {size_text(sizes.stride)} {sizes.padding.text()}"
    return (Step(f"{text} ceil" if node.ceil else text),)


def _short(node: _Local) -> str:
    if node.kernel == 2 and node.stride in ("auto", 2):
        return node.word
    return f"{node.word}{node.kernel}" + ("" if node.stride == "auto" else f"/{node.stride}")
