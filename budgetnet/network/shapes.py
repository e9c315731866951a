"""Shapes after primitives and joins, without torch; an impossible one is refused with the reason.

The texts say what does not fit; who knows where in a grammar the part stands adds the place.
"""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Literal, assert_never

from budgetnet.errors import CountError, ShapeError
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.nodes import Shape

__all__ = [
    "builtin_shape",
    "joined_shape",
    "pool_stride",
    "projection",
    "shape_text",
    "slice_shape",
    "symmetric_padding",
]


def shape_text(shape: Shape) -> str:
    """Return ``"64×16×16"`` for an image, ``"10 features"`` for a vector."""
    return f"{shape[0]} features" if len(shape) == 1 else "×".join(map(str, shape))


@lru_cache(maxsize=1 << 18)
def builtin_shape(node: nodes.Primitive, shape: Shape) -> Shape:
    """Return the shape after a built-in primitive.

    Raises:
        ShapeError: the primitive cannot be applied to such an input (plain text, no place).
        CountError: it is a study's own primitive.
    """
    match node:
        case nodes.Linear():
            return (node.features,)
        case nodes.Act() | nodes.Dropout() | nodes.Identity():
            return shape
        case nodes.Norm(kind="none"):
            return shape
        case nodes.Custom():
            raise CountError(f"{node.name!r} has no closed form; count the network with fvcore or give it one")
        case _:
            return _image_shape(node, shape)


def _image_shape(
    node: nodes.Conv
    | nodes.DepthwiseConv
    | nodes.MaxPool
    | nodes.AvgPool
    | nodes.GlobalAvgPool
    | nodes.GlobalMaxPool
    | nodes.Norm
    | nodes.SqueezeExcite
    | nodes.Shuffle
    | nodes.Zero
    | nodes.Scale
    | nodes.Pad,
    shape: Shape,
) -> Shape:
    if len(shape) != 3:
        raise ShapeError(f"{_word(node)} needs an image, got {shape_text(shape)}; put it before linear")
    channels, height, width = shape
    match node:
        case nodes.Conv():
            if channels % node.groups or node.channels % node.groups:
                raise ShapeError(
                    f"groups={node.groups} must divide the {channels} channels that come in "
                    f"and the {node.channels} that go out"
                )
            return _convolved(node, shape, node.channels)
        case nodes.DepthwiseConv():
            return _convolved(node, shape, channels * node.multiplier)
        case nodes.MaxPool() | nodes.AvgPool():
            padding = symmetric_padding(node.padding, node.kernel)
            if 2 * padding > node.kernel:
                raise ShapeError(f"padding {padding} is more than half of the pooling kernel {node.kernel}")
            sides = _window(shape, node.kernel, pool_stride(node), padding)
            return (channels, *sides)
        case nodes.GlobalAvgPool() | nodes.GlobalMaxPool():
            return (channels, 1, 1)
        case nodes.Norm():
            _check_norm(node.kind, shape, node.groups)
            return shape
        case nodes.Shuffle():
            if channels % node.groups:
                raise ShapeError(f"{channels} channels cannot be shuffled between {node.groups} equal groups")
            return shape
        case nodes.SqueezeExcite() | nodes.Scale():
            return shape
        case nodes.Zero():
            return (channels, -(-height // node.stride), -(-width // node.stride))
        case nodes.Pad():
            if node.channels < channels:
                raise ShapeError(f"pad adds channels, it cannot turn {channels} into {node.channels}")
            return (node.channels, -(-height // node.stride), -(-width // node.stride))
        case _:
            assert_never(node)


def _word(node: nodes.Primitive) -> str:
    words = {"DepthwiseConv": "dwconv", "GlobalAvgPool": "gap", "GlobalMaxPool": "gmp", "SqueezeExcite": "se"}
    name = type(node).__name__
    return words.get(name, name.lower())


def symmetric_padding(padding: int | str, kernel: int, dilation: int = 1) -> int:
    """Return the positions added on each side; ``"same"`` keeps the size at stride 1.

    Raises:
        ShapeError: ``"same"`` with an even kernel, which would need unequal sides.
    """
    if not isinstance(padding, str):
        return padding
    if kernel % 2 == 0:
        raise ShapeError(f"padding same needs an odd kernel, got {kernel}; give padding a number")
    return dilation * (kernel - 1) // 2


def pool_stride(node: nodes.MaxPool | nodes.AvgPool) -> int:
    """Return the stride of a pooling; ``"auto"`` is the kernel's size."""
    return node.kernel if isinstance(node.stride, str) else node.stride


def _convolved(node: nodes.Conv | nodes.DepthwiseConv, shape: Shape, after: int) -> Shape:
    padding = symmetric_padding(node.padding, node.kernel, node.dilation)
    sides = _window(shape, node.kernel, node.stride, padding, node.dilation)
    order = node.order.split()
    if "norm" in order:
        _check_norm(node.norm, shape if order.index("norm") < order.index("conv") else (after, *sides))
    return (after, *sides)


def _window(shape: Shape, kernel: int, stride: int, padding: int, dilation: int = 1) -> tuple[int, int]:
    reach = dilation * (kernel - 1) + 1
    height, width = shape[1] + 2 * padding, shape[2] + 2 * padding
    if reach > height or reach > width:
        said = f"kernel {kernel}" if dilation == 1 else f"kernel {kernel} with dilation {dilation} spans {reach} and"
        padded = "padded input" if padding else "input"
        raise ShapeError(f"{said} is larger than the {padded} {height}×{width}")
    return (height - reach) // stride + 1, (width - reach) // stride + 1


def _check_norm(kind: str, shape: Shape, groups: int = 8) -> None:
    if kind != "group":
        return
    if shape[0] % groups:
        raise ShapeError(f"group norm needs channels in {groups} equal groups, got {shape[0]}")
    if prod(shape) == groups:  # PyTorch refuses it: the norm of one value is zero
        raise ShapeError(
            f"group norm needs more than one value in each of its {groups} groups, got {shape_text(shape)}"
        )


def slice_shape(shape: Shape, parts: int) -> Shape:
    """Return the shape of each of *parts* equal channel slices.

    Raises:
        ShapeError: the channels cannot be cut so.
    """
    if shape[0] % parts:
        raise ShapeError(f"{shape[0]} channels cannot be split into {parts} equal parts")
    return (shape[0] // parts, *shape[1:])


def joined_shape(join: Join, shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape of several values joined.

    Args:
        join: ``"add"`` and ``"mul"`` need equal shapes, ``"concat"`` equal heights and widths.
        shapes: at least one.

    Raises:
        ShapeError: they do not fit (plain text, no place).
    """
    first = shapes[0]
    match join:
        case "add" | "mul":
            if any(shape != first for shape in shapes):
                raise ShapeError(f"{join} needs equal shapes, got {' and '.join(map(shape_text, shapes))}")
            return first
        case "concat":
            if any(shape[1:] != first[1:] for shape in shapes):
                raise ShapeError(f"concat needs equal heights and widths, got {' and '.join(map(shape_text, shapes))}")
            return (sum(shape[0] for shape in shapes), *first[1:])
        case _:
            assert_never(join)


def projection(entry: Shape, after: Shape, how: Literal["auto", "pad"]) -> nodes.Primitive:
    """Return what a residual sum puts on its shortcut where the shapes differ.

    Args:
        entry: shape of the shortcut's input.
        after: shape that the body leaves.
        how: ``"auto"``: a strided 1x1 convolution with batch norm and no activation, or a linear layer between
            vectors; ``"pad"``: strided positions and zero channels.

    Raises:
        ShapeError: no such projection leads from one shape to the other (plain text, no place).
    """
    if len(entry) == len(after) == 1 and how == "auto":
        return nodes.Linear(after[0])
    differ = f"the shortcut brings {shape_text(entry)}, the body leaves {shape_text(after)}"
    stride = _stride(entry, after) if len(entry) == len(after) == 3 else None
    if stride is None:
        raise ShapeError(f"{differ}, and no stride leads from one to the other; state a projection: skip(…, project=…)")
    if how == "auto":
        return nodes.Conv(1, after[0], stride=stride, norm="batch", act="none")
    if after[0] < entry[0]:
        raise ShapeError(f"{differ}, and pad can only add channels; take project=auto")
    return nodes.Pad(after[0], stride=stride)


def _stride(entry: Shape, after: Shape) -> int | None:
    """The smallest stride with which both sides of an image shrink as wanted."""
    for stride in range(1, max(entry[1:]) + 1):
        if all(-(-before // stride) == left for before, left in zip(entry[1:], after[1:], strict=True)):
            return stride
    return None
