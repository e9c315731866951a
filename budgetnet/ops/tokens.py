"""Operations on tokens, which are the positions of an image: attention, learned positions, other grids."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Annotated, ClassVar

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Extent, Operation, Shape, Spec, Step, differing, image, square
from budgetnet.ops.signature import AutoCount, Count, Flag, Parameter

__all__ = ["Attention", "Position", "PrependToken", "TakeFirst", "TokenPool", "Tokens", "Transpose"]

Deviation = Annotated[float, Parameter(name="", kind="float", low=0.0, high=1.0)]
"""Standard deviation of initial values; with 0 they are zeros."""


@dataclass(frozen=True, slots=True)
class Attention(Operation):
    """``attention``: multi-head self-attention between all positions (Vaswani et al., arXiv 1706.03762)."""

    word: ClassVar[str] = "attention"
    help: ClassVar[str] = (
        "multi-head self-attention between all positions: queries, keys and values of width channels in all, scaled "
        "dot products per head, and a projection back (Vaswani et al. 2017, arXiv 1706.03762)"
    )

    heads: Count = 1
    width: AutoCount = "auto"
    bias: Flag = True
    out_bias: Flag = True

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        width = self._width(image(self, shape))
        if width % self.heads:
            raise ShapeError(f"attention needs a width that its {self.heads} heads share equally, but got {width}")
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, whose parts a layer table lists.

        With N positions and a width of W, the products of queries with keys and of weights with values take 2 N² W
        multiply-adds; the softmax is free, as everywhere.
        """
        channels, width, count = self.output(shape)[0], self._width(shape), prod(shape[1:])
        entry = Spec(
            "nn.Linear",
            (count, 3 * width),
            (channels, 3 * width),
            differing(bias=(self.bias, True)),
            channels * 3 * width + self.bias * 3 * width,
            count * channels * 3 * width,
            weighted=True,
        )
        mix = Spec("DotProductAttention", (count, width), (self.heads,), (), 0, 2 * count * count * width, product=True)
        project = Spec(
            "nn.Linear",
            (count, channels),
            (width, channels),
            differing(bias=(self.out_bias, True)),
            width * channels + self.out_bias * channels,
            count * width * channels,
            weighted=True,
        )
        parts = (("entry", entry), ("mix", mix), ("project", project))
        return (Spec("SelfAttention", shape, (entry, mix, project), parts=parts),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step(f"attention {self.heads} {self.width} {self.bias} {self.out_bias}", weighted=True),)

    def memory(self, specs: tuple[Spec, ...], shape: Shape) -> tuple[int, int]:  # noqa: ARG002
        """Queries, keys and values live until they are mixed; the weights between positions are never stored whole."""
        entry, mixed = prod(shape), prod(shape[1:]) * self._width(shape)
        behind = max(3 * mixed + mixed, mixed + entry)
        return max(entry + 3 * mixed, behind), entry + max(3 * mixed, behind)

    def window(self) -> Extent:
        """See the whole image, which counts as nothing; positions stay where they are."""
        return square(0, 1)

    def short(self) -> str:
        """``attention×3``."""
        return f"attention×{self.heads}"

    def _width(self, shape: Shape) -> int:
        return shape[0] if isinstance(self.width, str) else self.width


@dataclass(frozen=True, slots=True)
class Position(Operation):
    """``position``: a learned vector per position, added (Dosovitskiy et al., arXiv 2010.11929)."""

    word: ClassVar[str] = "position"
    help: ClassVar[str] = (
        "a learned vector per position, added; drawn with standard deviation init (ViT's position embedding, "
        "Dosovitskiy et al. 2020, arXiv 2010.11929)"
    )

    init: Deviation = 0.02

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return image(self, shape)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        arguments = self.output(shape)
        options = differing(init=(float(self.init), 0.02))
        return (Spec("PositionEmbedding", shape, arguments, options, prod(shape), in_place=True),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step(f"position {self.init!r}", weighted=True),)


@dataclass(frozen=True, slots=True)
class Tokens(Operation):
    """``tokens``: the positions of an image in one column."""

    word: ClassVar[str] = "tokens"
    help: ClassVar[str] = "the positions of an image, row by row, as one column: an image of width 1"

    def output(self, shape: Shape) -> Shape:
        """Make one column of the positions."""
        channels, height, width = image(self, shape)
        return (channels, height * width, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer; none where they are a column already."""
        return () if shape[2:] == (1,) else (Spec("TokenColumn", self.output(shape), in_place=True),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("tokens", idempotent=True),)


@dataclass(frozen=True, slots=True)
class Transpose(Operation):
    """``transpose``: channels and tokens exchanged, so that a 1x1 convolution mixes tokens (arXiv 2105.01601)."""

    word: ClassVar[str] = "transpose"
    help: ClassVar[str] = (
        "tokens become channels and channels tokens, so that conv(1, …) mixes positions (MLP-Mixer, Tolstikhin et al. "
        "2021, arXiv 2105.01601)"
    )

    def output(self, shape: Shape) -> Shape:
        """Exchange channels and positions; the positions are one column."""
        channels, height, width = image(self, shape)
        return (height * width, channels, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("TokenTranspose", self.output(shape)),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("transpose"),)

    def window(self) -> Extent:
        """See the whole image from here on, which counts as nothing."""
        return square(0, 0)


@dataclass(frozen=True, slots=True)
class PrependToken(Operation):
    """``class_token``: one learned token in front of the others (Devlin et al., arXiv 1810.04805)."""

    word: ClassVar[str] = "class_token"
    help: ClassVar[str] = "one learned token in front of the others, started at 0; an image becomes a column first"

    def output(self, shape: Shape) -> Shape:
        """Add a token."""
        channels, height, width = image(self, shape)
        return (channels, height * width + 1, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("ClassToken", self.output(shape), (shape[0],), params=shape[0]),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("class_token", weighted=True),)


@dataclass(frozen=True, slots=True)
class TakeFirst(Operation):
    """``first``: the first position alone, where a class token is."""

    word: ClassVar[str] = "first"
    help: ClassVar[str] = "the first position alone, where class_token put its token"

    def output(self, shape: Shape) -> Shape:
        """Leave one position."""
        return (image(self, shape)[0], 1, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("FirstToken", self.output(shape)),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("first", idempotent=True),)

    def window(self) -> Extent:
        """See one position, which has no neighbours."""
        return square(0, 0)


@dataclass(frozen=True, slots=True)
class TokenPool(Operation):
    """``seqpool``: a mean over all positions with learned weights (Hassani et al., arXiv 2104.05704)."""

    word: ClassVar[str] = "seqpool"
    help: ClassVar[str] = (
        "mean over all positions, weighted by the softmax of a linear layer (CCT's sequence pooling, Hassani et al. "
        "2021, arXiv 2104.05704)"
    )

    def output(self, shape: Shape) -> Shape:
        """Leave one position."""
        return (image(self, shape)[0], 1, 1)

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer, whose parts a layer table lists: the linear layer, and the product of weights with tokens."""
        channels, count = self.output(shape)[0], prod(shape[1:])
        weigh = Spec("nn.Linear", (count, 1), (channels, 1), (), channels + 1, count * channels, weighted=True)
        mean = Spec("WeightedMean", (channels, 1, 1), (), (), 0, count * channels, product=True)
        return (Spec("SequencePool", (channels, 1, 1), (weigh, mean), parts=(("weigh", weigh), ("mean", mean))),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step("seqpool", weighted=True),)

    def memory(self, specs: tuple[Spec, ...], shape: Shape) -> tuple[int, int]:  # noqa: ARG002
        """The input lives until the product."""
        entry, count = prod(shape), prod(shape[1:])
        return entry + count + shape[0], entry + count + shape[0]

    def window(self) -> Extent:
        """See the whole image, which counts as nothing."""
        return square(0, 0)
