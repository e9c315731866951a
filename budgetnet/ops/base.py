"""Interface of every operation: its shape rule, its layers with their cost, its window, its normal form, its text.

An operation's layers are *specs*: the call that makes each layer, next to what the layer does and costs on its
input. The torch module, the layer table and the exported source are three readings of them.

Costs follow fvcore 0.1.5 (its ``nn/jit_handles.py``) on a network in eval mode, batch 1; one multiply-add counts as
one FLOP:

- convolution: output positions x output channels x kernel² x input channels / groups; linear: in x out;
  biases are free;
- batch norm: 2 per value; group, layer and instance norm: 5 per value (1 less where they learn no factor and offset);
- global average pooling: 1 per value of its input; upsampling: 1 per value it puts out, 4 if interpolated;
- scaled dot-product attention: positions² x 2 x width (queries with keys, weights with values); its softmax is free;
- free: max and average pooling, global max pooling, activations, dropout, sums, products (so also the gates of
  squeeze-and-excitation and a learned scale), concatenation, slices, channel shuffle, zeros, zero padding.

Shapes are without the batch: ``(channels, height, width)`` for an image, ``(features,)`` after `Linear`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from fractions import Fraction
from math import prod
from typing import Any, ClassVar, NamedTuple

from budgetnet.errors import ShapeError
from budgetnet.ops.int8 import flash_of

__all__ = [
    "Extent",
    "Operation",
    "PartCost",
    "Shape",
    "Spec",
    "Step",
    "describe_shape",
    "differing",
    "image",
    "square",
    "widest",
    "window_in_sequence",
]

Shape = tuple[int, ...]

Reach = tuple[int | Fraction, int | Fraction]
"""Along one axis: positions of the input that one position of the output sees beyond the first, and positions of the
input between two neighbours of the output (0 after global pooling, a fraction after upsampling)."""
Extent = tuple[Reach, Reach]
"""Along the height and along the width."""


class Spec(NamedTuple):
    """One layer: the call that makes it, and what it does and costs on its input."""

    path: str
    """Its class: ``nn.Conv2d``, or ``LayerNorm2d`` for one of the package's own torch modules."""
    output: Shape
    arguments: tuple[Any, ...] = ()
    """Positional arguments of the call; a layer inside a layer is a `Spec` itself."""
    options: tuple[tuple[str, Any], ...] = ()
    """Named arguments that differ from the class's default."""
    params: int = 0
    flops: int = 0
    weighted: bool = False
    """A convolution or linear layer: it counts for depth and activations."""
    product: bool = False
    """A product of what other layers put out, as in attention: it counts for activations, not for depth."""
    in_place: bool = False
    """Works on its input's memory where nobody else needs that."""
    view: bool = False
    """Hands its input on: it computes nothing, and a layer table leaves it out."""
    parts: tuple[tuple[str, Spec], ...] = ()
    """The layers inside it that a layer table lists instead of it, by their names in its module."""

    @property
    def type(self) -> str:
        """The class's name, ``"Conv2d"``."""
        return self.path.removeprefix("nn.")

    def rows(self) -> tuple[tuple[str, Spec], ...]:
        """Return what a layer table lists for it, by the name in its module (empty: the module itself)."""
        return self.parts or (() if self.view else (("", self),))


class Step(NamedTuple):
    """One plain step of an operation in normal form; equal steps compute the same function of input and weights."""

    text: str
    """The step with all its arguments: ``conv 3 16 1 1 1 1 False``."""
    weighted: bool = False
    """It has weights of its own, so that two such steps differ."""
    random: bool = False
    """Two such steps differ in training (dropout)."""
    idempotent: bool = False
    """Doing it twice in a row is doing it once."""


class PartCost(NamedTuple):
    """Cost and output shape of a part on one input; memory is counted in values, not bytes."""

    shape: Shape
    params: int
    flops: int
    activations: int
    free: int
    """Most values alive at once, input included, if nothing behind needs the input."""
    kept: int
    """The same, if the input must outlive the part."""
    depth: int
    window: Extent
    """Extent of the input that one position of the output sees."""
    alias: bool
    """The output is the input itself: nothing is computed."""
    flash: int
    """Bytes of flash in int8, see `budgetnet.ops.int8`."""


class Operation:
    """A leaf of a network: a frozen dataclass whose fields are its arguments in a grammar, all of them resolved.

    The fields' types are those of `budgetnet.ops.signature`, from which the grammar's signature is read.
    """

    __slots__ = ("known_parts",)  # and no ABCMeta, which would make the many isinstance checks of a count slow

    known_parts: dict[Shape, PartCost]
    """Its effect on the inputs met so far; unset before the first (`budgetnet.network.cost.combine.leaf`)."""

    word: ClassVar[str]
    """Its name in a grammar."""
    help: ClassVar[str]
    """One line for the language's reference."""

    @abstractmethod
    def output(self, shape: Shape) -> Shape:
        """Return the shape after it.

        Raises:
            ShapeError: it cannot be applied to an input of *shape* (plain text; the caller knows the place).
            CountError: it is a study's own primitive.
        """

    @abstractmethod
    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """Return its layers on an input of *shape*, in the order they run; raises as `output` does.

        A part that is switched off (``norm="none"``, ``dropout=0``, ``identity``) leaves no layer.
        """

    @abstractmethod
    def steps(self) -> tuple[Step, ...]:
        """Return its normal form: plain steps one after the other, none for what does nothing."""

    def window(self) -> Extent:
        """Return `PartCost.window`."""
        return _ALONE

    def memory(self, specs: tuple[Spec, ...], shape: Shape) -> tuple[int, int]:
        """Return `PartCost.free` and `PartCost.kept`; as it stands, of layers that run one after the other."""
        entry = free = kept = before = prod(shape)
        first = True
        for spec in specs:
            if spec.view:
                continue
            after = prod(spec.output)
            needed = before if spec.in_place else before + after
            if needed > free:
                free = needed
            # Where the input must last, the first layer needs a copy of it even to work in place.
            needed = entry + (after if first else needed)
            if needed > kept:
                kept = needed
            before, first = after, False
        return free, kept

    def problem(self) -> str | None:
        """Say what is wrong with its arguments taken together, or None; each one is known to be legal."""
        return None

    def short(self) -> str:
        """Return it in a few characters, for a network on one line: ``conv3-16/2``."""
        return self.word

    def part(self, shape: Shape) -> PartCost:
        """Return what it does to an input of *shape*; raises as `output` does."""
        specs = self.specs(shape)
        params = flops = activations = depth = 0
        rows: list[Spec] = []
        for spec in specs:
            if spec.parts:
                rows += [part for _, part in spec.parts]
            elif not spec.view:
                rows.append(spec)
        for row in rows:
            params += row.params
            flops += row.flops
            if row.weighted or row.product:
                activations += prod(row.output)
                depth += row.weighted
        free, kept = self.memory(specs, shape)
        after = specs[-1].output if specs else shape
        return PartCost(after, params, flops, activations, free, kept, depth, self.window(), not rows, flash_of(specs))


def square(growth: int | Fraction, stride: int | Fraction) -> Extent:
    """Return a window that is the same along both axes."""
    return (growth, stride), (growth, stride)


_ALONE = square(0, 1)


def window_in_sequence(windows: Iterable[Extent]) -> Extent:
    """Return the window of parts one after the other."""
    down: int | Fraction = 0
    across: int | Fraction = 0
    down_stride: int | Fraction = 1
    across_stride: int | Fraction = 1
    for (more_down, next_down), (more_across, next_across) in windows:  # in plain steps: every count runs this
        down += down_stride * more_down
        across += across_stride * more_across
        down_stride *= next_down
        across_stride *= next_across
    return (down, down_stride), (across, across_stride)


def widest(windows: Iterable[Extent]) -> Extent:
    """Return the window of paths that meet: the largest growth and stride along each axis."""
    down: int | Fraction = 0
    across: int | Fraction = 0
    down_stride: int | Fraction = 0
    across_stride: int | Fraction = 0
    for (more_down, next_down), (more_across, next_across) in windows:
        down, down_stride = max(down, more_down), max(down_stride, next_down)
        across, across_stride = max(across, more_across), max(across_stride, next_across)
    return (down, down_stride), (across, across_stride)


def differing(**values: tuple[object, object]) -> tuple[tuple[str, Any], ...]:
    """Return names and values of those arguments whose value (first) is not the default (second)."""
    return tuple((name, value) for name, (value, default) in values.items() if value != default)


def image(operation: Operation, shape: Shape) -> Shape:
    """Return *shape* if it is an image's.

    Raises:
        ShapeError: it is a vector's, and the operation works on images.
    """
    if len(shape) != 3:
        raise ShapeError(f"{operation.word} needs an image, but got {describe_shape(shape)}; put it before linear")
    return shape


def describe_shape(shape: Shape) -> str:
    """Return ``"64×16×16"`` for an image, ``"10 features"`` for a vector."""
    return f"{shape[0]} features" if len(shape) == 1 else "×".join(map(str, shape))
