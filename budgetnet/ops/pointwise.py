"""Activations and dropout: what leaves a shape as it is, alone or as a part of another operation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, ClassVar

from budgetnet.errors import RequestError
from budgetnet.ops.base import Operation, Shape, Spec, Step, differing
from budgetnet.ops.signature import Factor, Rate, one_of

__all__ = [
    "ACTIVATIONS",
    "DROPPED",
    "GATES",
    "Act",
    "ActName",
    "Dropout",
    "act_specs",
    "act_steps",
    "dropout_specs",
    "dropout_steps",
]

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


@lru_cache(maxsize=1 << 14)
def act_specs(kind: str, shape: Shape, slope: float = _SLOPE) -> tuple[Spec, ...]:
    """Return the layer of an activation or gate; none for ``"none"``. Remembered: a network has few shapes.

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

DROPPED = ("values", "channels", "images")


@dataclass(frozen=True, slots=True)
class Dropout(Operation):
    """``dropout``: of single values, of whole channels (Tompson et al., arXiv 1411.4280), or of all of an image's.

    The last is stochastic depth (Huang et al., arXiv 1603.09382) at the end of a skip's body.
    """

    word: ClassVar[str] = "dropout"
    help: ClassVar[str] = (
        "dropout of single values, of whole channels (of=channels), or of all that one image has (of=images), which at "
        "the end of a skip's body is stochastic depth (Huang et al. 2016, arXiv 1603.09382)"
    )

    rate: Rate
    of: Annotated[str, one_of(*DROPPED)] = "values"

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, or none."""
        return dropout_specs(self.rate, shape, self.of)

    def steps(self) -> tuple[Step, ...]:
        """One step, or none."""
        return dropout_steps(self.rate, self.of)


def dropout_specs(rate: float, shape: Shape, of: str = "values") -> tuple[Spec, ...]:
    """Return dropout's layer; none for a rate of 0. The channels of a vector are its values."""
    if not rate:
        return ()
    path = {"channels": "nn.Dropout2d" if len(shape) > 1 else "nn.Dropout", "images": "ImageDropout"}
    return (Spec(path.get(of, "nn.Dropout"), shape, (rate,), in_place=True),)


def dropout_steps(rate: float, of: str = "values") -> tuple[Step, ...]:
    """Return dropout's normal form."""
    if not rate:
        return ()
    return (Step(f"dropout {rate!r}" if of == "values" else f"dropout {rate!r} {of}", random=True),)
