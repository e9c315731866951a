"""Convolutions, plain and depthwise, each with its norm, activation and dropout in a stated order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar

from budgetnet.errors import RequestError, ShapeError
from budgetnet.ops.base import Extent, Operation, Shape, Spec, Step, image
from budgetnet.ops.norm import PICKY, AffineName, NormName, NormOptions, check_norm, norm_specs, norm_steps
from budgetnet.ops.pointwise import ActName, act_specs, act_steps, dropout_specs, dropout_steps
from budgetnet.ops.signature import Count, Epsilon, Order, Rate, SidePadding, Sides, one_of
from budgetnet.ops.windows import WindowSizes, compact, padding_specs, size_text, window_sizes, windowed

__all__ = ["Conv", "DepthwiseConv"]

Bias = Annotated[str, one_of("auto", "true", "false")]


@dataclass(frozen=True, slots=True)
class Conv(Operation):
    """``conv``: 2-d convolution, then norm, activation and dropout in the stated order."""

    word: ClassVar[str] = "conv"
    help: ClassVar[str] = (
        "2-d convolution with norm, activation and dropout in the stated order; bias=auto: only without a norm"
    )

    kernel: Sides
    channels: Count
    stride: Sides = 1
    dilation: Sides = 1
    groups: Count = 1
    padding: SidePadding = "same"
    bias: Bias = "auto"
    norm: NormName = "batch"
    act: ActName = "relu"
    dropout: Rate = 0.0
    order: Order = "conv norm act drop"
    norm_groups: Count = 8
    norm_eps: Epsilon = 1e-5
    norm_affine: AffineName = "true"

    def output(self, shape: Shape) -> Shape:
        """Change the channels, and the sides by PyTorch's arithmetic."""
        channels = image(self, shape)[0]
        if channels % self.groups or self.channels % self.groups:
            raise ShapeError(
                f"groups={self.groups} must divide the {channels} channels that come in "
                f"and the {self.channels} that go out"
            )
        return _output(self, shape, self.channels)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """The convolution with what stands before and after it."""
        return _specs(self, shape, self.groups)

    def steps(self) -> tuple[Step, ...]:
        """The convolution with what stands before and after it."""
        return _steps(self, f"{self.channels}", f" {self.groups}")

    def window(self) -> Extent:
        """Grow by the dilated kernel."""
        return _sizes(self).window

    def problem(self) -> str | None:
        """Refuse a norm, activation or dropout that is set but missing from the order."""
        return _lost_part(self)

    def short(self) -> str:
        """``conv3-16/2d4g8``."""
        groups = f"g{self.groups}" if self.groups > 1 else ""
        return f"conv{self.kernel}-{self.channels}{_strides(self)}{groups}"


@dataclass(frozen=True, slots=True)
class DepthwiseConv(Operation):
    """``dwconv``: groups equal to the input's channels, ``multiplier`` outputs for each."""

    word: ClassVar[str] = "dwconv"
    help: ClassVar[str] = "depthwise convolution: one group per input channel, multiplier output channels for each"

    kernel: Sides
    stride: Sides = 1
    dilation: Sides = 1
    multiplier: Count = 1
    padding: SidePadding = "same"
    bias: Bias = "auto"
    norm: NormName = "batch"
    act: ActName = "relu"
    dropout: Rate = 0.0
    order: Order = "conv norm act drop"
    norm_groups: Count = 8
    norm_eps: Epsilon = 1e-5
    norm_affine: AffineName = "true"

    def output(self, shape: Shape) -> Shape:
        """Multiply the channels, and change the sides by PyTorch's arithmetic."""
        return _output(self, image(self, shape), shape[0] * self.multiplier)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """The convolution with what stands before and after it."""
        return _specs(self, shape, shape[0])

    def steps(self) -> tuple[Step, ...]:
        """The convolution with what stands before and after it."""
        return _steps(self, f"{self.multiplier}", "")

    def window(self) -> Extent:
        """Grow by the dilated kernel."""
        return _sizes(self).window

    def problem(self) -> str | None:
        """Refuse a norm, activation or dropout that is set but missing from the order."""
        return _lost_part(self)

    def short(self) -> str:
        """``dwconv3x2/2``."""
        wider = f"x{self.multiplier}" if self.multiplier > 1 else ""
        return f"dwconv{self.kernel}{wider}{_strides(self)}"


_Either = Conv | DepthwiseConv


def _sizes(node: _Either) -> WindowSizes:
    return window_sizes(node.kernel, node.stride, node.padding, node.dilation)


def _norm_options(node: _Either) -> NormOptions:
    return NormOptions(node.norm_groups, node.norm_eps, node.norm_affine)


def _output(node: _Either, shape: Shape, after: int) -> Shape:
    sides = windowed(shape, _sizes(node))
    if node.norm in PICKY:
        order = node.order.split()
        if "norm" in order:
            normed = shape if order.index("norm") < order.index("conv") else (after, *sides)
            check_norm(node.norm, normed, _norm_options(node))
    return (after, *sides)


def _specs(node: _Either, shape: Shape, groups: int) -> tuple[Spec, ...]:
    after, bias = node.output(shape), _has_bias(node)
    sizes = _sizes(node)
    down, across = sizes.kernel
    weights = down * across * shape[0] // groups * after[0]
    arguments, options = (shape[0], after[0], sizes.size), _options(sizes, groups, bias=bias)
    params, flops = weights + bias * after[0], weights * after[1] * after[2]
    found: list[Spec] = []
    current = shape
    for part in _order(node.order):
        match part:
            case "conv":
                found += padding_specs(sizes.padding, current, "nn.ZeroPad2d")
                found.append(Spec("nn.Conv2d", after, arguments, options, params, flops, weighted=True))
                current = after
            case "norm":
                found += norm_specs(node.norm, current, _norm_options(node))
            case "act":
                found += act_specs(node.act, current)
            case _:
                found += dropout_specs(node.dropout, current)
    return tuple(found)


def _options(sizes: WindowSizes, groups: int, *, bias: bool) -> tuple[tuple[str, Any], ...]:
    """Return the arguments of the torch layer that differ from its defaults, asked plainly: every count runs this."""
    found: tuple[tuple[str, Any], ...] = ()
    if sizes.stride != (1, 1):
        found += (("stride", compact(sizes.stride)),)
    if sizes.padding.sides != (0, 0):
        found += (("padding", compact(sizes.padding.sides)),)
    if sizes.dilation != (1, 1):
        found += (("dilation", compact(sizes.dilation)),)
    if groups != 1:
        found += (("groups", groups),)
    return found if bias else (*found, ("bias", False))


def _steps(node: _Either, width: str, groups: str) -> tuple[Step, ...]:
    kernel, _, dilation, padding, *_ = _sizes(node)
    reach = size_text((dilation[0] if kernel[0] > 1 else 1, dilation[1] if kernel[1] > 1 else 1))
    geometry = f"{size_text(kernel)} {width} {node.stride} {reach}{groups} {padding.text()}"
    found: list[Step] = []
    for part in _order(node.order):
        match part:
            case "conv":
                found.append(Step(f"{node.word} {geometry} {_has_bias(node)}", weighted=True))
            case "norm":
                found += norm_steps(node.norm, _norm_options(node))
            case "act":
                found += act_steps(node.act)
            case _:
                found += dropout_steps(node.dropout)
    return tuple(found)


def _has_bias(node: _Either) -> bool:
    return node.norm == "none" if node.bias == "auto" else node.bias == "true"


@lru_cache(maxsize=1 << 8)
def _order(order: str) -> tuple[str, ...]:
    parts = tuple(order.split())
    for part in parts:
        if part not in ("conv", "norm", "act", "drop"):
            raise RequestError(f"an order is made of conv, norm, act and drop, but got {part!r}")
    return parts


def _lost_part(node: _Either) -> str | None:
    """Say which norm, activation or dropout is set but missing from the order, so that it would silently vanish."""
    words = node.order.split()
    for part, name, absent in (("norm", "norm", "none"), ("act", "act", "none"), ("drop", "dropout", 0.0)):
        value = getattr(node, name)
        if part not in words and value != absent:
            return (
                f'{name}={value} is set but order="{node.order}" has no {part!r}; '
                f"add it to the order or set {name}={absent}"
            )
    return None


def _strides(node: _Either) -> str:
    return (f"/{node.stride}" if node.stride != 1 else "") + (f"d{node.dilation}" if node.dilation != 1 else "")
