"""Attention and pooling over tokens."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from budgetnet.convert.flow import Mix, Weight
from budgetnet.convert.layout import Atom, TensorView, axes_in
from budgetnet.convert.reading import Arguments, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import Conv

__all__ = ["ATTENTION"]


def _attention(reading: TraceReading, a: Arguments) -> TensorView:
    if a["attn_mask"] is not None or a["is_causal"] or a["enable_gqa"]:
        raise Unsayable("attention with a mask; nearest: attention, between all positions")
    sides = [a["query"], a["key"], a["value"]]
    if any(not isinstance(side, TensorView) or len(side.dims) not in (3, 4) for side in sides):
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
    per_head = first.width // first.heads
    if scale is not None and not math.isclose(scale, per_head**-0.5, rel_tol=1e-6):
        raise Unsayable(f"attention with the scale {scale:g}; nearest: attention, which has {per_head**-0.5:g}")
    weights = [
        _rows([side.weights[kind] for side in found], [side.rows for side in found])
        for kind in range(2 if first.bias else 1)
    ]
    value = reading.emit(Mix(first.heads, first.width, first.bias), (first.entry,), weights)
    heads, wide = (Atom("C", first.heads, per_head),), (Atom("C", per_head, 1),)
    batch, *_ = sides[0].dims
    tokens = sides[0].dims[-2]
    own_heads = heads if first.heads > 1 else ()
    dims = (batch, own_heads, tokens, wide if per_head > 1 else ())
    return TensorView(
        value, dims if len(sides[0].dims) == 4 else (batch, tokens, dims[3]), merged_by=sides[0].merged_by
    )


class _Projected:
    """Queries, keys or values: which rows of which linear layer they are."""

    def __init__(self, reading: TraceReading, laid: TensorView) -> None:
        value = reading.flow.values[laid.value]
        made = value.made
        plain = isinstance(made, Conv) and (made.kernel, made.stride, made.groups, made.norm, made.act) == (
            1,
            1,
            1,
            "none",
            "none",
        )
        heads, last = laid.dims[1] if len(laid.dims) == 4 else (), laid.dims[-1]
        if (
            not plain
            or axes_in(laid.dims[0]) != "N"
            or axes_in(laid.dims[-2]).strip("HW")
            or axes_in(heads) not in ("", "C")
            or axes_in(last) not in ("", "C")
            or len(heads) > 1
            or len(last) > 1
        ):
            raise Unsayable("attention whose queries, keys and values are not linear in one value; nearest: attention")
        (self.entry,) = value.inputs
        self.weights = value.weights
        self.bias = len(value.weights) == 2
        self.rest = laid.dims[-2]
        self.heads = heads[0].size if heads else 1
        head_step = heads[0].stride if heads else 0
        size, step = (last[0].size, last[0].stride) if last else (1, 0)
        self.width = self.heads * size
        self.rows = [
            laid.offset + head * head_step + place * step for head in range(self.heads) for place in range(size)
        ]


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


ATTENTION = {"scaled_dot_product_attention": _attention}
"""By the operator's name."""
