"""Hypothesis draws of single primitives that suit the shape they meet; see `tests.network.strategies`."""

from __future__ import annotations

from math import prod
from typing import Any

from hypothesis import strategies as st

from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Conv,
    DepthwiseConv,
    Dropout,
    GlobalAvgPool,
    GlobalMaxPool,
    Identity,
    Linear,
    MaxPool,
    Node,
    Norm,
    Pad,
    Scale,
    Shape,
    Shuffle,
    SqueezeExcite,
    Zero,
)
from budgetnet.ops.norm import AFFINE, NORMS, ResponseNorm
from budgetnet.ops.pointwise import ACTIVATIONS, DROPPED
from budgetnet.ops.tokens import Attention, Position, TakeFirst, TokenPool

__all__ = ["CHANNELS", "ORDERS", "Draw", "linear", "primitive_to", "strided", "window"]

CHANNELS = (2, 3, 4, 6, 8, 12, 16)
ORDERS = (
    "conv norm act drop",
    "conv act norm drop",
    "norm act conv drop",
    "norm act drop conv",
    "act conv norm drop",
    "drop conv norm act",
    "conv drop act norm",
)

Draw = Any
"""Hypothesis' draw function; its own type is generic in a way that a plain annotation cannot follow."""


def linear(draw: Draw) -> tuple[Node, Shape]:
    """A linear layer and the shape it leaves."""
    features = draw(st.sampled_from(CHANNELS))
    act, dropout = draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from([0.0, 0.2]))
    return Linear(features, bias=draw(st.booleans()), act=act, dropout=dropout), (features,)


def window(draw: Draw, shape: Shape) -> tuple[Node, Shape]:
    """A convolution or pooling with a numeric padding, any kernel that fits, any stride, square or not."""
    channels = shape[0]
    padding = (draw(st.integers(0, 2)), draw(st.integers(0, 2)))
    kernel = _each(lambda side, pad: draw(st.integers(max(1, 2 * pad), max(min(side, 5), 2 * pad))), shape[1:], padding)
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    if draw(st.booleans()):
        least = min(shape[1:])
        padding = (padding[0], padding[0])
        size = draw(st.integers(max(1, 2 * padding[0]), max(min(least, 5), 2 * padding[0])))
        kernel, stride = (size, size), (stride[0], stride[0])
    sides = _each(lambda side, pad: side + 2 * pad, shape[1:], padding)
    kind = draw(st.sampled_from(["conv", "dwconv", "maxpool", "avgpool"]))
    if kind in ("maxpool", "avgpool"):
        auto, ceil = draw(st.booleans()), draw(st.booleans())
        step = kernel if auto else stride
        left = _each(lambda side, size, by: (side - size + ceil * (by - 1)) // by + 1, sides, kernel, step)
        # a window that starts behind the image and its padding in front is left out
        left = _each(
            lambda count, by, side, pad: count - (ceil and (count - 1) * by >= side + pad),
            left, step, shape[1:], padding,
        )  # fmt: skip
        arguments = (_size(kernel), "auto" if auto else _size(step), _size(padding), ceil)
        pool = AvgPool(*arguments, draw(st.booleans())) if kind == "avgpool" else MaxPool(*arguments)
        return pool, (channels, *left)
    reach = _each(lambda side, size: (side - 1) // (size - 1) if size > 1 else 3, sides, kernel)
    dilation = (draw(st.integers(1, min(3, reach[0]))), draw(st.integers(1, min(3, reach[1]))))
    left = _each(lambda side, far, size, by: (side - far * (size - 1) - 1) // by + 1, sides, dilation, kernel, stride)
    geometry = {"stride": _size(stride), "dilation": _size(dilation), "padding": _size(padding)}
    if kind == "conv":
        out = draw(st.sampled_from(CHANNELS))
        after = (out, left[0], left[1])
        groups = draw(st.sampled_from(_common_divisors(channels, out)))
        return Conv(_size(kernel), out, groups=groups, **geometry, **_tail(draw, shape, after)), after
    multiplier = draw(st.integers(1, 2))
    after = (channels * multiplier, left[0], left[1])
    return DepthwiseConv(_size(kernel), multiplier=multiplier, **geometry, **_tail(draw, shape, after)), after


def _each(of: Any, *values: Any) -> Any:
    """A pair, computed for each axis."""
    return of(*(value[0] for value in values)), of(*(value[1] for value in values))


def _size(sides: tuple[int, int]) -> int | str:
    """A size as an operation has it."""
    return sides[0] if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def strided(shape: Shape, stride: int) -> Shape:
    """What a stride leaves of a shape where the padding is "same"."""
    return (shape[0], -(-shape[1] // stride), -(-shape[2] // stride))


def primitive_to(draw: Draw, shape: Shape, target: Shape, stride: int) -> Node:
    """Any primitive that turns *shape* into *target*, which is *stride* away."""
    channels, out = shape[0], target[0]
    kinds = ["conv", "conv"]
    if out % channels == 0:
        kinds.append("dwconv")
    if out >= channels:
        kinds.append("pad")
    if out == channels:
        kinds += ["maxpool", "avgpool", "zero"]
        if target[1:] == (1, 1):
            kinds += ["gap", "gmp", "first", "seqpool"]
        if stride == 1:
            kinds += ["norm", "act", "dropout", "se", "shuffle", "identity", "scale", "grn", "attention", "position"]
    kernel = draw(st.sampled_from([1, 3, 5, 2, 4, "1x3", "5x2", "3x1"]))
    match draw(st.sampled_from(kinds)):
        case "dwconv":
            dilation = draw(st.integers(1, 3))
            return DepthwiseConv(kernel, stride, dilation, out // channels, **_tail(draw, shape, target))
        case "pad":
            return Pad(out, stride)
        case "maxpool":
            return MaxPool(kernel, stride, "same")
        case "avgpool":
            even = any(int(side) % 2 == 0 for side in str(kernel).split("x"))
            return AvgPool(kernel, stride, "same", count_padding=even or draw(st.booleans()))
        case "zero":
            return Zero(stride)
        case "gap":
            return GlobalAvgPool()
        case "gmp":
            return GlobalMaxPool()
        case "norm":
            groups = [number for number in _common_divisors(channels, channels) if number < prod(shape)]
            kinds = [norm for norm in NORMS if groups or norm != "group"]
            kind = draw(st.sampled_from([norm for norm in kinds if shape[1:] != (1, 1) or norm != "instance"]))
            eps = draw(st.sampled_from([1e-5, 1e-3]))
            return Norm(kind, draw(st.sampled_from(groups or [8])), eps, draw(st.sampled_from(AFFINE)))
        case "act":
            kind = draw(st.sampled_from(ACTIVATIONS))
            return Act(kind, draw(st.sampled_from([0.01, 0.2])) if kind == "leaky_relu" else 0.01)
        case "dropout":
            return Dropout(draw(st.sampled_from([0.0, 0.1, 0.5])), draw(st.sampled_from(DROPPED)))
        case "se":
            act, gate = draw(st.sampled_from(ACTIVATIONS)), draw(st.sampled_from(["sigmoid", "hardsigmoid"]))
            return SqueezeExcite(draw(st.integers(1, min(4, channels))), act, gate)
        case "shuffle":
            return Shuffle(draw(st.sampled_from(_common_divisors(channels, channels))))
        case "identity":
            return Identity()
        case "grn":
            return ResponseNorm()
        case "attention":
            heads = draw(st.sampled_from([1, 2, 3]))
            width = draw(st.sampled_from(["auto", 6, 12]))
            if width == "auto" and channels % heads:
                heads = 1
            return Attention(heads, width, draw(st.booleans()), draw(st.booleans()))
        case "position":
            return Position(draw(st.sampled_from([0.0, 0.02])))
        case "first":
            return TakeFirst()
        case "seqpool":
            return TokenPool()
        case "scale":
            return Scale(draw(st.sampled_from([1.0, 0.1, -2.0])), draw(st.booleans()))
        case _:
            groups = draw(st.sampled_from(_common_divisors(channels, out)))
            tail = _tail(draw, shape, target)
            return Conv(kernel, out, stride, draw(st.integers(1, 3)), groups, "same", **tail)


def _tail(draw: Draw, before: Shape, after: Shape) -> dict[str, Any]:
    """Bias, norm, activation, dropout and order of a convolution that turns *before* into *after*."""
    order = draw(st.sampled_from(ORDERS))
    normed = before if order.index("norm") < order.index("conv") else after
    # PyTorch refuses to normalise a single value, which is what 1x1 positions leave of eight channels in eight groups.
    groups = draw(st.sampled_from([8, 2, 4]))
    norms = [norm for norm in NORMS if norm != "group" or (normed[0] % groups == 0 and prod(normed) > groups)]
    norms = [norm for norm in norms if norm != "instance" or prod(normed[1:]) > 1]
    norm, act = draw(st.sampled_from(norms)), draw(st.sampled_from(ACTIVATIONS))
    dropout = draw(st.sampled_from([0.0, 0.1]))
    words = [
        word
        for word in order.split()
        if (word != "norm" or norm != "none") and (word != "act" or act != "none") and (word != "drop" or dropout)
    ]
    return {
        "bias": draw(st.sampled_from(["auto", "true", "false"])),
        "norm": norm,
        "act": act,
        "dropout": dropout,
        "order": draw(st.sampled_from([order, " ".join(words)])),
        "norm_groups": groups,
        "norm_eps": draw(st.sampled_from([1e-5, 1e-3])),
        "norm_affine": draw(st.sampled_from(["true", "true", *AFFINE])),
    }


def _common_divisors(first: int, second: int) -> list[int]:
    return [number for number in range(1, first + 1) if first % number == 0 and second % number == 0]
