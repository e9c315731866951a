"""From a primitive's name and evaluated arguments to its typed node."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from budgetnet.errors import LanguageError, nearest
from budgetnet.network import nodes
from budgetnet.ops.signature import Parameter, Scalar, Signature

__all__ = ["CLASSES", "make", "wrong"]

CLASSES: dict[str, type[nodes.Primitive]] = {
    "conv": nodes.Conv,
    "dwconv": nodes.DepthwiseConv,
    "linear": nodes.Linear,
    "maxpool": nodes.MaxPool,
    "avgpool": nodes.AvgPool,
    "gap": nodes.GlobalAvgPool,
    "gmp": nodes.GlobalMaxPool,
    "norm": nodes.Norm,
    "act": nodes.Act,
    "dropout": nodes.Dropout,
    "se": nodes.SqueezeExcite,
    "shuffle": nodes.Shuffle,
    "identity": nodes.Identity,
    "zero": nodes.Zero,
    "scale": nodes.Scale,
    "pad": nodes.Pad,
}
"""The class of each built-in primitive."""


def wrong(parameter: Parameter, value: Scalar) -> str | None:
    """Say what is wrong with *value* as this parameter's argument, or None if it is legal."""
    match parameter.kind:
        case "int":
            if isinstance(value, str) and value in parameter.names:
                return None
            if isinstance(value, bool) or not isinstance(value, int):
                words = "".join(f" or {name}" for name in parameter.names)
                return (
                    f"{parameter.name} takes a whole number{words}, got {value!r}{nearest(str(value), parameter.names)}"
                )
            return _outside(parameter, value)
        case "float":
            if isinstance(value, bool | str):
                return f"{parameter.name} takes a number, got {value!r}"
            return _outside(parameter, value)
        case "bool":
            return None if isinstance(value, bool) else f"{parameter.name} takes true or false, got {value!r}"
        case "name":
            word = str(value).lower() if isinstance(value, bool) else value
            if word in parameter.names:
                return None
            legal = ", ".join(parameter.names)
            return f"{parameter.name} is one of {legal}, got {value!r}{nearest(str(value), parameter.names)}"
        case "text":
            if isinstance(value, str) and '"' not in value and value.isprintable():
                return None
            return f"{parameter.name} takes a text of one line without double quotes, got {value!r}"
        case "order":
            return _wrong_order(parameter, value)
        case _:
            assert_never(parameter.kind)


def _outside(parameter: Parameter, value: float) -> str | None:
    if parameter.low is not None and value < parameter.low:
        return f"{parameter.name} must be at least {parameter.low:g}, got {value}"
    if parameter.high is not None and value > parameter.high:
        return f"{parameter.name} must be at most {parameter.high:g}, got {value}"
    return None


def _wrong_order(parameter: Parameter, value: Scalar) -> str | None:
    legal = ("conv", "norm", "act", "drop")
    words = value.split() if isinstance(value, str) else []
    unknown = next((word for word in words if word not in legal), None)
    if unknown is not None:
        return f"{parameter.name} is made of conv, norm, act and drop, got {unknown!r}{nearest(unknown, legal)}"
    if "conv" not in words or len(set(words)) != len(words):
        return f'{parameter.name} names conv once and norm, act, drop at most once, got "{value}"'
    return None


def make(signature: Signature, arguments: tuple[Scalar, ...]) -> nodes.Primitive:
    """Return the node of a primitive with all its arguments, in the signature's order.

    Raises:
        LanguageError: an argument is outside its limits (text without a place; the caller knows it).
    """
    values: dict[str, Scalar] = {}
    for parameter, value in zip(signature.parameters, arguments, strict=True):
        problem = wrong(parameter, value)
        if problem:
            raise LanguageError(f"{signature.name}: {problem}")
        if parameter.kind == "name" and isinstance(value, bool):
            value = str(value).lower()
        elif parameter.kind == "float" and isinstance(value, int):
            value = float(value)
        values[parameter.name] = value
    if signature.name not in CLASSES:
        return nodes.Custom(signature.name, tuple(values.items()))
    _refuse_lost_parts(signature.name, values)
    make_node: Callable[..., nodes.Primitive] = CLASSES[signature.name]
    return make_node(**values)


def _refuse_lost_parts(name: str, values: dict[str, Scalar]) -> None:
    """A norm, activation or dropout that is set but missing from `order` would silently vanish."""
    if "order" not in values:
        return
    words = str(values["order"]).split()
    for word, parameter, absent in (("norm", "norm", "none"), ("act", "act", "none"), ("drop", "dropout", 0.0)):
        if word not in words and values[parameter] != absent:
            raise LanguageError(
                f'{name}: {parameter}={values[parameter]} is set but order="{values["order"]}" has no {word!r}; '
                f"add it to the order or set {parameter}={absent}"
            )
