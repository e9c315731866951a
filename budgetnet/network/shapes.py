"""Shapes after operations and joins, without torch; an impossible one is refused with the reason.

The texts say what does not fit; who knows where in a grammar the part stands adds the place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd
from typing import Literal, assert_never

from budgetnet.errors import ShapeError
from budgetnet.grammar.syntax import Join
from budgetnet.network import nodes
from budgetnet.network.nodes import Shape
from budgetnet.ops.base import describe_shape

__all__ = [
    "builtin_shape",
    "describe_shape",
    "joined_shape",
    "lowest_terms",
    "projection",
    "slice_shapes",
]


@lru_cache(maxsize=1 << 18)
def builtin_shape(node: nodes.Primitive, shape: Shape) -> Shape:
    """Return the shape after a built-in operation; answers are remembered.

    Raises:
        ShapeError: the operation cannot be applied to such an input (plain text, no place).
        CountError: it is a study's own primitive.
    """
    return node.output(shape)


def slice_shapes(shape: Shape, parts: int, shares: tuple[int, ...] = ()) -> tuple[Shape, ...]:
    """Return the shapes of the slices of a split.

    Args:
        shape: of the input.
        parts: number of slices.
        shares: their proportions; empty if they are equal.

    Raises:
        ShapeError: the channels cannot be cut so.
    """
    if not shares:
        if shape[0] % parts:
            raise ShapeError(f"{shape[0]} channels cannot be split into {parts} equal parts")
        return ((shape[0] // parts, *shape[1:]),) * parts
    unit, left = divmod(shape[0], sum(shares))
    if left:
        raise ShapeError(f"{shape[0]} channels cannot be split {':'.join(map(str, shares))}")
    return tuple((unit * share, *shape[1:]) for share in shares)


def lowest_terms(shares: Sequence[int]) -> tuple[int, ...]:
    """Return shares in lowest terms; none if they are equal.

    >>> lowest_terms((2, 6)), lowest_terms((2, 2))
    ((1, 3), ())
    """
    if len(set(shares)) <= 1:
        return ()
    common = gcd(*shares)
    return tuple(share // common for share in shares)


def joined_shape(join: Join, shapes: tuple[Shape, ...]) -> Shape:
    """Return the shape of several values joined.

    Args:
        join: ``"add"`` and ``"mean"`` need equal shapes, ``"concat"`` equal heights and widths, ``"mul"`` sides that
            are equal or 1: a factor of one pixel or one channel applies to all of them.
        shapes: at least one.

    Raises:
        ShapeError: they do not fit (plain text, no place).
    """
    first = shapes[0]
    match join:
        case "add" | "mean":
            if any(shape != first for shape in shapes):
                raise ShapeError(f"{join} needs equal shapes, but got {' and '.join(map(describe_shape, shapes))}")
            return first
        case "mul":
            if any(len(shape) != len(first) for shape in shapes) or len(first) == 1:
                fits = all(shape == first for shape in shapes)
            else:
                fits = all(len({*sides} - {1}) <= 1 for sides in zip(*shapes, strict=True))
            if not fits:
                raise ShapeError(
                    "mul needs equal shapes, or factors of one pixel or one channel, but got "
                    f"{' and '.join(map(describe_shape, shapes))}"
                )
            return tuple(map(max, zip(*shapes, strict=True)))
        case "concat":
            if any(shape[1:] != first[1:] for shape in shapes):
                raise ShapeError(
                    f"concat needs equal heights and widths, but got {' and '.join(map(describe_shape, shapes))}"
                )
            return (sum(shape[0] for shape in shapes), *first[1:])
        case _:
            assert_never(join)


def projection(entry: Shape, after: Shape, how: Literal["auto", "pad"]) -> nodes.Primitive:
    """Return what a residual sum puts on its shortcut where the shapes differ.

    Args:
        entry: shape of the shortcut's input.
        after: output shape of the body.
        how: ``"auto"``: a strided 1x1 convolution with batch norm and no activation, or a linear layer between
            vectors; ``"pad"``: strided positions and zero channels.

    Raises:
        ShapeError: no such projection leads from one shape to the other (plain text, no place).
    """
    if len(entry) == len(after) == 1 and how == "auto":
        return nodes.Linear(after[0])
    differ = f"the shortcut has {describe_shape(entry)}, the body gives {describe_shape(after)}"
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
