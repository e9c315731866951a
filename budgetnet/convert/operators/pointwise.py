"""Activations and dropout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from budgetnet.convert.layout import TensorView
from budgetnet.convert.reading import Arguments, KeyProducts, TraceReading
from budgetnet.convert.trace import Unsayable
from budgetnet.network.nodes import Act, Dropout

__all__ = ["POINTWISE"]

Handler = Callable[[TraceReading, Arguments], Any]


def _entry(a: Arguments) -> Any:
    return a["self"] if "self" in a else a["input"]


def _plain(kind: str, **usual: Any) -> Handler:
    """Read an activation that has only its usual arguments."""

    def read(reading: TraceReading, a: Arguments) -> TensorView:
        for name, value in usual.items():
            if a.get(name) != value:
                raise Unsayable(f"{kind} with {name}={a.get(name)}; nearest: act({kind}), which has {value}")
        return reading.pointwise(Act(kind), _entry(a))

    return read


def _leaky_relu(reading: TraceReading, a: Arguments) -> TensorView:
    return reading.pointwise(Act("leaky_relu", float(a["negative_slope"])), _entry(a))


def _clamp(reading: TraceReading, a: Arguments) -> TensorView:
    low, high = a.get("min", a.get("min_val")), a.get("max", a.get("max_val"))
    kinds = {(0, 6): "relu6", (-1, 1): "hardtanh", (0, None): "relu"}
    kind = kinds.get((low, high))
    if kind is None:
        raise Unsayable(f"values kept between {low} and {high}; nearest: act(relu6), between 0 and 6")
    return reading.pointwise(Act(kind), _entry(a))


def _clamp_below(reading: TraceReading, a: Arguments) -> TensorView:
    return _clamp(reading, {**a, "max": None})


def _dropout(of: str) -> Handler:
    def read(reading: TraceReading, a: Arguments) -> TensorView:
        if not a["p"] or isinstance(_entry(a), KeyProducts):
            return _entry(a)  # type: ignore[no-any-return]
        return reading.pointwise(Dropout(float(a["p"]), of), _entry(a))

    return read


def _elu(reading: TraceReading, a: Arguments) -> TensorView:
    scale = float(a["scale"])
    if (float(a["alpha"]), scale, float(a["input_scale"])) != (1.0, 1.0, 1.0):
        raise Unsayable(f"elu with alpha={a['alpha']}; nearest: act(elu), which has 1")
    return reading.pointwise(Act("elu"), _entry(a))


POINTWISE: dict[str, Handler] = {
    "relu": _plain("relu"),
    "relu6": _plain("relu6"),
    "gelu": _plain("gelu", approximate="none"),
    "silu": _plain("silu"),
    "hardswish": _plain("hardswish"),
    "elu": _elu,
    "celu": _plain("celu", alpha=1.0),
    "selu": _plain("selu"),
    "mish": _plain("mish"),
    "softplus": _plain("softplus", beta=1, threshold=20),
    "sigmoid": _plain("sigmoid"),
    "hardsigmoid": _plain("hardsigmoid"),
    "tanh": _plain("tanh"),
    "leaky_relu": _leaky_relu,
    "hardtanh": _clamp,
    "clamp": _clamp,
    "clamp_min": _clamp_below,
    "dropout": _dropout("values"),
    "feature_dropout": _dropout("channels"),
}
"""By the operator's name."""
