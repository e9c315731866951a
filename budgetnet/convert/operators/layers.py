"""Convolutions, linear layers and norms: what has weights."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from torch import Tensor

from budgetnet.convert.flow import Mix, Weight
from budgetnet.convert.layout import TensorView, axes_in, whole_axis
from budgetnet.convert.reading import Arguments, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import Act, Conv, DepthwiseConv, Linear, Norm
from budgetnet.ops.tokens import Attention
from budgetnet.ops.windows import padding_of, size_text

__all__ = ["LAYERS", "spread"]


def spread(sizes: Any, count: int = 2) -> tuple[int, ...]:
    """Return one number per axis."""
    found = tuple(sizes) if isinstance(sizes, list | tuple) else (sizes,)
    return found if len(found) == count else found * count


def _given(weight: Any, what: str) -> Weight:
    if not isinstance(weight, Weight):
        raise Unsayable(f"its {what} is computed, not a parameter")
    return weight


# --- convolutions -----------------------------------------------------------------------------------


def _conv2d(reading: TraceReading, a: Arguments) -> TensorView:
    entry = reading.arranged(a["input"], "CHW")
    weight = _given(a["weight"], "weight")
    return _convolved(reading, entry, weight, a, 2)


def _conv1d(reading: TraceReading, a: Arguments) -> TensorView:
    entry = reading.arranged(a["input"], "CH")
    weight = reading.changed(_given(a["weight"], "weight"), lambda tensor: tensor.unsqueeze(3))
    found = _convolved(reading, entry, weight, a, 1)
    return replace(found, dims=found.dims[:3])


def _convolved(reading: TraceReading, entry: TensorView, weight: Weight, a: Arguments, axes: int) -> TensorView:
    """Convolve an image; along one axis it is a convolution of a column."""
    channels = reading.shape_of(entry)[0]
    after, inner, *kernel = reading.weight_value(weight).shape
    stride, dilation = spread(a["stride"], axes), spread(a["dilation"], axes)
    padding = a["padding"]
    if isinstance(padding, str):
        margin = padding_of("same" if padding == "same" else 0, (kernel[0], kernel[-1]), (dilation[0], dilation[-1]))
        sides: tuple[int, ...] = margin.sides
        written: int | str = "same" if padding == "same" else 0
    else:
        sides = spread(padding, axes)
        written = -1
    if axes == 1:
        stride, dilation, sides = (*stride, 1), (*dilation, 1), (sides[0], 0)
    if written == -1:
        usual = padding_of("same", (kernel[0], kernel[1]), (dilation[0], dilation[1]))
        written = "same" if (usual.sides, usual.extra) == (sides, (0, 0)) else _size(sides)
    groups, bias = a["groups"], a["bias"] is not None
    common: dict[str, Any] = {
        "stride": _size(stride),
        "dilation": _size(dilation),
        "padding": written,
        "bias": "auto" if bias else "false",
        "norm": "none",
        "act": "none",
    }
    weights = [weight, *([_given(a["bias"], "bias")] if bias else [])]
    if groups == channels > 1:
        layer: Conv | DepthwiseConv = DepthwiseConv(_size(kernel), multiplier=after // channels, **common)
    else:
        layer = Conv(_size(kernel), after, groups=groups, **common)
    assert inner * groups == channels
    return reading.fresh(reading.emit(layer, (entry.value,), weights))


def _size(sizes: Any) -> int | str:
    text = size_text((sizes[0], sizes[1]))
    return int(text) if text.isdecimal() else text


def _transposed_convolution(reading: TraceReading, a: Arguments) -> TensorView:  # noqa: ARG001 - a handler's signature
    raise Unsayable("a transposed convolution; nearest: upsample conv(…)")


# --- linear layers ----------------------------------------------------------------------------------


def _linear(reading: TraceReading, a: Arguments) -> TensorView:
    entry: TensorView = a["input"]
    weight = _given(a["weight"], "weight")
    weights = [weight, *([_given(a["bias"], "bias")] if a["bias"] is not None else [])]
    features, bias = reading.weight_value(weight).shape[0], a["bias"] is not None
    made = reading.flow.values[entry.value].made
    if isinstance(made, Mix):
        return _attention(reading, entry, made, features, weights)
    entry = reading.settled(entry)
    shape = reading.shape_of(entry)
    last, others = entry.dims[-1], [atom for dim in entry.dims[:-1] for atom in dim]
    behind = (*entry.dims[:-1], whole_axis("C", features))
    own = whole_axis("C", shape[0])
    if len(shape) == 1:
        if last != own:
            raise Unsayable("a linear layer on single features; nearest: linear on all of them")
        return replace(entry, value=reading.emit(Linear(features, bias), (entry.value,), weights), dims=behind)
    if axes_in(others) in ("", "N") and len(entry.dims) == 2:
        # A vector: all values of an image, in the order of its dimensions.
        if sorted(axes_in(last)) != sorted("".join(axis for axis, side in zip("CHW", shape, strict=True) if side > 1)):
            raise Unsayable("a linear layer on a part of the values; nearest: linear on all of them")
        if axes_in(last) not in ("CHW", "CH", "CW", "C", "HW", "H", "W", ""):
            weights[0] = _columns_in_order(reading, weights[0], entry)
        value = reading.emit(Linear(features, bias), (entry.value,), weights)
        return TensorView(value, (entry.dims[0], whole_axis("C", features)))
    if last != own:
        turned = reading.transposed(entry)
        if turned is None or turned.dims[-1] != whole_axis("C", reading.shape_of(turned)[0]):
            raise Unsayable(
                f"a linear layer on dimension {axes_in(last) or '1'} of several; nearest: transpose conv(1, …)"
            )
        entry = turned
        behind = (*entry.dims[:-1], whole_axis("C", features))
    weights[0] = reading.changed(weights[0], lambda tensor: tensor[:, :, None, None])
    layer = Conv(1, features, norm="none", act="none", bias="auto" if bias else "false")
    return replace(entry, value=reading.emit(layer, (entry.value,), weights), dims=behind)


def _columns_in_order(reading: TraceReading, weight: Weight, entry: TensorView) -> Weight:
    """Put a linear layer's columns into the order channels, rows, columns."""
    atoms = entry.dims[-1]
    order = sorted(range(len(atoms)), key=lambda place: ("CHW".index(atoms[place].axis), -atoms[place].stride))
    sizes = [atom.size for atom in atoms]

    def change(tensor: Tensor) -> Tensor:
        out = tensor.shape[0]
        return tensor.reshape(out, *sizes).permute(0, *(place + 1 for place in order)).reshape(out, -1)

    assert prod(sizes) > 1
    return reading.changed(weight, change)


def _attention(reading: TraceReading, mixed: TensorView, made: Mix, features: int, weights: list[Weight]) -> TensorView:
    before = reading.flow.values[mixed.value]
    (entry,) = before.inputs
    channels = reading.flow.values[entry].shape[0]
    if features != channels:
        raise Unsayable(f"attention that projects {channels} channels to {features}; nearest: attention conv(1, …)")
    atoms = [atom for atom in mixed.dims[-1] if atom.axis == "C"]
    if len(atoms) != len(mixed.dims[-1]) or prod(atom.size for atom in atoms) != made.width:
        raise Unsayable("attention whose heads are not put together before it projects back; nearest: attention")
    steps = [atom.stride for atom in atoms]
    if steps != sorted(steps, reverse=True):
        raise Unsayable("attention that mixes channels of its heads; nearest: attention")
    width = "auto" if made.width == channels else made.width
    layer = Attention(made.heads, width, made.bias, len(weights) == 2)
    value = reading.emit(layer, (entry,), (*before.weights, *weights))
    return TensorView(value, (*mixed.dims[:-1], whole_axis("C", features)), merged_by=mixed.merged_by)


# --- norms ------------------------------------------------------------------------------------------


def _batch_norm(reading: TraceReading, a: Arguments) -> TensorView:
    statistics = [a["running_mean"], a["running_var"]]
    if a["training"] or None in statistics:
        raise Unsayable("a batch norm without running statistics; nearest: norm(instance)")
    entry = _channels_at(reading, a["input"], 1)
    affine = [a["weight"], a["bias"]]
    counter = _counter(reading, a["running_mean"])
    if None in affine and affine != [None, None]:
        raise Unsayable("a batch norm with a factor or an offset alone; nearest: norm(affine=scale)")
    learned = [weight for weight in affine if weight is not None]
    layer = Norm("batch", eps=float(a["eps"]), affine="true" if learned else "false")
    return reading.pointwise(layer, entry, [*map(_as_norm, learned), *map(_as_norm, statistics), counter])


def _as_norm(weight: Any) -> Weight:
    return _given(weight, "statistics or weights")


def _counter(reading: TraceReading, mean: Any) -> Weight:
    """Batches seen, which torch keeps beside the running mean."""
    name = _as_norm(mean).names[0].rpartition(".")[0]
    counter = f"{name}.num_batches_tracked" if name else "num_batches_tracked"
    if counter in reading.state:
        return Weight((counter,), lambda tensor: tensor)
    return Weight(_as_norm(mean).names[:1], lambda tensor: tensor.new_zeros(()).long())


def _layer_norm(reading: TraceReading, a: Arguments) -> TensorView:
    entry: TensorView = reading.settled(a["input"])
    normal = tuple(a["normalized_shape"])
    if len(normal) != 1:
        raise Unsayable(
            f"a layer norm over {len(normal)} dimensions with a factor for each value; nearest: norm(group, 1), which "
            "normalises the same values and has a factor per channel"
        )
    entry = _channels_at(reading, entry, len(entry.dims) - 1)
    return _affine(reading, "layer", entry, a)


def _group_norm(reading: TraceReading, a: Arguments) -> TensorView:
    entry = _channels_at(reading, a["input"], 1)
    return _affine(reading, "group", entry, a, groups=a["num_groups"])


def _instance_norm(reading: TraceReading, a: Arguments) -> TensorView:
    if a["running_mean"] is not None:
        raise Unsayable("an instance norm with running statistics; nearest: norm(instance) without them")
    return _affine(reading, "instance", _channels_at(reading, a["input"], 1), a)


def _affine(reading: TraceReading, kind: str, entry: TensorView, a: Arguments, groups: int = 8) -> TensorView:
    given = [weight for weight in (a["weight"], a["bias"]) if weight is not None]
    if len(given) == 1:
        affine = "scale" if a["weight"] is not None else "bias"
        tail = (1,) * (len(reading.shape_of(entry)) - 1)
        given = [reading.changed(_as_norm(given[0]), lambda tensor: tensor.reshape(-1, *tail))]
    else:
        affine = "true" if given else "false"
    layer = Norm(kind, groups=groups, eps=float(a["eps"]), affine=affine)
    return reading.pointwise(layer, entry, [*map(_as_norm, given)])


def _channels_at(reading: TraceReading, laid: TensorView, dim: int) -> TensorView:
    """Return the tensor with all channels, and nothing else, in a dimension."""
    found = reading.settled(laid)
    if found.dims[dim] == whole_axis("C", reading.shape_of(found)[0]):
        return found
    turned = reading.transposed(found) if len(reading.shape_of(found)) == 3 else None
    if turned is not None and turned.dims[dim] == whole_axis("C", reading.shape_of(turned)[0]):
        return turned
    raise Unsayable(f"a norm over {axes_in(found.dims[dim]) or 'one entry'}; nearest: norm over the channels")


def _prelu(reading: TraceReading, a: Arguments) -> TensorView:
    weight = _given(a["weight"], "slope")
    count = reading.weight_value(weight).numel()
    if count != 1:
        raise Unsayable(f"a PReLU with {count} slopes; nearest: act(prelu), with one for all channels")
    return reading.pointwise(Act("prelu"), a["self"], [weight])


LAYERS = {
    "conv2d": _conv2d,
    "conv1d": _conv1d,
    "conv_transpose2d": _transposed_convolution,
    "linear": _linear,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "prelu": _prelu,
}
"""By the operator's name."""
