"""Signatures: the arguments that an operation takes in a grammar, with their limits and defaults.

The parser checks calls against them, and the printer leaves out what equals a default. A built-in operation's
signature is read off the fields of its class, whose types are those of this file.
"""

from __future__ import annotations

import re
from dataclasses import MISSING, dataclass, fields, replace
from typing import Annotated, Any, Literal, assert_never, get_type_hints

from budgetnet.errors import nearest

__all__ = [
    "ArgumentKind",
    "AutoCount",
    "AutoSides",
    "Count",
    "Epsilon",
    "Factor",
    "Flag",
    "Order",
    "Parameter",
    "Rate",
    "Scalar",
    "SidePadding",
    "Sides",
    "Signature",
    "Vocabulary",
    "one_of",
    "plain_size",
    "read_parameters",
    "sides_of",
    "wrong",
]

Scalar = int | float | bool | str

ArgumentKind = Literal["int", "size", "float", "bool", "name", "text", "order"]
"""``size`` is a whole number or two of them, height and width, as in ``1x7``; ``name`` is one of a parameter's names,
``text`` any text, ``order`` a text naming each of conv, norm, act and drop at most once, conv always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of an operation."""

    name: str
    kind: ArgumentKind
    default: Scalar | None = None
    """None: the argument is required."""
    low: float | None = None
    """Smallest legal number, inclusive."""
    high: float | None = None
    """Largest legal number, inclusive."""
    names: tuple[str, ...] = ()
    """Legal words; for ``int`` and ``size`` parameters, words that are legal besides numbers (``same``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One operation: its parameters in positional order and one line of help."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    help: str

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The operations one study may call: the built-in ones, its plug-ins, with its own defaults."""

    signatures: dict[str, Signature]

    def with_defaults(self, defaults: dict[str, dict[str, Scalar]]) -> Vocabulary:
        """Return a copy in which ``defaults[operation][parameter]`` replaces the built-in default."""
        signatures = dict(self.signatures)
        for operation, values in defaults.items():
            old = signatures[operation]
            signatures[operation] = replace(
                old,
                parameters=tuple(
                    replace(parameter, default=values.get(parameter.name, parameter.default))
                    for parameter in old.parameters
                ),
            )
        return Vocabulary(signatures)


# --- types of an operation's fields -----------------------------------------------------------------


def one_of(*names: str) -> Parameter:
    """Return the limits of an argument that is one of some words, to stand in an ``Annotated[str, …]``."""
    return Parameter(name="", kind="name", names=names)


Count = Annotated[int, Parameter(name="", kind="int", low=1)]
"""A whole number from 1."""
AutoCount = Annotated[int | str, Parameter(name="", kind="int", low=1, names=("auto",))]
"""A whole number from 1, or ``auto``."""
Sides = Annotated[int | str, Parameter(name="", kind="size", low=1)]
"""A whole number from 1, or height and width: ``1x7``."""
AutoSides = Annotated[int | str, Parameter(name="", kind="size", low=1, names=("auto",))]
"""The same, or ``auto``."""
SidePadding = Annotated[int | str, Parameter(name="", kind="size", low=0, names=("same",))]
"""Positions added on each side, from 0 (height and width: ``0x3``), or ``same``: ``dilation * (kernel - 1) // 2``, and
one more below and on the right where that is odd."""
Epsilon = Annotated[float, Parameter(name="", kind="float", low=1e-12, high=1.0)]
"""Addition to a norm's variance."""
Rate = Annotated[float, Parameter(name="", kind="float", low=0.0, high=0.95)]
"""A share that is dropped."""
Factor = Annotated[float, Parameter(name="", kind="float", low=-10.0, high=10.0)]
"""Any number of moderate size."""
Flag = Annotated[bool, Parameter(name="", kind="bool")]
"""``true`` or ``false``."""
Order = Annotated[str, Parameter(name="", kind="order")]
"""The order of a convolution's parts."""


def read_parameters(operation: type[Any]) -> tuple[Parameter, ...]:
    """Return a parameter for each field of an operation's dataclass; fields have the types above, or use `one_of`."""
    hints = get_type_hints(operation, include_extras=True)
    return tuple(
        replace(
            hints[field.name].__metadata__[0],
            name=field.name,
            default=None if field.default is MISSING else field.default,
        )
        for field in fields(operation)
    )


# --- checking an argument ---------------------------------------------------------------------------


def sides_of(value: Scalar) -> tuple[int, int] | None:
    """Return height and width of a size written as two numbers, ``1x7``; None for anything else."""
    found = re.fullmatch(r"(\d{1,9})x(\d{1,9})", value) if isinstance(value, str) else None
    return (int(found[1]), int(found[2])) if found else None


def plain_size(value: Scalar) -> Scalar:
    """Return a size of equal sides as one number, and everything else as it is.

    >>> plain_size("3x3"), plain_size("1x7")
    (3, '1x7')
    """
    sides = sides_of(value)
    if sides is None:
        return value
    return sides[0] if sides[0] == sides[1] else f"{sides[0]}x{sides[1]}"


def wrong(parameter: Parameter, value: Scalar) -> str | None:
    """Say what is wrong with *value* as this parameter's argument, or None if it is legal."""
    match parameter.kind:
        case "int":
            if isinstance(value, str) and value in parameter.names:
                return None
            if isinstance(value, bool) or not isinstance(value, int):
                words = "".join(f" or {name}" for name in parameter.names)
                close = nearest(str(value), parameter.names)
                return f"{parameter.name} takes a whole number{words}, but got {value!r}{close}"
            return _outside(parameter, value)
        case "size":
            return _wrong_size(parameter, value)
        case "float":
            if isinstance(value, bool | str):
                return f"{parameter.name} takes a number, but got {value!r}"
            return _outside(parameter, value)
        case "bool":
            return None if isinstance(value, bool) else f"{parameter.name} takes true or false, but got {value!r}"
        case "name":
            given = str(value).lower() if isinstance(value, bool) else value
            if given in parameter.names:
                return None
            legal = ", ".join(parameter.names)
            return f"{parameter.name} is one of {legal}, but got {value!r}{nearest(str(value), parameter.names)}"
        case "text":
            if isinstance(value, str) and '"' not in value and value.isprintable():
                return None
            return f"{parameter.name} takes a text of one line without double quotes, but got {value!r}"
        case "order":
            return _wrong_order(parameter, value)
        case _:
            assert_never(parameter.kind)


def _wrong_size(parameter: Parameter, value: Scalar) -> str | None:
    if isinstance(value, str) and value in parameter.names:
        return None
    sides = sides_of(value)
    if sides is not None:
        smallest = _outside(parameter, min(sides))
        return None if smallest is None else smallest.replace(f"got {min(sides)}", f"got {value}")
    if isinstance(value, bool) or not isinstance(value, int):
        words = "".join(f" or {name}" for name in parameter.names)
        close = nearest(str(value), parameter.names)
        return f"{parameter.name} takes a whole number, two as in 1x7{words}, but got {value!r}{close}"
    return _outside(parameter, value)


def _outside(parameter: Parameter, value: float) -> str | None:
    if parameter.low is not None and value < parameter.low:
        return f"{parameter.name} must be at least {parameter.low:g}, but got {value}"
    if parameter.high is not None and value > parameter.high:
        return f"{parameter.name} must be at most {parameter.high:g}, but got {value}"
    return None


def _wrong_order(parameter: Parameter, value: Scalar) -> str | None:
    legal = ("conv", "norm", "act", "drop")
    words = value.split() if isinstance(value, str) else []
    unknown = next((word for word in words if word not in legal), None)
    if unknown is not None:
        return f"{parameter.name} is made of conv, norm, act and drop, but got {unknown!r}{nearest(unknown, legal)}"
    if "conv" not in words or len(set(words)) != len(words):
        return f'{parameter.name} names conv once and norm, act, drop at most once, but got "{value}"'
    return None
