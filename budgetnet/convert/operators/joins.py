"""Sums, products and concatenations of values, with each other and with the module's tensors."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor

from budgetnet.convert.flow import Weight
from budgetnet.convert.layout import TensorView, axes_in, whole_axis
from budgetnet.convert.operators.views import dim_sizes
from budgetnet.convert.reading import Arguments, KeyProducts, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import Conv, Linear, MaxPool, Norm, Scale, Zero
from budgetnet.ops.tokens import Position, PrependToken

__all__ = ["JOINS"]


def _add(reading: TraceReading, a: Arguments) -> Any:
    one, other = a["self"], a["other"]
    if a.get("alpha", 1) != 1:
        other = _times(reading, other, float(a["alpha"]))
    return _sum(reading, one, other)


def _sub(reading: TraceReading, a: Arguments) -> Any:
    return _sum(reading, a["self"], _times(reading, a["other"], -float(a.get("alpha", 1))))


def _sum(reading: TraceReading, one: Any, other: Any) -> Any:
    if isinstance(one, TensorView) and isinstance(other, TensorView):
        first, second = reading.aligned(one, other)
        dims = tuple(a or b for a, b in zip(first.dims, second.dims, strict=True))
        joined = reading.emit("add", (first.value, second.value))
        return TensorView(joined, dims, merged_by=first.merged_by or second.merged_by)
    value, weight = (one, other) if isinstance(one, TensorView) else (other, one)
    if isinstance(weight, Weight):
        return _offset(reading, value, weight)
    if weight == 0:
        return value
    raise Unsayable(f"a sum with the constant {weight}; nearest: a bias, conv(…, bias=true)")


def _offset(reading: TraceReading, laid: TensorView, weight: Weight) -> TensorView:
    """Add a tensor of the module: learned positions, or the offset of a norm."""
    entry = reading.settled(laid)
    if not reading.is_learned(weight):
        raise Unsayable("a sum with a tensor that is not learned; nearest: position, which is")
    shape = reading.shape_of(entry)
    axes = _axes_met(reading, entry, weight)
    present = "".join(axis for axis, side in zip("CHW", shape, strict=False) if side > 1)
    if len(shape) == 3 and set(axes) == set(present) and present != "":
        moved = reading.changed(weight, _in_order(entry, shape))
        return replace(entry, value=reading.emit(Position(), (entry.value,), [moved]))
    before = reading.flow.values[entry.value]
    if set(axes) == {"C"} and isinstance(before.made, Norm) and before.made.affine == "false":
        tail = (1,) * (len(shape) - 1)
        learned = reading.changed(weight, lambda tensor: tensor.reshape(-1, *tail))
        made_norm = replace(before.made, affine="bias")
        value = reading.emit(made_norm, before.inputs, (*before.weights, learned))
        return replace(entry, value=value)
    raise Unsayable(
        f"a learned offset along {axes or 'nothing'} alone; nearest: position, which learns one for each position and "
        "channel, or norm(affine=bias)"
    )


def _axes_met(reading: TraceReading, entry: TensorView, weight: Weight) -> str:
    """Return the axes along which a tensor of the module has more than one entry."""
    sizes = _tail(reading.weight_value(weight), len(entry.dims))
    for size, dim in zip(sizes, entry.dims, strict=True):
        if size not in (1, prod(atom.size for atom in dim)) or (size > 1 and axes_in(dim) == "N"):
            raise Unsayable("a tensor of the module that is larger than the value it meets; nearest: position, scale")
    return axes_in(atom for size, dim in zip(sizes, entry.dims, strict=True) if size > 1 for atom in dim)


def _tail(tensor: Tensor, rank: int) -> list[int]:
    if tensor.dim() > rank:
        raise Unsayable("a tensor of the module with more dimensions than the value it meets")
    return [1] * (rank - tensor.dim()) + list(tensor.shape)


def _in_order(entry: TensorView, shape: tuple[int, ...]) -> Any:
    """Return a function that puts a tensor as large as a value into the value's own order."""
    atoms = [atom for dim in entry.dims[:] for atom in dim if atom.axis != "N"]
    order = sorted(range(len(atoms)), key=lambda place: ("CHW".index(atoms[place].axis), -atoms[place].stride))

    def change(tensor: Tensor) -> Tensor:
        return tensor.reshape([atom.size for atom in atoms] or [1]).permute(order or [0]).reshape(shape)

    return change


# --- products ---------------------------------------------------------------------------------------


def _mul(reading: TraceReading, a: Arguments) -> Any:
    one, other = a["self"], a["other"]
    if isinstance(one, TensorView) and isinstance(other, TensorView):
        first, second = _as_images(reading, one, other)
        first, second = reading.aligned(first, second)
        dims = tuple(a or b for a, b in zip(first.dims, second.dims, strict=True))
        joined = reading.emit("mul", (first.value, second.value))
        return TensorView(joined, dims, merged_by=first.merged_by or second.merged_by)
    if isinstance(one, KeyProducts) and isinstance(other, int | float) and not one.weights:
        return replace(one, scale=one.scale * other)
    value, weight = (one, other) if isinstance(one, TensorView) else (other, one)
    if isinstance(weight, Weight):
        return _scaled(reading, value, weight)
    return _times(reading, value, float(weight))


def _div(reading: TraceReading, a: Arguments) -> Any:
    divisor = a["other"]
    if isinstance(a["self"], KeyProducts) and isinstance(divisor, int | float) and not a["self"].weights:
        return replace(a["self"], scale=a["self"].scale / divisor)
    if isinstance(divisor, TensorView | Weight) or not divisor or a.get("rounding_mode"):
        raise Unsayable("a quotient of computed values; nearest: a product, parallel(…, join=mul)")
    return _times(reading, a["self"], 1 / float(divisor))


def _neg(reading: TraceReading, a: Arguments) -> Any:
    return _times(reading, a["self"], -1.0)


def _times(reading: TraceReading, value: Any, factor: float) -> Any:
    if isinstance(value, int | float):
        return value * factor
    if not isinstance(value, TensorView):
        raise Unsayable("a tensor of the module that is multiplied before it is used; nearest: scale")
    if factor == 1:
        return value
    if factor == 0:
        entry = reading.settled(value)
        before = reading.flow.values[entry.value]
        stride = before.made.stride if isinstance(before.made, MaxPool) and before.made.kernel == 1 else 1
        if isinstance(stride, int) and stride > 1:
            return replace(entry, value=reading.emit(Zero(stride), before.inputs))
        if isinstance(stride, str):  # rows, then columns
            (first,) = before.inputs
            rows = reading.flow.values[first].made
            if isinstance(rows, MaxPool) and rows.kernel == 1:
                step = int(stride.partition("x")[2])
                if rows.stride == f"{step}x1":
                    return replace(entry, value=reading.emit(Zero(step), reading.flow.values[first].inputs))
        return reading.pointwise(Zero(), entry)
    if not -10 <= factor <= 10:
        raise Unsayable(f"a product with {factor:g}; nearest: scale({10 if factor > 0 else -10}, learned=false)")
    return reading.pointwise(Scale(factor, learned=False), value)


def _scaled(reading: TraceReading, laid: TensorView, weight: Weight) -> Any:
    """Multiply by a tensor of the module."""
    constant = reading.constant(weight)
    if not reading.is_learned(weight):
        if constant is None:
            raise Unsayable("a product with a tensor that is not learned; nearest: scale, which is")
        return _times(reading, laid, constant)
    entry = reading.settled(laid)
    axes = _axes_met(reading, entry, weight)
    shape = reading.shape_of(entry)
    if axes != "C" and not (axes == "" and shape[0] == 1):
        raise Unsayable(
            f"a learned factor along {axes or 'nothing'}; nearest: scale, which learns one for each channel"
        )
    tail = (1,) * (len(shape) - 1)
    learned = reading.changed(weight, lambda tensor: tensor.reshape(-1, *tail))
    init = constant if constant is not None and -10 <= constant <= 10 else 1.0
    return reading.pointwise(Scale(init), entry, [learned])


def _as_images(reading: TraceReading, one: TensorView, other: TensorView) -> tuple[TensorView, TensorView]:
    """Read a vector of gates that meets an image as an image of one position."""
    ranks = [len(reading.shape_of(each)) for each in (one, other)]
    if ranks == [3, 1]:
        return one, _as_image(reading, other)
    if ranks == [1, 3]:
        return _as_image(reading, one), other
    return one, other


def _as_image(reading: TraceReading, laid: TensorView) -> TensorView:
    """Return a vector as an image of one position, its linear layers as convolutions.

    Raises:
        Unsayable: an image of several positions went into the vector.
    """
    values = reading.flow.values
    chain: list[int] = []
    at = laid.value
    while len(values[at].shape) == 1:
        chain.append(at)
        if len(values[at].inputs) != 1:
            raise Unsayable("a vector that is joined of several and meets an image; nearest: conv(1, …) behind gap")
        (at,) = values[at].inputs
    if values[at].shape[1:] != (1, 1):
        raise Unsayable("a vector of all positions that meets an image; nearest: gap conv(1, …)")
    for position in reversed(chain):
        made, weights = values[position].made, list(values[position].weights)
        assert made is not None
        if isinstance(made, Linear):
            bias = "auto" if made.bias else "false"
            weights[0] = reading.changed(weights[0], lambda tensor: tensor[:, :, None, None])
            made = Conv(1, made.features, norm="none", act="none", bias=bias)
        at = reading.emit(made, (at,), weights)
        values[at] = replace(values[at], modules=values[position].modules, operator=values[position].operator)
    return replace(laid, value=at)


# --- concatenations ---------------------------------------------------------------------------------


def _cat(reading: TraceReading, a: Arguments) -> TensorView:
    parts = list(a["tensors"])
    if len(parts) == 1 and isinstance(parts[0], TensorView):
        return parts[0]
    laid = [part for part in parts if isinstance(part, TensorView)]
    rank = len(laid[0].dims)
    dim = a.get("dim", 0) % rank
    if len(laid) < len(parts):
        return _class_token(reading, parts, dim)
    found = [reading.settled(part) for part in laid]
    for place, part in enumerate(found):
        others = [(one, own) for at, (one, own) in enumerate(zip(found[0].dims, part.dims, strict=True)) if at != dim]
        own = whole_axis("C", reading.shape_of(part)[0])
        if part.dims[dim] != own or any(one != other for one, other in others):
            raise Unsayable(
                f"a concatenation along dimension {dim} (part {place + 1}); nearest: join=concat, of channels"
            )
    value = reading.emit("concat", tuple(part.value for part in found))
    dims = found[0].dims
    return replace(
        found[0],
        value=value,
        dims=(*dims[:dim], whole_axis("C", reading.flow.values[value].shape[0]), *dims[dim + 1 :]),
    )


def _class_token(reading: TraceReading, parts: list[Any], dim: int) -> TensorView:
    """Put a learned token in front of the others."""
    nearest = "nearest: class_token, a learned token in front"
    if len(parts) != 2 or not isinstance(parts[0], Weight) or not isinstance(parts[1], TensorView):
        raise Unsayable(f"a concatenation with a tensor of the module; {nearest}")
    token, entry = parts[0], reading.settled(parts[1])
    channels, height, width = reading.shape_of(entry) if len(reading.shape_of(entry)) == 3 else (0, 0, 0)
    sizes = _tail(reading.weight_value(token), len(entry.dims))
    own = whole_axis("C", channels)
    if (
        not channels
        or entry.dims[dim] != (*whole_axis("H", height), *whole_axis("W", width))
        or not reading.is_learned(token)
        or sizes != [size if atoms == own else 1 for size, atoms in zip(dim_sizes(entry), entry.dims, strict=True)]
    ):
        raise Unsayable(f"a concatenation with a tensor of the module; {nearest}")
    learned = reading.changed(token, lambda tensor: tensor.reshape(1, -1, 1, 1))
    value = reading.emit(PrependToken(), (entry.value,), [learned])
    return TensorView(value, (*entry.dims[:dim], whole_axis("H", height * width + 1), *entry.dims[dim + 1 :]))


JOINS = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "cat": _cat,
    "concat": _cat,
}
"""By the operator's name."""
