"""Norms, activations and dropout: what leaves a shape as it is, alone or as a part of another operation."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from budgetnet.errors import RequestError, ShapeError
from budgetnet.ops.base import Operation, Shape, Spec, Step, describe_shape, differing, image
from budgetnet.ops.signature import Count, Factor, Rate, one_of

__all__ = [
    "ACTIVATIONS",
    "GATES",
    "NORMS",
    "Act",
    "ActName",
    "Dropout",
    "Norm",
    "NormName",
    "ResponseNorm",
    "act_specs",
    "act_steps",
    "check_norm",
    "dropout_specs",
    "dropout_steps",
    "norm_specs",
    "norm_steps",
]

# --- norms ------------------------------------------------------------------------------------------

NORMS = ("batch", "group", "layer", "none")
NormName = Annotated[str, one_of(*NORMS)]


@dataclass(frozen=True, slots=True)
class Norm(Operation):
    """``norm``: ``groups`` matters for ``group`` only; ``layer`` normalises channels at each position."""

    word: ClassVar[str] = "norm"
    help: ClassVar[str] = "batch norm, group norm (groups), layer norm over channels at each position, or none"

    kind: NormName = "batch"
    groups: Count = 8

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        if self.kind != "none":
            check_norm(self.kind, image(self, shape), self.groups)
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, or none."""
        return norm_specs(self.kind, self.output(shape), self.groups)

    def steps(self) -> tuple[Step, ...]:
        """One step, or none."""
        return norm_steps(self.kind, self.groups)

    def short(self) -> str:
        """``batchnorm``."""
        return f"{self.kind}norm"


@dataclass(frozen=True, slots=True)
class ResponseNorm(Operation):
    """``grn``: global response normalization (ConvNeXt V2, arXiv 2301.00808)."""

    word: ClassVar[str] = "grn"
    help: ClassVar[str] = (
        "global response norm: channels compete by their norm over the image, with a learned factor and offset each, "
        "both started at 0 (ConvNeXt V2, arXiv 2301.00808)"
    )

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return image(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        channels = self.output(shape)[0]
        return (Spec("GlobalResponseNorm", shape, (channels,), (), 2 * channels, in_place=True),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("grn", weighted=True),)


def check_norm(kind: str, shape: Shape, groups: int = 8) -> None:
    """Refuse an image that a norm cannot be applied to.

    Raises:
        ShapeError: its channels do not form equal groups of more than one value.
    """
    if kind != "group":
        return
    if shape[0] % groups:
        raise ShapeError(f"group norm needs channels in {groups} equal groups, but got {shape[0]}")
    if prod(shape) == groups:  # PyTorch refuses it: the norm of one value is zero
        raise ShapeError(
            f"group norm needs more than one value in each of its {groups} groups, but got {describe_shape(shape)}"
        )


def norm_specs(kind: str, shape: Shape, groups: int = 8) -> tuple[Spec, ...]:
    """Return a norm's layer on an image of *shape*; none for ``"none"``."""
    channels, size = shape[0], prod(shape)
    match kind:
        case "batch":
            return (Spec("nn.BatchNorm2d", shape, (channels,), (), 2 * channels, 2 * size, in_place=True),)
        case "group":
            return (Spec("nn.GroupNorm", shape, (groups, channels), (), 2 * channels, 5 * size, in_place=True),)
        case "layer":
            return (Spec("LayerNorm2d", shape, (channels,), (), 2 * channels, 5 * size, in_place=True),)
        case _:
            return ()


def norm_steps(kind: str, groups: int = 8) -> tuple[Step, ...]:
    """Return a norm's normal form."""
    if kind == "none":
        return ()
    return (Step(f"norm {kind} {groups}" if kind == "group" else f"norm {kind}", weighted=True),)


# --- activations ------------------------------------------------------------------------------------

_FUNCTIONS = {
    "relu": "nn.ReLU",
    "relu6": "nn.ReLU6",
    "gelu": "nn.GELU",
    "silu": "nn.SiLU",
    "hardswish": "nn.Hardswish",
    "leaky_relu": "nn.LeakyReLU",
    "prelu": "nn.PReLU",
    "elu": "nn.ELU",
    "celu": "nn.CELU",
    "selu": "nn.SELU",
    "mish": "nn.Mish",
    "softplus": "nn.Softplus",
    "sigmoid": "nn.Sigmoid",
    "hardsigmoid": "nn.Hardsigmoid",
    "tanh": "nn.Tanh",
    "hardtanh": "nn.Hardtanh",
}
"""The torch class of each activation that a grammar may name, made with PyTorch's defaults.

So it is never in place: it would overwrite the input that a skip or another branch still needs.
"""
_LEARNED = {"prelu": 1}
"""Learned values of an activation: ``prelu`` has one slope for all channels, PyTorch's default."""
_IDEMPOTENT = ("relu", "relu6", "hardtanh")

_SLOPE = 0.01
"""The slope of PyTorch's ``LeakyReLU`` below 0."""

ACTIVATIONS = (*_FUNCTIONS, "none")
GATES = ("sigmoid", "hardsigmoid")
ActName = Annotated[str, one_of(*ACTIVATIONS)]


@dataclass(frozen=True, slots=True)
class Act(Operation):
    """``act``."""

    word: ClassVar[str] = "act"
    help: ClassVar[str] = "activation; slope is leaky_relu's below 0"

    kind: ActName = "relu"
    slope: Factor = _SLOPE

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, or none."""
        return act_specs(self.kind, shape, self.slope)

    def steps(self) -> tuple[Step, ...]:
        """One step, or none."""
        return act_steps(self.kind, self.slope)

    def problem(self) -> str | None:
        """Refuse a slope of an activation that has none."""
        if self.kind != "leaky_relu" and self.slope != _SLOPE:
            return f"only leaky_relu has a slope, but got {self.kind} with slope={self.slope:g}; leave slope out"
        return None

    def short(self) -> str:
        """``relu``."""
        return self.kind


def act_specs(kind: str, shape: Shape, slope: float = _SLOPE) -> tuple[Spec, ...]:
    """Return the layer of an activation or gate; none for ``"none"``.

    Raises:
        RequestError: there is no such activation.
    """
    if kind == "none":
        return ()
    path = _FUNCTIONS.get(kind)
    if path is None:
        raise RequestError(f"an activation is one of {', '.join(ACTIVATIONS)}, but got {kind!r}")
    options = differing(negative_slope=(slope, _SLOPE)) if kind == "leaky_relu" else ()
    return (Spec(path, shape, (), options, _LEARNED.get(kind, 0), in_place=True),)


def act_steps(kind: str, slope: float = _SLOPE) -> tuple[Step, ...]:
    """Return an activation's normal form."""
    if kind == "none":
        return ()
    text = f"act {kind}" if slope == _SLOPE else f"act {kind} {slope!r}"
    return (Step(text, weighted=kind in _LEARNED, idempotent=kind in _IDEMPOTENT),)


# --- dropout ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dropout(Operation):
    """``dropout``."""

    word: ClassVar[str] = "dropout"
    help: ClassVar[str] = "dropout of single activations"

    rate: Rate

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, or none."""
        return dropout_specs(self.rate, shape)

    def steps(self) -> tuple[Step, ...]:
        """One step, or none."""
        return dropout_steps(self.rate)


def dropout_specs(rate: float, shape: Shape) -> tuple[Spec, ...]:
    """Return dropout's layer; none for a rate of 0."""
    return (Spec("nn.Dropout", shape, (rate,), in_place=True),) if rate else ()


def dropout_steps(rate: float) -> tuple[Step, ...]:
    """Return dropout's normal form."""
    return (Step(f"dropout {rate!r}", random=True),) if rate else ()
