"""Places of a tensor's values: which dimension holds channels, rows, columns, however it was permuted and reshaped.

The language knows images of channels, rows and columns alone. Torch code also has tokens ``(N, T, C)``, images with
the channels last, channels in groups, heads of attention. A `TensorView` says how each dimension of such a tensor is
made of the axes of a value of the language, so that permutations and reshapes need no layer of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from budgetnet.network.nodes import Shape

__all__ = [
    "BATCH",
    "Atom",
    "Dims",
    "LayoutError",
    "TensorView",
    "axes_in",
    "is_whole",
    "laid_plainly",
    "permuted",
    "reshaped",
    "take_part",
    "whole_axis",
]

BATCH = 2
"""Images in the traced batch; more than one, so that no dimension of one entry can be mistaken for it."""


class LayoutError(Exception):
    """The values of a tensor are mixed in a way that no axes describe."""


class Atom(NamedTuple):
    """A whole axis, or a part of one."""

    axis: str
    """``N`` (the batch), ``C`` (channels), ``H`` (rows) or ``W`` (columns)."""
    size: int
    stride: int = 1
    """Steps along the axis from one entry to the next: channels in two groups of 8 have the atoms 2 by 8 and 8 by 1."""


Dims = tuple[tuple[Atom, ...], ...]
"""Atoms of each dimension, outermost first; a dimension of one entry has none."""


@dataclass(frozen=True, slots=True)
class TensorView:
    """A tensor as a view of one value of the language."""

    value: int
    """Position of the value in the flow."""
    dims: Dims
    offset: int = 0
    """First channel, where it holds a slice of them."""
    merged_by: str = ""
    """The step of the trace that made rows and columns one dimension; empty if none did."""


def whole_axis(axis: str, size: int) -> tuple[Atom, ...]:
    """Return the atoms of a whole axis."""
    return (Atom(axis, size),) if size > 1 else ()


def laid_plainly(value: int, shape: Shape) -> TensorView:
    """Return a value as torch usually has it: ``(N, C, H, W)`` or ``(N, features)``."""
    axes = zip("CHW", shape, strict=False)  # a vector has channels alone
    return TensorView(value, (whole_axis("N", BATCH), *(whole_axis(axis, size) for axis, size in axes)))


def axes_in(atoms: Iterable[Atom]) -> str:
    """Return the axes that atoms belong to, each once, in order: ``"HW"``."""
    return "".join(dict.fromkeys(atom.axis for atom in atoms))


def is_whole(atoms: Sequence[Atom], size: int) -> bool:
    """Return whether atoms of one axis are all of it, in its order."""
    step = size
    for atom in atoms:
        if atom.stride * atom.size != step:
            return False
        step = atom.stride
    return step == 1


def permuted(laid: TensorView, order: Sequence[int]) -> TensorView:
    """Return the tensor with its dimensions in another order."""
    return replace(laid, dims=tuple(laid.dims[place] for place in order))


def reshaped(laid: TensorView, sizes: Sequence[int], step: str) -> TensorView:
    """Return the tensor read with other sizes; atoms are cut and put together, never mixed.

    Args:
        laid: the tensor.
        sizes: of the new dimensions, with at most one -1.
        step: the step of the trace that does it.

    Raises:
        LayoutError: the sizes cut across the axes.
    """
    left = [atom for atoms in laid.dims for atom in atoms]
    total, known = prod(atom.size for atom in left), prod(size for size in sizes if size != -1)
    wanted = [total // known if size == -1 else size for size in sizes]
    if prod(wanted) != total:
        raise LayoutError(f"{total} values cannot be read as {' x '.join(map(str, wanted))}")
    dims: list[tuple[Atom, ...]] = []
    merged = laid.merged_by
    for size in wanted:
        atoms: list[Atom] = []
        open_size = size
        while open_size > 1:
            atom = left.pop(0)
            if open_size % atom.size == 0:
                atoms.append(atom)
                open_size //= atom.size
            elif atom.size % open_size == 0:
                inner = atom.size // open_size
                atoms.append(Atom(atom.axis, open_size, atom.stride * inner))
                left.insert(0, Atom(atom.axis, inner, atom.stride))
                open_size = 1
            else:
                raise LayoutError(f"a dimension of {size} cuts across {atom.size} values of an axis")
        dims.append(tuple(_joined(atoms)))
        if "HW" in axes_in(dims[-1]):
            merged = step
    return replace(laid, dims=tuple(dims), merged_by=merged)


def _joined(atoms: list[Atom]) -> list[Atom]:
    """Put neighbours together that follow each other along their axis."""
    found: list[Atom] = []
    for atom in atoms:
        if found and found[-1].axis == atom.axis and found[-1].stride == atom.stride * atom.size:
            found[-1] = Atom(atom.axis, found[-1].size * atom.size, atom.stride)
        else:
            found.append(atom)
    return found


def take_part(laid: TensorView, dim: int, start: int, size: int) -> TensorView:
    """Return a slice of channels along a dimension.

    Raises:
        LayoutError: the dimension holds something else, or the slice cuts through a group of channels.
    """
    atoms = laid.dims[dim]
    total = prod(atom.size for atom in atoms)
    if (start, size) == (0, total):
        return laid
    if not atoms or axes_in(atoms) != "C":
        raise LayoutError("it takes a part of the rows, columns or images")
    first, inner = atoms[0], total // atoms[0].size
    if start % inner or size % inner:
        raise LayoutError("it cuts through a group of channels")
    kept = size // inner
    part = (Atom("C", kept, first.stride), *atoms[1:]) if kept > 1 else atoms[1:]
    dims = (*laid.dims[:dim], tuple(part), *laid.dims[dim + 1 :])
    return replace(laid, dims=dims, offset=laid.offset + start // inner * first.stride)
