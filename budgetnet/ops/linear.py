"""The fully connected layer."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from budgetnet.ops.base import Extent, Operation, Shape, Spec, Step, differing, square
from budgetnet.ops.pointwise import ActName, act_specs, act_steps, dropout_specs, dropout_steps
from budgetnet.ops.signature import Count, Flag, Rate

__all__ = ["Linear"]


@dataclass(frozen=True, slots=True)
class Linear(Operation):
    """``linear``: flattens, then a fully connected layer; output shape ``(features,)``."""

    word: ClassVar[str] = "linear"
    help: ClassVar[str] = "fully connected layer; flattens an image first"

    features: Count
    bias: Flag = True
    act: ActName = "none"
    dropout: Rate = 0.0

    def output(self, shape: Shape) -> Shape:  # noqa: ARG002 - any shape will do
        """Leave a vector of the features."""
        return (self.features,)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """A flattening where an image comes in, the layer, activation and dropout."""
        entry, after = prod(shape), (self.features,)
        products = entry * self.features
        flatten = (Spec("nn.Flatten", (entry,), view=True),) if len(shape) > 1 else ()
        linear = Spec(
            "nn.Linear",
            after,
            (entry, self.features),
            differing(bias=(self.bias, True)),
            products + self.bias * self.features,
            products,
            weighted=True,
        )
        return (*flatten, linear, *act_specs(self.act, after), *dropout_specs(self.dropout, after))

    def steps(self) -> tuple[Step, ...]:
        """The layer, activation and dropout."""
        linear = Step(f"linear {self.features} {self.bias}", weighted=True)
        return (linear, *act_steps(self.act), *dropout_steps(self.dropout))

    def window(self) -> Extent:
        """See the whole image, which counts as nothing."""
        return square(0, 0)

    def short(self) -> str:
        """``linear-10``."""
        return f"linear-{self.features}"
