"""Operations on whole channels or positions: shuffle, identity, zero, scale, pad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from budgetnet.errors import ShapeError
from budgetnet.ops.base import Extent, Operation, Shape, Spec, Step, differing, image, square
from budgetnet.ops.signature import Count, Factor, Flag

__all__ = ["Identity", "Pad", "Scale", "Shuffle", "Zero"]


@dataclass(frozen=True, slots=True)
class Shuffle(Operation):
    """``shuffle``: channel shuffle (ShuffleNet, arXiv 1707.01083)."""

    word: ClassVar[str] = "shuffle"
    help: ClassVar[str] = "channel shuffle between groups"

    groups: Count = 2

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        channels = image(self, shape)[0]
        if channels % self.groups:
            raise ShapeError(f"{channels} channels cannot be shuffled between {self.groups} equal groups")
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("ChannelShuffle", self.output(shape), (self.groups,)),)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for a single group."""
        return () if self.groups == 1 else (Step(f"shuffle {self.groups}"),)


@dataclass(frozen=True, slots=True)
class Identity(Operation):
    """``identity``."""

    word: ClassVar[str] = "identity"
    help: ClassVar[str] = "nothing"

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:  # noqa: ARG002
        """No layer."""
        return ()

    def steps(self) -> tuple[Step, ...]:
        """No step."""
        return ()


@dataclass(frozen=True, slots=True)
class Zero(Operation):
    """``zero``: zeros, every stride-th position (NAS-Bench-201, DARTS)."""

    word: ClassVar[str] = "zero"
    help: ClassVar[str] = "zeros of the same width, strided"

    stride: Count = 1

    def output(self, shape: Shape) -> Shape:
        """Keep every stride-th position."""
        channels, height, width = image(self, shape)
        return (channels, -(-height // self.stride), -(-width // self.stride))

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        return (Spec("Zeros", self.output(shape), (), differing(stride=(self.stride, 1))),)

    def steps(self) -> tuple[Step, ...]:
        """One step, which a sum leaves out."""
        return (Step(f"zero {self.stride}"),)

    def window(self) -> Extent:
        """Skip positions, without growing."""
        return square(0, self.stride)


@dataclass(frozen=True, slots=True)
class Scale(Operation):
    """``scale``: one learned factor per channel (LayerScale, arXiv 2103.17239), or a constant one."""

    word: ClassVar[str] = "scale"
    help: ClassVar[str] = (
        "one learned factor per channel, started at init; learned=false: init is a constant factor of everything"
    )

    init: Factor = 1.0
    learned: Flag = True

    def output(self, shape: Shape) -> Shape:
        """Leave the shape as it is."""
        return shape

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer; none for the constant 1."""
        if not self.learned:
            return (Spec("ConstantScale", shape, (float(self.init),), in_place=True),) if self.init != 1 else ()
        options = differing(init=(float(self.init), 1.0), axes=(len(shape) - 1, 2))
        return (Spec("ChannelScale", shape, (shape[0],), options, shape[0], in_place=True),)

    def steps(self) -> tuple[Step, ...]:
        """One step; none for the constant 1."""
        if not self.learned:
            return (Step(f"times {float(self.init)!r}"),) if self.init != 1 else ()
        return (Step(f"scale {self.init!r}", weighted=True),)


@dataclass(frozen=True, slots=True)
class Pad(Operation):
    """``pad``: strided subsampling and zero channels on both sides (ResNet option A, arXiv 1512.03385)."""

    word: ClassVar[str] = "pad"
    help: ClassVar[str] = (
        "zero channels added on both sides up to channels, every stride-th position kept (ResNet's option A)"
    )

    channels: Count
    stride: Count = 1

    def output(self, shape: Shape) -> Shape:
        """Add channels, and keep every stride-th position."""
        channels, height, width = image(self, shape)
        if self.channels < channels:
            raise ShapeError(f"pad adds channels, it cannot turn {channels} into {self.channels}")
        return (self.channels, -(-height // self.stride), -(-width // self.stride))

    def specs(self, shape: Shape) -> tuple[Spec, ...]:
        """One layer."""
        after = self.output(shape)
        options = differing(stride=(self.stride, 1))
        return (Spec("ChannelPad", after, (self.channels - shape[0],), options),)

    def steps(self) -> tuple[Step, ...]:
        """One step."""
        return (Step(f"pad {self.channels} {self.stride}"),)

    def window(self) -> Extent:
        """Skip positions, without growing."""
        return square(0, self.stride)
