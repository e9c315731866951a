"""Pooling, local and global."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Operation, Shape, Spec, Step, differing, image
from budgetnet.ops.conv import symmetric_padding, windowed
from budgetnet.ops.signature import AutoCount, Count, SidePadding

__all__ = ["AvgPool", "GlobalAvgPool", "GlobalMaxPool", "MaxPool"]


@dataclass(frozen=True, slots=True)
class MaxPool(Operation):
    """``maxpool``."""

    word: ClassVar[str] = "maxpool"
    help: ClassVar[str] = "max pooling; stride=auto means the kernel's size"

    kernel: Count = 2
    stride: AutoCount = "auto"
    padding: SidePadding = 0

    def output(self, shape: Shape) -> Shape:
        """Shrink the sides by PyTorch's arithmetic."""
        return _output(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (_spec(self, "nn.MaxPool2d", shape),)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for a window of a single position."""
        return _steps(self)

    def window(self) -> tuple[int, int]:
        """Grow by the kernel."""
        return self.kernel - 1, _stride(self)

    def short(self) -> str:
        """``maxpool``, ``maxpool3/2``."""
        return _short(self)


@dataclass(frozen=True, slots=True)
class AvgPool(Operation):
    """``avgpool``: padding counts as zeros (PyTorch's ``count_include_pad``)."""

    word: ClassVar[str] = "avgpool"
    help: ClassVar[str] = "average pooling (padding counts as zeros); stride=auto means the kernel's size"

    kernel: Count = 2
    stride: AutoCount = "auto"
    padding: SidePadding = 0

    def output(self, shape: Shape) -> Shape:
        """Shrink the sides by PyTorch's arithmetic."""
        return _output(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (_spec(self, "nn.AvgPool2d", shape),)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for a window of a single position."""
        return _steps(self)

    def window(self) -> tuple[int, int]:
        """Grow by the kernel."""
        return self.kernel - 1, _stride(self)

    def short(self) -> str:
        """``avgpool``, ``avgpool3/2``."""
        return _short(self)


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

    def window(self) -> tuple[int, int]:
        """See the whole image, which counts as nothing."""
        return 0, 0


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

    def window(self) -> tuple[int, int]:
        """See the whole image, which counts as nothing."""
        return 0, 0


_Local = MaxPool | AvgPool


def _output(node: _Local, shape: Shape) -> Shape:
    channels = image(node, shape)[0]
    padding = symmetric_padding(node.padding, node.kernel)
    if 2 * padding > node.kernel:
        raise ShapeError(f"padding {padding} is more than half of the pooling kernel {node.kernel}")
    return (channels, *windowed(shape, node.kernel, _stride(node), padding))


def _spec(node: _Local, path: str, shape: Shape) -> Spec:
    after = node.output(shape)
    padding = symmetric_padding(node.padding, node.kernel)
    options = differing(stride=(_stride(node), node.kernel), padding=(padding, 0))
    return Spec(path, after, (node.kernel,), options)


def _steps(node: _Local) -> tuple[Step, ...]:
    stride = _stride(node)
    padding = (node.kernel - 1) // 2 if isinstance(node.padding, str) else node.padding
    nothing = (node.kernel, stride, padding) == (1, 1, 0)
    return () if nothing else (Step(f"{node.word} {node.kernel} {stride} {padding}"),)


def _stride(node: _Local) -> int:
    """The stride; ``"auto"`` is the kernel's size."""
    return node.kernel if isinstance(node.stride, str) else node.stride


def _short(node: _Local) -> str:
    if node.kernel == 2 and node.stride in ("auto", 2):
        return node.word
    return f"{node.word}{node.kernel}" + ("" if node.stride == "auto" else f"/{node.stride}")
