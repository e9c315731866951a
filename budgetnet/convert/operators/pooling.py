"""Pooling, local and global, and upsampling."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

from budgetnet.convert.layout import TensorView, axes_in
from budgetnet.convert.operators.layers import spread
from budgetnet.convert.reading import Arguments, TraceReading
from budgetnet.convert.trace import Unsayable, where
from budgetnet.network.nodes import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, Primitive, Upsample
from budgetnet.ops.windows import size_text

__all__ = ["POOLING"]


def _image(reading: TraceReading, a: Arguments) -> TensorView:
    return reading.arranged(a["self"] if "self" in a else a["input"], "CHW")


def _applied(reading: TraceReading, operation: Primitive, image: TensorView) -> TensorView:
    return reading.fresh(reading.emit(operation, (image.value,)))


def _size(sizes: Any) -> int | str:
    text = size_text(tuple(spread(sizes)))  # type: ignore[arg-type]
    return int(text) if text.isdecimal() else text


def _window(a: Arguments) -> dict[str, Any]:
    kernel, stride = spread(a["kernel_size"]), spread(a["stride"] or a["kernel_size"])
    return {
        "kernel": _size(kernel),
        "stride": "auto" if kernel == stride else _size(stride),
        "padding": _size(a["padding"]),
        "ceil": bool(a["ceil_mode"]),
    }


def _max_pool(reading: TraceReading, a: Arguments) -> TensorView:
    if spread(a["dilation"]) != (1, 1):
        raise Unsayable("max pooling with dilation; nearest: maxpool without it")
    return _applied(reading, MaxPool(**_window(a)), _image(reading, a))


def _avg_pool(reading: TraceReading, a: Arguments) -> TensorView:
    if a["divisor_override"] is not None:
        raise Unsayable("average pooling with another divisor; nearest: avgpool scale(…, learned=false)")
    counted = bool(a["count_include_pad"]) or not any(spread(a["padding"]))
    return _applied(reading, AvgPool(**_window(a), count_padding=counted), _image(reading, a))


def _adaptive_avg_pool(reading: TraceReading, a: Arguments) -> TensorView:
    image = _image(reading, a)
    _, height, width = reading.shape_of(image)
    wanted = spread(a["output_size"])
    sides = [(side, side if goal is None else goal) for side, goal in zip((height, width), wanted, strict=True)]
    if all(goal == 1 for _, goal in sides):
        return _applied(reading, GlobalAvgPool(), image)
    if all(side == goal for side, goal in sides):
        assert reading.step is not None
        reading.flow.left_out[where(reading.step)] = prod(reading.shape_of(image))
        return image
    if all(side % goal == 0 for side, goal in sides):
        kernel = _size([side // goal for side, goal in sides])
        return _applied(reading, AvgPool(kernel), image)
    factors = {goal / side for side, goal in sides}
    if len(factors) == 1 and next(iter(factors)).is_integer():
        return _applied(reading, Upsample(int(next(iter(factors)))), image)
    raise Unsayable(
        f"adaptive pooling of {height}x{width} to {wanted[0]}x{wanted[1]}, whose windows are of several sizes; "
        "nearest: avgpool, or another --input"
    )


def _adaptive_avg_pool1d(reading: TraceReading, a: Arguments) -> TensorView:
    entry = reading.arranged(a["self"], "CH")
    if spread(a["output_size"], 1) != (1,):
        raise Unsayable("adaptive pooling of tokens to several; nearest: gap")
    value = reading.emit(GlobalAvgPool(), (entry.value,))
    return TensorView(value, (*entry.dims[:2], ()))


def _adaptive_max_pool(reading: TraceReading, a: Arguments) -> tuple[TensorView, None]:
    if spread(a["output_size"]) != (1, 1):
        raise Unsayable("adaptive max pooling to several positions; nearest: maxpool, gmp")
    return _applied(reading, GlobalMaxPool(), _image(reading, a)), None


def _mean(reading: TraceReading, a: Arguments) -> TensorView:
    return _over_positions(reading, a, GlobalAvgPool())


def _amax(reading: TraceReading, a: Arguments) -> TensorView:
    return _over_positions(reading, a, GlobalMaxPool())


def _over_positions(reading: TraceReading, a: Arguments, operation: Primitive) -> TensorView:
    entry = reading.settled(a["self"])
    rank = len(entry.dims)
    named = a.get("dim")
    if named is None or a.get("dtype") is not None:
        raise Unsayable("a mean over images; nearest: gap")
    dims = {dim % rank for dim in ([named] if isinstance(named, int) else named)}
    inside = [atom for place, dim in enumerate(entry.dims) if place in dims for atom in dim]
    outside = [atom for place, dim in enumerate(entry.dims) if place not in dims for atom in dim]
    if axes_in(inside).strip("HW") or set(axes_in(outside)) & set("HW"):
        raise Unsayable(f"{operation.word} over {axes_in(inside) or 'nothing'}; nearest: gap, gmp, over all positions")
    value = entry.value
    if inside and len(reading.shape_of(entry)) == 3:
        value = reading.emit(operation, (value,))
    kept = tuple(
        () if place in dims else dim for place, dim in enumerate(entry.dims) if a.get("keepdim") or place not in dims
    )
    return replace(entry, value=value, dims=kept)


def _upsample(mode: str) -> Any:
    def read(reading: TraceReading, a: Arguments) -> TensorView:
        if a.get("align_corners"):
            raise Unsayable("interpolation with aligned corners; nearest: upsample(mode=bilinear)")
        image = _image(reading, a)
        _, height, width = reading.shape_of(image)
        size = a.get("output_size")
        goal = size if size is not None else [side * a["scale_factors"][0] for side in (height, width)]
        factor = goal[0] / height
        if not float(factor).is_integer() or goal[1] != width * factor or factor < 1:
            raise Unsayable("upsampling by something other than one whole factor; nearest: upsample(factor)")
        return _applied(reading, Upsample(int(factor), mode), image)

    return read


POOLING = {
    "max_pool2d": _max_pool,
    "avg_pool2d": _avg_pool,
    "adaptive_avg_pool2d": _adaptive_avg_pool,
    "adaptive_avg_pool1d": _adaptive_avg_pool1d,
    "adaptive_max_pool2d": _adaptive_max_pool,
    "mean": _mean,
    "amax": _amax,
    "upsample_nearest2d": _upsample("nearest"),
    "upsample_bilinear2d": _upsample("bilinear"),
}
"""By the operator's name."""
