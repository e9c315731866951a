"""Values that belong together put into one operation: a convolution with its norm and activation, gates, margins."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from budgetnet.convert.flow import MadeValue, Margins, ValueFlow, Weight
from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Conv,
    DepthwiseConv,
    Dropout,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Norm,
    Pad,
    SqueezeExcite,
)
from budgetnet.ops.pointwise import GATES
from budgetnet.ops.windows import Margin, padding_of, pair, size_text

__all__ = ["tidy"]


def tidy(flow: ValueFlow, result: int) -> tuple[ValueFlow, int]:
    """Return the same flow with fewer values, in an order in which they can be computed; dead ones are gone."""
    values = list(flow.values)
    for change in (_merge_margins, _merge_strides, _shorten_concats, _gather_sums, _fuse, _gates):
        values, result = _live(values, result)
        values, result = change(values, result)
    values, result = _live(values, result)
    return ValueFlow(values, flow.left_out), result


def _live(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Drop what the result does not depend on."""
    kept = {result, 0}
    for position in range(result, -1, -1):
        if position in kept:
            kept.update(values[position].inputs)
    order = sorted(kept)
    place = {position: at for at, position in enumerate(order)}
    return [
        replace(values[position], inputs=tuple(place[entry] for entry in values[position].inputs)) for position in order
    ], place[result]


def _uses(values: list[MadeValue], result: int) -> list[int]:
    counts = [0] * len(values)
    for value in values:
        for entry in value.inputs:
            counts[entry] += 1
    counts[result] += 1
    return counts


# --- margins and strides ----------------------------------------------------------------------------


def _merge_margins(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Give margins of zeros to the convolution or average pooling behind."""
    found = list(values)
    for at, value in enumerate(found):
        made = value.made
        if not isinstance(made, Conv | DepthwiseConv | AvgPool) or not value.inputs:
            continue
        before = found[value.inputs[0]]
        margins = before.made
        if not isinstance(margins, Margins):
            continue
        dilation = (1, 1) if isinstance(made, AvgPool) else pair(made.dilation)
        own = padding_of(made.padding, pair(made.kernel), dilation)
        if any(own.total) and isinstance(made, AvgPool) and not made.count_padding:
            continue
        padding = _padding(margins, own, made.kernel, dilation)
        if padding is not None:
            found[at] = replace(value, made=replace(made, padding=padding), inputs=before.inputs)
    return found, result


def _padding(margins: Margins, own: Margin, kernel: int | str, dilation: tuple[int, int]) -> int | str | None:
    """Return the padding that adds margins and a layer's own; None if the language has none."""
    if any(own.extra):
        return None
    down, across = own.sides
    sides = (margins.above + down, margins.left + across)
    extra = (margins.below - margins.above, margins.right - margins.left)
    usual = padding_of("same", pair(kernel), dilation)
    if (usual.sides, usual.extra) == (sides, extra):
        return "same"
    if extra != (0, 0):
        return None
    text = size_text(sides)
    return int(text) if text.isdecimal() else text


def _merge_strides(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Take every n-th row and every n-th column in one step, and with the channels that are added behind."""
    counts = _uses(values, result)
    found = list(values)
    for at, value in enumerate(found):
        made = value.made
        if not value.inputs or counts[value.inputs[0]] != 1:
            continue
        before = found[value.inputs[0]]
        if not isinstance(before.made, MaxPool) or before.made.kernel != 1:
            continue
        down, across = pair(before.made.stride)
        if isinstance(made, MaxPool) and made.kernel == 1 and not made.padding:
            more_down, more_across = pair(made.stride)
            text = size_text((down * more_down, across * more_across))
            stride: int | str = int(text) if text.isdecimal() else text
            found[at] = replace(value, made=MaxPool(1, stride), inputs=before.inputs)
        elif isinstance(made, Pad) and made.stride == 1 and down == across:
            found[at] = replace(value, made=Pad(made.channels, down), inputs=before.inputs)
    return found, result


# --- joins ------------------------------------------------------------------------------------------


def _shorten_concats(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Let a concatenation begin with an earlier one where its first parts are the same, as in DenseNet."""
    found = list(values)
    known: dict[tuple[int, ...], int] = {}
    for at, value in enumerate(values):
        if value.made != "concat":
            continue
        parts = value.inputs
        known.setdefault(parts, at)
        for length in range(len(parts) - 1, 1, -1):
            if parts[:length] in known:
                found[at] = replace(value, inputs=(known[parts[:length]], *parts[length:]))
                break
    return found, result


def _gather_sums(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Make one sum of sums that are used once, and one concatenation of concatenations."""
    counts = _uses(values, result)
    found = list(values)
    for at, value in enumerate(found):
        if value.made not in ("add", "concat"):
            continue
        parts: list[int] = []
        for entry in value.inputs:
            inner = found[entry]
            alike = inner.made == value.made and counts[entry] == 1 and inner.modules == value.modules
            parts.extend(inner.inputs if alike else (entry,))
        found[at] = replace(value, inputs=tuple(parts))
    return found, result


# --- one operation ----------------------------------------------------------------------------------


def _fuse(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Put norms, activations and dropout into the convolution or linear layer in front of them."""
    counts = _uses(values, result)
    found = list(values)
    moved: dict[int, int] = {}
    """Values that became a part of the one in front, and that one."""
    for at, value in enumerate(found):
        value = replace(value, inputs=tuple(moved.get(entry, entry) for entry in value.inputs))
        found[at] = value
        if len(value.inputs) != 1:
            continue
        (entry,) = value.inputs
        original = values[at].inputs[0]
        host = _hosting(found[entry], value) if counts[original] == 1 else None
        if host is not None:
            found[entry] = host
            moved[at] = entry
    return found, moved.get(result, result)


def _hosting(host: MadeValue, guest: MadeValue) -> MadeValue | None:
    """Return a layer with what stands behind it inside; None if it has no room for it."""
    layer, part = host.made, guest.made
    if isinstance(layer, Linear):
        if isinstance(part, Act) and part.slope == 0.01 and layer.act == "none" and not layer.dropout:
            return _grown(host, guest, replace(layer, act=part.kind))
        if isinstance(part, Dropout) and part.of == "values" and not layer.dropout:
            return _grown(host, guest, replace(layer, dropout=part.rate))
        return None
    if not isinstance(layer, Conv | DepthwiseConv):
        return None
    order = _present(layer)
    if isinstance(part, Norm) and layer.norm == "none":
        changed = replace(
            layer,
            norm=part.kind,
            norm_groups=part.groups,
            norm_eps=part.eps,
            norm_affine=part.affine,
            bias="true" if layer.bias == "auto" else "auto",
        )
        order.append("norm")
    elif isinstance(part, Act) and part.slope == 0.01 and layer.act == "none":
        changed = replace(layer, act=part.kind)
        order.append("act")
    elif isinstance(part, Dropout) and part.of == "values" and not layer.dropout:
        changed = replace(layer, dropout=part.rate)
        order.append("drop")
    else:
        return None
    return _grown(host, guest, replace(changed, order=_order(order)))


def _grown(host: MadeValue, guest: MadeValue, made: Conv | DepthwiseConv | Linear) -> MadeValue:
    common = [one for one, other in zip(host.modules, guest.modules, strict=False) if one == other]
    return replace(
        host, made=made, weights=(*host.weights, *guest.weights), modules=tuple(common), operator=host.operator
    )


def _present(layer: Conv | DepthwiseConv) -> list[str]:
    """Return what a layer consists of, in order."""
    there = {"conv": True, "norm": layer.norm != "none", "act": layer.act != "none", "drop": bool(layer.dropout)}
    return [part for part in layer.order.split() if there[part]]


def _order(parts: list[str]) -> str:
    """Return an order of four parts that keeps the order of those that are there; the usual one if it does."""
    usual = ["conv", "norm", "act", "drop"]
    places = [usual.index(part) for part in parts]
    if all(one < other for one, other in pairwise(places)):
        return " ".join(usual)
    return " ".join(parts)


def _gates(values: list[MadeValue], result: int) -> tuple[list[MadeValue], int]:
    """Find squeeze-and-excitation: a product of a value with gates made of its own mean."""
    found = list(values)
    counts = _uses(values, result)
    for at, value in enumerate(values):
        if value.made != "mul" or len(value.inputs) != 2:
            continue
        for x, gate in (value.inputs, value.inputs[::-1]):
            squeezed = _squeeze(values, counts, x, gate)
            if squeezed is not None:
                made, weights = squeezed
                found[at] = replace(value, made=made, inputs=(x,), weights=weights)
                break
    return found, result


def _squeeze(
    values: list[MadeValue], counts: list[int], x: int, gate: int
) -> tuple[SqueezeExcite, tuple[Weight, ...]] | None:
    expand = values[gate]
    if not _is_one_by_one(expand) or counts[gate] != 1:
        return None
    reduce = values[expand.inputs[0]]
    if not _is_one_by_one(reduce) or counts[expand.inputs[0]] != 1:
        return None
    pool = values[reduce.inputs[0]]
    if not isinstance(pool.made, GlobalAvgPool) or pool.inputs != (x,) or counts[reduce.inputs[0]] != 1:
        return None
    assert isinstance(expand.made, Conv)
    assert isinstance(reduce.made, Conv)
    if expand.made.act not in GATES:
        return None
    channels, width = values[x].shape[0], reduce.made.channels
    ratio = channels // width
    exact = channels % width == 0 and ratio in (2, 4, 8, 16, 32)
    made = SqueezeExcite(ratio if exact else 4, reduce.made.act, expand.made.act, "auto" if exact else width)
    return made, (*reduce.weights, *expand.weights)


def _is_one_by_one(value: MadeValue) -> bool:
    made = value.made
    return (
        isinstance(made, Conv)
        and (made.kernel, made.stride, made.groups, made.norm, made.dropout) == (1, 1, 1, "none", 0.0)
        and made.bias in ("auto", "true")
    )
