"""Cost of a network: the totals and the rows of a layer table. One multiply-add counts as one FLOP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from budgetnet.ops.base import Shape
from budgetnet.text import notebook_html

__all__ = ["BYTES_PER_VALUE", "Cost", "CustomCost", "CustomForm", "Layer"]

BYTES_PER_VALUE = 4
"""float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The totals of one network in eval mode on one image."""

    params: int
    """Learned values: weights, biases, the factors and offsets of norms; running statistics are none."""
    flops: int
    """Multiply-adds by the conventions of fvcore 0.1.5, see `budgetnet.ops.base`."""
    activations: int
    """Values that convolutions and linear layers put out (fvcore's activation count)."""
    peak_activation_bytes: int
    """Most bytes of activations alive at once, see `budgetnet.network.cost.dag_cost`."""
    depth: int
    """Convolutions and linear layers on the longest path from input to output."""
    receptive_field: int
    """Side, in input pixels, of the square that one position of the last feature map can see.

    The largest over all paths, along the longer axis; may exceed the image. Global pooling, linear layers, attention
    and the gates of squeeze-and-excitation see the whole image and are left out: they, and what follows them, add
    nothing.
    """
    flash: int = 0
    """Bytes of flash of the constants in int8: weights, biases and scales, see `budgetnet.ops.int8`."""
    ram: int | None = None
    """Most bytes of memory needed at once in int8, see `budgetnet.network.int8.memory`; None where nobody asked."""

    def _repr_html_(self) -> str | None:
        """Show it in a notebook."""
        return notebook_html(self)


@dataclass(frozen=True, slots=True)
class Layer:
    """One row of a layer table: a leaf module that computes something."""

    name: str
    """The module's name in the built network, ``"3.body.0"``."""
    type: str
    """The module's class, ``"Conv2d"``."""
    output: Shape
    """Without the batch."""
    params: int
    flops: int
    """FLOPs of all its runs (a shared part runs several times)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomCost:
    """Cost of a study's own primitive on an input, as the study declares it: the fast path beside fvcore."""

    output: Shape
    params: int
    flops: int
    activations: int = 0
    """Values put out by convolutions and linear layers inside it."""
    flash: int | None = None
    """Bytes of flash of its constants in int8; None: 4 per parameter, for it may stay in float32."""
    depth: int = 1
    """Convolutions and linear layers on its longest path."""
    growth: int = 0
    """Positions of its input that one position of its output sees beyond the first, per side."""
    stride: int = 1
    """Positions of its input between two neighbours of its output; 0 after global pooling."""


CustomForm = Callable[..., CustomCost]
"""The closed form of a study's own primitive: called with the input's shape (without the batch) and the
arguments by name."""
