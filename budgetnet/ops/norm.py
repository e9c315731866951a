"""Norms, alone or as a part of another operation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Annotated, Any, ClassVar, NamedTuple

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Operation, Shape, Spec, Step, describe_shape, differing, image
from budgetnet.ops.signature import Count, Epsilon, one_of

__all__ = [
    "AFFINE",
    "NORMS",
    "PICKY",
    "AffineName",
    "Norm",
    "NormName",
    "NormOptions",
    "ResponseNorm",
    "check_norm",
    "norm_specs",
    "norm_steps",
]

NORMS = ("batch", "group", "layer", "instance", "none")
AFFINE = ("true", "false", "scale", "bias")
PICKY = ("group", "instance")
"""Norms that cannot be applied to every shape."""
NormName = Annotated[str, one_of(*NORMS)]
AffineName = Annotated[str, one_of(*AFFINE)]

_EPSILON = 1e-5
"""PyTorch's."""


class NormOptions(NamedTuple):
    """A norm's arguments beside its kind."""

    groups: int = 8
    """Groups of a group norm."""
    eps: float = _EPSILON
    affine: str = "true"
    """One of `AFFINE`: a learned factor and a learned offset per channel, or one of them, or none."""


USUAL = NormOptions()
"""PyTorch's."""


@dataclass(frozen=True, slots=True)
class Norm(Operation):
    """``norm``: ``groups`` matters for ``group`` only; ``layer`` normalises channels at each position."""

    word: ClassVar[str] = "norm"
    help: ClassVar[str] = (
        "batch norm, group norm (groups), layer norm over channels at each position, instance norm, or none; "
        "affine=scale or bias keeps only the learned factor or offset"
    )

    kind: NormName = "batch"
    groups: Count = 8
    eps: Epsilon = _EPSILON
    affine: AffineName = "true"

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        check_norm(self.kind, shape, self._options())
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, two where only a factor or an offset is learned, or none."""
        return norm_specs(self.kind, self.output(shape), self._options())

    def steps(self) -> tuple[Step, ...]:
        """One step, or none."""
        return norm_steps(self.kind, self._options())

    def short(self) -> str:
        """``batchnorm``."""
        return f"{self.kind}norm"

    def _options(self) -> NormOptions:
        return NormOptions(self.groups, self.eps, self.affine)


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


def check_norm(kind: str, shape: Shape, options: NormOptions = USUAL) -> None:
    """Refuse a shape that a norm cannot be applied to.

    Raises:
        ShapeError: its channels do not form equal groups of more than one value, or an instance norm finds no image
            of more than one position.
    """
    if kind == "instance" and prod(shape[1:]) == 1:  # PyTorch refuses it: the norm of one value is zero
        raise ShapeError(f"instance norm needs more than one position, but got {describe_shape(shape)}")
    if kind != "group":
        return
    groups = options.groups
    if shape[0] % groups:
        raise ShapeError(f"group norm needs channels in {groups} equal groups, but got {shape[0]}")
    if prod(shape) == groups:  # PyTorch refuses it: the norm of one value is zero
        raise ShapeError(
            f"group norm needs more than one value in each of its {groups} groups, but got {describe_shape(shape)}"
        )


_LAYERS: dict[str, tuple[str, str, str, int]] = {
    "batch": ("nn.BatchNorm2d", "nn.BatchNorm1d", "affine", 1),
    "group": ("nn.GroupNorm", "nn.GroupNorm", "affine", 4),
    "layer": ("LayerNorm2d", "nn.LayerNorm", "elementwise_affine", 4),
    "instance": ("nn.InstanceNorm2d", "nn.InstanceNorm2d", "affine", 4),
}
"""A norm's class on images, on vectors, its argument for factor and offset, and its FLOPs per value without them."""


@lru_cache(maxsize=1 << 14)
def norm_specs(kind: str, shape: Shape, options: NormOptions = USUAL) -> tuple[Spec, ...]:
    """Return a norm's layers on an image or a vector of *shape*; none for ``"none"``. Remembered, as of `act_specs`.

    Torch's norms learn a factor and an offset or neither; one of them alone is a layer of its own behind the norm.
    """
    known = _LAYERS.get(kind)
    if known is None:
        return ()
    channels, flat = shape[0], len(shape) == 1
    on_images, on_vectors, own, per_value = known
    path = on_vectors if flat else on_images
    arguments = (options.groups, channels) if kind == "group" else (channels,)
    affine = options.affine == "true"
    flops = (per_value + affine) * prod(shape)
    usual = kind != "instance"  # torch's instance norm learns nothing unless told
    named: tuple[tuple[str, Any], ...] = () if options.eps == _EPSILON else (("eps", options.eps),)
    if affine != usual:
        named += ((own, affine),)
    norm = Spec(path, shape, arguments, named, 2 * channels * affine, flops, in_place=True)
    if options.affine in ("true", "false"):
        return (norm,)
    behind = Spec(
        "ChannelScale" if options.affine == "scale" else "ChannelOffset",
        shape,
        (channels,),
        differing(axes=(len(shape) - 1, 2)),
        channels,
        in_place=True,
    )
    return norm, behind


def norm_steps(kind: str, options: NormOptions = USUAL) -> tuple[Step, ...]:
    """Return a norm's normal form."""
    if kind == "none":
        return ()
    text = f"norm {kind} {options.groups}" if kind == "group" else f"norm {kind}"
    if options.eps != _EPSILON:
        text += f" eps {options.eps!r}"
    if options.affine in ("true", "false"):
        affine = options.affine == "true"
        return (Step(text if affine else f"{text} plain", weighted=affine),)
    learned = "scale 1.0" if options.affine == "scale" else "offset"
    return Step(f"{text} plain"), Step(learned, weighted=True)
