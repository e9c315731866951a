"""Squeeze-and-excitation: channels weighted by what global pooling saw."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from budgetnet.ops.base import Operation, Shape, Spec, Step, image
from budgetnet.ops.pointwise import GATES, ActName, act_specs
from budgetnet.ops.signature import AutoCount, Count, one_of

__all__ = ["SqueezeExcite"]


@dataclass(frozen=True, slots=True)
class SqueezeExcite(Operation):
    """``se``: squeeze-and-excitation (Hu et al., arXiv 1709.01507); 1x1 convolutions with bias."""

    word: ClassVar[str] = "se"
    help: ClassVar[str] = (
        "squeeze-and-excitation: gap, 1x1 conv to channels // reduction or width, act, 1x1 conv back, gate, product"
    )

    reduction: Count = 4
    act: ActName = "relu"
    gate: Annotated[str, one_of(*GATES)] = "sigmoid"
    width: AutoCount = "auto"

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return image(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, whose parts a layer table lists; that the gates see the whole image counts as nothing."""
        channels, reduced = self.output(shape)[0], self._reduced(shape)
        small, wide = (reduced, 1, 1), (channels, 1, 1)
        act, (gate,) = act_specs(self.act, small), act_specs(self.gate, wide)
        products = channels * reduced
        convolution = Spec("nn.Conv2d", small, (channels, reduced, 1), (), products + reduced, products, weighted=True)
        back = Spec("nn.Conv2d", wide, (reduced, channels, 1), (), products + channels, products, weighted=True)
        parts = (
            ("pool", Spec("nn.AdaptiveAvgPool2d", wide, (1,), flops=prod(shape))),
            ("reduce", convolution),
            *(("act", each) for each in act),
            ("expand", back),
            ("gate", gate),
        )
        inner = act[0] if act else Spec("nn.Identity", small, view=True)
        return (Spec("SqueezeExcitation", shape, (channels, reduced, inner, gate), parts=parts),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        inner = self.reduction if self.width == "auto" else f"width {self.width}"
        return (Step(f"se {inner} {self.act} {self.gate}", weighted=True),)

    def memory(self, specs: tuple[Spec, ...], shape: Shape) -> tuple[int, int]:  # noqa: ARG002
        """The input lasts until the product, which takes its place, or a copy's if it must last longer."""
        entry, channels = prod(shape), shape[0]
        gates = entry + channels + self._reduced(shape)
        return gates, max(gates, entry + channels + entry)

    def _reduced(self, shape: Shape) -> int:
        return max(1, shape[0] // self.reduction) if isinstance(self.width, str) else self.width
