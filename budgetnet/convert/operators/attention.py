"""Attention and pooling over tokens."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from budgetnet.convert.flow import Mix, Slice, Weighing, Weight
from budgetnet.convert.layout import Atom, Dims, TensorView, axes_in, whole_axis
from budgetnet.convert.reading import Arguments, KeyProducts, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import Conv, Scale
from budgetnet.ops.tokens import TokenPool

__all__ = ["ATTENTION"]


def _attention(reading: TraceReading, a: Arguments) -> TensorView:
    if a["attn_mask"] is not None or a["is_causal"] or a["enable_gqa"]:
        raise Unsayable("attention with a mask; nearest: attention, between all positions")
    sides = [a["query"], a["key"], a["value"]]
    if any(not isinstance(side, TensorView) or len(side.dims) < 3 for side in sides):
        raise Unsayable("attention on something other than queries, keys and values; nearest: attention")
    return _mixed(reading, sides, a["scale"])


def _mixed(reading: TraceReading, sides: list[TensorView], scale: float | None) -> TensorView:
    """Put queries, keys and values that one value is projected to together."""
    found = [_Projected(reading, side) for side in sides]
    first = found[0]
    if any(other.entry != first.entry for other in found):
        raise Unsayable("attention between two values; nearest: attention, of one value with itself")
    if len({(other.heads, other.width, other.bias, other.rest) for other in found}) != 1:
        raise Unsayable("attention whose queries, keys and values differ in width; nearest: attention")
    if found[2].factor != 1:
        raise Unsayable("attention whose values are scaled; nearest: attention scale(…, learned=false)")
    per_head = first.width // first.heads
    usual = per_head**-0.5
    factor = found[0].factor * found[1].factor * (usual if scale is None else scale)
    if not math.isclose(factor, usual, rel_tol=1e-6):
        raise Unsayable(f"attention with the scale {factor:g}; nearest: attention, which has {usual:g}")
    weights = [
        _rows([side.weights[kind] for side in found], [side.rows for side in found])
        for kind in range(2 if first.bias else 1)
    ]
    value = reading.emit(Mix(first.heads, first.width, first.bias), (first.entry,), weights)
    heads = Atom("C", first.heads, per_head)
    *before, tokens, _ = sides[0].dims
    leading = tuple(tuple(heads if atom.axis == "C" else atom for atom in dim) for dim in before)
    wide = (Atom("C", per_head, 1),) if per_head > 1 else ()
    return TensorView(value, (*leading, tokens, wide), merged_by=sides[0].merged_by)


class _Projected:
    """Queries, keys or values: which rows of which linear layer they are."""

    def __init__(self, reading: TraceReading, view: TensorView) -> None:
        value = reading.flow.values[view.value]
        self.factor, offset = 1.0, view.offset
        while isinstance(value.made, Scale | Slice):
            if isinstance(value.made, Slice):
                offset += value.made.start
            elif not value.made.learned:
                self.factor *= value.made.init
            else:
                break
            value = reading.flow.values[value.inputs[0]]
        *before, tokens, last = view.dims
        leading = [atom for dim in before for atom in dim]
        heads = [atom for atom in leading if atom.axis == "C"]
        if (
            not is_plain_projection(value.made)
            or axes_in(leading).replace("C", "") != "N"
            or axes_in(tokens).strip("HW")
            or axes_in(last) not in ("", "C")
            or len(heads) > 1
            or len(last) > 1
        ):
            raise Unsayable("attention whose queries, keys and values are not linear in one value; nearest: attention")
        (self.entry,) = value.inputs
        self.weights = value.weights
        self.bias = len(value.weights) == 2
        self.rest = tokens
        self.heads = heads[0].size if heads else 1
        head_step = heads[0].stride if heads else 0
        size, step = (last[0].size, last[0].stride) if last else (1, 0)
        self.width = self.heads * size
        self.rows = [offset + head * head_step + place * step for head in range(self.heads) for place in range(size)]


def is_plain_projection(made: object) -> bool:
    """Return whether a value is made by a 1x1 convolution alone."""
    return isinstance(made, Conv) and (made.kernel, made.stride, made.groups, made.norm, made.act) == (
        1,
        1,
        1,
        "none",
        "none",
    )


def _rows(weights: list[Weight], rows: list[list[int]]) -> Weight:
    """Return rows of three linear layers, or of one, on top of each other."""
    names = tuple(name for weight in weights for name in weight.names)
    counts = [len(weight.names) for weight in weights]

    def make(*tensors: Tensor) -> Tensor:
        parts: list[Tensor] = []
        start = 0
        for weight, count, own in zip(weights, counts, rows, strict=True):
            whole = weight.make(*tensors[start : start + count])[own]
            parts.append(whole.flatten(1) if whole.dim() > 1 else whole)
            start += count
        return torch.cat(parts)

    return Weight(names, make)


# --- written out ------------------------------------------------------------------------------------


def _softmax(reading: TraceReading, a: Arguments) -> Any:
    entry = a["self"]
    if isinstance(entry, KeyProducts):
        if entry.weights or a["dim"] not in (-1, len(entry.queries.dims) - 1):
            raise Unsayable("a softmax over something other than keys; nearest: attention")
        return replace(entry, weights=True)
    value = reading.flow.values[entry.value]
    dim = entry.dims[a["dim"]]
    _, *sides = reading.shape_of(entry) if len(value.shape) == 3 else (0, 0, 0)
    whole = (*whole_axis("H", sides[0]), *whole_axis("W", sides[1]))
    if not is_plain_projection(value.made) or value.shape[0] != 1 or dim != whole or len(value.weights) != 2:
        raise Unsayable("a softmax of computed values; nearest: seqpool, attention, or scores without it at the end")
    weight, bias = value.weights
    weights = [reading.changed(weight, lambda tensor: tensor.flatten(1)), bias]
    return replace(entry, value=reading.emit(Weighing(), value.inputs, weights))


def _matmul(reading: TraceReading, a: Arguments) -> Any:
    one = a["self"]
    other = a["other"] if "other" in a else a["mat2"]
    if isinstance(one, KeyProducts) and isinstance(other, TensorView):
        if not one.weights:
            raise Unsayable("products of queries and keys without a softmax; nearest: attention")
        return _mixed(reading, [one.queries, one.keys, other], one.scale)
    if isinstance(one, TensorView) and isinstance(other, TensorView):
        for weights, tokens in ((one, other), (other, one)):
            if isinstance(reading.flow.values[weights.value].made, Weighing):
                return _pooled(reading, weights, tokens, first=weights is one)
        keys = replace(other, dims=(*other.dims[:-2], other.dims[-1], other.dims[-2]))
        if len(one.dims) == len(keys.dims) and axes_in(one.dims[-1]) in ("", "C") and one.dims[-2] == keys.dims[-2]:
            return KeyProducts(one, keys)
    raise Unsayable("a product of matrices that are both computed; nearest: attention, or a product by position")


def _pooled(reading: TraceReading, weights: TensorView, tokens: TensorView, *, first: bool) -> TensorView:
    """Read the product of tokens with weights that a softmax made of them: a mean."""
    made = reading.flow.values[weights.value]
    entry = reading.settled(tokens)
    rows, across = (0, 1) if first else (1, 0)
    summed = weights.dims[-1] if first else weights.dims[-2]
    kept = entry.dims[-1] if first else entry.dims[-2]
    facing = entry.dims[-2] if first else entry.dims[-1]
    own = whole_axis("C", reading.shape_of(entry)[0])
    if made.inputs != (entry.value,) or summed != facing or kept != own or len(entry.dims) != 3:
        raise Unsayable("a mean with computed weights; nearest: seqpool")
    value = reading.emit(TokenPool(), (entry.value,), made.weights)
    ends: Dims = ((), own) if (rows, across) == (0, 1) else (own, ())
    return TensorView(value, (entry.dims[0], *ends))


ATTENTION = {
    "scaled_dot_product_attention": _attention,
    "softmax": _softmax,
    "_softmax": _softmax,
    "matmul": _matmul,
    "bmm": _matmul,
}
"""By the operator's name."""
