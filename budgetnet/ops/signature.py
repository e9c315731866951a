"""The primitives' signatures: what a grammar may call, with which arguments, and their defaults.

One literal table. The parser checks calls against it, the printer leaves out what equals a default, the
network room has one frozen class per entry with the same fields (a test holds the two together).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["ACTIVATIONS", "BUILTIN", "NORMS", "Parameter", "Scalar", "Signature", "Vocabulary"]

Scalar = int | float | bool | str

ACTIVATIONS = ("relu", "relu6", "gelu", "silu", "hardswish", "leaky_relu", "sigmoid", "tanh", "none")
NORMS = ("batch", "group", "layer", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a primitive."""

    name: str
    kind: Literal["int", "float", "bool", "name", "text", "order"]
    """``name`` is one of `names`, ``text`` any text, ``order`` a text naming each of conv, norm, act and drop at most
    once, conv always."""
    default: Scalar | None = None
    """None: the argument is required."""
    low: float | None = None
    """Smallest legal number, inclusive."""
    high: float | None = None
    """Largest legal number, inclusive."""
    names: tuple[str, ...] = ()
    """Legal words; for ``int`` parameters, words that are legal beside integers (``same``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One primitive: its parameters in positional order and one line of help."""

    name: str
    parameters: tuple[Parameter, ...] = ()
    help: str

    def parameter(self, name: str) -> Parameter | None:
        """The parameter of that name, or None."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)


def _int(name: str, default: int | str | None = None, *, low: int = 1, names: tuple[str, ...] = ()) -> Parameter:
    return Parameter(name=name, kind="int", default=default, low=low, names=names)


def _rate(name: str = "dropout", default: float | None = 0.0) -> Parameter:
    return Parameter(name=name, kind="float", default=default, low=0.0, high=0.95)


def _name(name: str, default: str | None, names: tuple[str, ...]) -> Parameter:
    return Parameter(name=name, kind="name", default=default, names=names)


_PADDING = _int("padding", "same", low=0, names=("same",))
_BIAS = Parameter(name="bias", kind="name", default="auto", names=("auto", "true", "false"))
_NORM = _name("norm", "batch", NORMS)
_ACT = _name("act", "relu", ACTIVATIONS)
_ORDER = Parameter(name="order", kind="order", default="conv norm act drop")
_TAIL = (_PADDING, _BIAS, _NORM, _ACT, _rate(), _ORDER)

_TABLE = (
    Signature(
        name="conv",
        help="2-d convolution with norm, activation and dropout in the stated order; bias=auto: only without a norm",
        parameters=(
            _int("kernel"),
            _int("channels"),
            _int("stride", 1),
            _int("dilation", 1),
            _int("groups", 1),
            *_TAIL,
        ),
    ),
    Signature(
        name="dwconv",
        help="depthwise convolution: one group per input channel, multiplier output channels for each",
        parameters=(_int("kernel"), _int("stride", 1), _int("dilation", 1), _int("multiplier", 1), *_TAIL),
    ),
    Signature(
        name="linear",
        help="fully connected layer; flattens an image first",
        parameters=(
            _int("features"),
            Parameter(name="bias", kind="bool", default=True),
            _name("act", "none", ACTIVATIONS),
            _rate(),
        ),
    ),
    Signature(
        name="maxpool",
        help="max pooling; stride=auto means the kernel's size",
        parameters=(
            _int("kernel", 2),
            _int("stride", "auto", names=("auto",)),
            _int("padding", 0, low=0, names=("same",)),
        ),
    ),
    Signature(
        name="avgpool",
        help="average pooling (padding counts as zeros); stride=auto means the kernel's size",
        parameters=(
            _int("kernel", 2),
            _int("stride", "auto", names=("auto",)),
            _int("padding", 0, low=0, names=("same",)),
        ),
    ),
    Signature(name="gap", help="global average pooling to 1x1"),
    Signature(name="gmp", help="global max pooling to 1x1"),
    Signature(
        name="norm",
        help="batch norm, group norm (groups), layer norm over channels at each position, or none",
        parameters=(_name("kind", "batch", NORMS), _int("groups", 8)),
    ),
    Signature(name="act", help="activation", parameters=(_name("kind", "relu", ACTIVATIONS),)),
    Signature(name="dropout", help="dropout of single activations", parameters=(_rate("rate", None),)),
    Signature(
        name="se",
        help="squeeze-and-excitation: gap, 1x1 conv to channels // reduction, act, 1x1 conv back, gate, product",
        parameters=(
            _int("reduction", 4),
            _name("act", "relu", ACTIVATIONS),
            _name("gate", "sigmoid", ("sigmoid", "hardsigmoid")),
        ),
    ),
    Signature(name="shuffle", help="channel shuffle between groups", parameters=(_int("groups", 2),)),
    Signature(name="identity", help="nothing"),
    Signature(name="zero", help="zeros of the same width, strided", parameters=(_int("stride", 1),)),
    Signature(
        name="scale",
        help="one learned factor per channel, started at init",
        parameters=(Parameter(name="init", kind="float", default=1.0, low=-10.0, high=10.0),),
    ),
    Signature(
        name="pad",
        help="zero channels added on both sides up to channels, every stride-th position kept (ResNet's option A)",
        parameters=(_int("channels"), _int("stride", 1)),
    ),
)

BUILTIN: dict[str, Signature] = {signature.name: signature for signature in _TABLE}


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The primitives one study may call: the built-in ones, its plug-ins, with its own defaults."""

    signatures: dict[str, Signature]

    def with_defaults(self, defaults: dict[str, dict[str, Scalar]]) -> Vocabulary:
        """Return a copy in which ``defaults[primitive][parameter]`` replaces the built-in default."""
        signatures = dict(self.signatures)
        for primitive, values in defaults.items():
            old = signatures[primitive]
            signatures[primitive] = replace(
                old,
                parameters=tuple(
                    replace(parameter, default=values.get(parameter.name, parameter.default))
                    for parameter in old.parameters
                ),
            )
        return Vocabulary(signatures)
