"""The rows of one primitive (its leaf modules in the order they run) and what they cost.

Conventions are those of fvcore 0.1.5 (its ``nn/jit_handles.py``) on a network in eval mode, batch 1; one
multiply-add counts as one FLOP:

- convolution: output positions x output channels x kernel² x input channels / groups; linear: in x out;
  biases are free;
- batch norm: 2 per value; group norm and layer norm: 5 per value (all have factor and offset);
- global average pooling: 1 per value of its input;
- free: max and average pooling, global max pooling, activations, dropout, sums, products (so also the gates of
  squeeze-and-excitation and a learned scale), concatenation, slices, channel shuffle, zeros, zero padding.

Memory: see `budgetnet.network.cost.dag_cost`, which says what `Part.free` and `Part.kept` mean.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import NamedTuple, assert_never

from budgetnet.network import nodes
from budgetnet.network.nodes import Shape
from budgetnet.network.shapes import builtin_shape, pool_stride

__all__ = ["Part", "Row", "leaf", "rows"]


class Row(NamedTuple):
    """One leaf module."""

    name: str
    """Within the primitive's module; empty where the row is that module itself."""
    type: str
    output: Shape
    params: int = 0
    flops: int = 0
    weighted: bool = False
    """A convolution or linear layer: it counts for depth and activations."""
    in_place: bool = False
    """Works on its input's memory where nobody else needs that."""


class Part(NamedTuple):
    """What a part of a network does to one input; memory is counted in values, not bytes."""

    shape: Shape
    params: int
    flops: int
    activations: int
    free: int
    """Most values alive at once, input included, if nothing behind needs the input."""
    kept: int
    """The same, if the input must outlive the part."""
    depth: int
    growth: int
    """Positions of the input that one position of the output sees beyond the first."""
    stride: int
    """Positions of the input between two neighbours of the output; 0 after global pooling."""
    alias: bool
    """The output is the input itself: nothing is computed."""


_ACTIVATIONS = {
    "relu": "ReLU",
    "relu6": "ReLU6",
    "gelu": "GELU",
    "silu": "SiLU",
    "hardswish": "Hardswish",
    "leaky_relu": "LeakyReLU",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "hardsigmoid": "Hardsigmoid",
}


@lru_cache(maxsize=1 << 18)
def leaf(node: nodes.Primitive, shape: Shape) -> Part:
    """Return what a built-in primitive does to an input of *shape*.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    done = rows(node, shape)
    after = builtin_shape(node, shape)
    free, kept = _squeeze_memory(node, shape) if isinstance(node, nodes.SqueezeExcite) else _memory(done, shape)
    growth, stride = _sight(node)
    return Part(
        after,
        sum(row.params for row in done),
        sum(row.flops for row in done),
        sum(prod(row.output) for row in done if row.weighted),
        free,
        kept,
        sum(row.weighted for row in done),
        growth,
        stride,
        not done,
    )


@lru_cache(maxsize=1 << 16)
def rows(node: nodes.Primitive, shape: Shape) -> tuple[Row, ...]:
    """Return the leaf modules of a built-in primitive on an input of *shape*; none for what is switched off.

    Raises:
        ShapeError: it cannot be applied to such an input.
        CountError: it is a study's own primitive.
    """
    after = builtin_shape(node, shape)
    match node:
        case nodes.Conv():
            return _convolution(node, shape, after, node.groups)
        case nodes.DepthwiseConv():
            return _convolution(node, shape, after, shape[0])
        case nodes.Linear():
            products = prod(shape) * node.features
            linear = Row("", "Linear", after, products + node.bias * node.features, products, weighted=True)
            return (linear, *_act(node.act, after), *_dropout(node.dropout, after))
        case nodes.MaxPool():
            return (Row("", "MaxPool2d", after),)
        case nodes.AvgPool():
            return (Row("", "AvgPool2d", after),)
        case nodes.GlobalAvgPool():
            return (Row("", "AdaptiveAvgPool2d", after, flops=prod(shape)),)
        case nodes.GlobalMaxPool():
            return (Row("", "AdaptiveMaxPool2d", after),)
        case nodes.Norm():
            return _norm(node.kind, shape)
        case nodes.Act():
            return _act(node.kind, shape)
        case nodes.Dropout():
            return _dropout(node.rate, shape)
        case nodes.SqueezeExcite():
            return _squeeze(node, shape)
        case nodes.Shuffle():
            return (Row("", "ChannelShuffle", shape),)
        case nodes.Identity():
            return ()
        case nodes.Zero():
            return (Row("", "Zero", after),)
        case nodes.Scale():
            return (Row("", "ChannelScale", shape, params=shape[0], in_place=True),)
        case nodes.Pad():
            return (Row("", "ChannelPad", after),)
        case nodes.Custom():
            raise AssertionError("refused with its shape")
        case _:
            assert_never(node)


def _convolution(node: nodes.Conv | nodes.DepthwiseConv, shape: Shape, after: Shape, groups: int) -> tuple[Row, ...]:
    bias = node.norm == "none" if node.bias == "auto" else node.bias == "true"
    weights = node.kernel**2 * shape[0] // groups * after[0]
    conv = Row("", "Conv2d", after, weights + bias * after[0], weights * after[1] * after[2], weighted=True)
    found: list[Row] = []
    current = shape
    for word in node.order.split():
        match word:
            case "conv":
                found.append(conv)
                current = after
            case "norm":
                found += _norm(node.norm, current)
            case "act":
                found += _act(node.act, current)
            case _:
                found += _dropout(node.dropout, current)
    return tuple(found)


def _norm(kind: str, shape: Shape) -> tuple[Row, ...]:
    params, size = 2 * shape[0], prod(shape)
    match kind:
        case "batch":
            return (Row("", "BatchNorm2d", shape, params, 2 * size, in_place=True),)
        case "group":
            return (Row("", "GroupNorm", shape, params, 5 * size, in_place=True),)
        case "layer":
            return (Row("", "LayerNorm2d", shape, params, 5 * size, in_place=True),)
        case _:
            return ()


def _act(kind: str, shape: Shape, name: str = "") -> tuple[Row, ...]:
    return () if kind == "none" else (Row(name, _ACTIVATIONS[kind], shape, in_place=True),)


def _dropout(rate: float, shape: Shape) -> tuple[Row, ...]:
    return (Row("", "Dropout", shape, in_place=True),) if rate else ()


def _reduced(node: nodes.SqueezeExcite, channels: int) -> int:
    return max(1, channels // node.reduction)


def _squeeze(node: nodes.SqueezeExcite, shape: Shape) -> tuple[Row, ...]:
    channels = shape[0]
    reduced = _reduced(node, channels)
    small, wide = (reduced, 1, 1), (channels, 1, 1)
    products = channels * reduced
    return (
        Row("pool", "AdaptiveAvgPool2d", wide, flops=prod(shape)),
        Row("reduce", "Conv2d", small, products + reduced, products, weighted=True),
        *_act(node.act, small, "act"),
        Row("expand", "Conv2d", wide, products + channels, products, weighted=True),
        *_act(node.gate, wide, "gate"),
    )


def _memory(done: tuple[Row, ...], shape: Shape) -> tuple[int, int]:
    """`Part.free` and `Part.kept` of rows that run one after the other."""
    entry = prod(shape)
    free, kept = entry, entry
    before, first = entry, True
    for row in done:
        after = prod(row.output)
        free = max(free, before if row.in_place else before + after)
        # Where the input must last, the first row needs a copy of it even to work in place.
        kept = entry + after if first else max(kept, entry + (before if row.in_place else before + after))
        before, first = after, False
    return free, kept


def _squeeze_memory(node: nodes.SqueezeExcite, shape: Shape) -> tuple[int, int]:
    """The input lasts until the product, which takes its place, or a copy's if it must last longer."""
    entry, channels = prod(shape), shape[0]
    gates = entry + channels + _reduced(node, channels)
    return gates, max(gates, entry + channels + entry)


def _sight(node: nodes.Primitive) -> tuple[int, int]:
    """`Part.growth` and `Part.stride`."""
    match node:
        case nodes.Conv() | nodes.DepthwiseConv():
            return (node.kernel - 1) * node.dilation, node.stride
        case nodes.MaxPool() | nodes.AvgPool():
            return node.kernel - 1, pool_stride(node)
        case nodes.Zero() | nodes.Pad():
            return 0, node.stride
        case nodes.GlobalAvgPool() | nodes.GlobalMaxPool() | nodes.Linear():
            return 0, 0
        case _:
            return 0, 1
