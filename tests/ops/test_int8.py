"""Bytes of flash of single operations, and scratch buffers against CMSIS-NN's own answers."""

from __future__ import annotations

import pytest

from budgetnet.ops.base import Operation
from budgetnet.ops.conv import Conv, DepthwiseConv
from budgetnet.ops.int8 import aligned, kernel_of, scratch_of
from budgetnet.ops.linear import Linear
from budgetnet.ops.norm import Norm
from budgetnet.ops.pointwise import Act
from budgetnet.ops.pool import AvgPool, GlobalAvgPool, MaxPool
from budgetnet.ops.squeeze_excite import SqueezeExcite
from budgetnet.ops.tokens import Attention


@pytest.mark.parametrize(
    ("operation", "flash"),
    [
        (Conv(3, 24), 9 * 16 * 24 + 12 * 24),
        (Conv(3, 24, norm="none"), 9 * 16 * 24 + 12 * 24),
        (Conv(3, 24, groups=4), 9 * 4 * 24 + 12 * 24),
        (Conv(3, 24, order="norm act conv"), 13 * 16 + 9 * 16 * 24 + 12 * 24),
        (Conv(3, 24, act="gelu"), 9 * 16 * 24 + 12 * 24 + 256),
        (DepthwiseConv(5), 25 * 16 + 12 * 16),
        (Linear(10), 16 * 64 * 10 + 4 * 10),
        (Norm(), 13 * 16),
        (Norm("layer"), 4 * 32),
        (Act("relu"), 0),
        (Act("tanh"), 256),
        (MaxPool(), 0),
        (SqueezeExcite(4), 4 * 16 + 12 * 4 + 4 * 16 + 12 * 16 + 256),
    ],
)
def test_flash_by_hand(operation: Operation, flash: int) -> None:
    """Weights take a byte, biases 4, scales 8 per channel of a convolution."""
    assert operation.part((16, 8, 8)).flash == flash


@pytest.mark.parametrize(
    ("operation", "channels", "scratch"),
    [
        (Conv(3, 16), 3, 112),
        (Conv(5, 16), 3, 304),
        (Conv(3, 24), 17, 624),
        (Conv(1, 24), 17, 0),
        (Conv(1, 24, padding=1), 16, 64),
        (Conv(3, 32, dilation=2), 16, 576),
        (Conv(3, 16, groups=4), 16, 576),
        (DepthwiseConv(3), 16, 0),
        (DepthwiseConv(5), 16, 800),
        (DepthwiseConv(7), 16, 1568),
        (DepthwiseConv(1), 16, 32),
        (DepthwiseConv(3, multiplier=2), 16, 0),
        (DepthwiseConv(3, dilation=2), 16, 0),
        (AvgPool(), 24, 96),
        (GlobalAvgPool(), 16, 64),
        (MaxPool(), 16, 0),
    ],
)
def test_scratch_is_what_cmsis_nn_asks_for(operation: Operation, channels: int, scratch: int) -> None:
    """Sizes as ``cmsis_nn.*_buffer_size`` of executorch 1.5.1 gives them for the DSP extension."""
    entry = (channels, 16, 16)
    assert scratch_of(operation.specs(entry)[0], entry) == scratch


def test_attention_is_in_float32_as_a_whole() -> None:
    """By hand: 4 bytes per parameter; queries, keys and values, and the scores of 64 positions in 2 heads."""
    operation = Attention(2, width=8)
    params = 16 * 24 + 24 + 8 * 16 + 16
    assert operation.part((16, 8, 8)).params == params
    assert operation.part((16, 8, 8)).flash == 4 * params
    (spec,) = operation.specs((16, 8, 8))
    assert kernel_of(spec) == "float"
    assert scratch_of(spec, (16, 8, 8)) == 4 * (64 * 8 + 2 * 2 * 64 * 64)
    (narrow,) = operation.specs((16, 1, 2))
    assert scratch_of(narrow, (16, 1, 2)) == 4 * (3 * 2 * 8 + 2 * 2 * 2)


def test_tensors_start_at_multiples_of_16() -> None:
    """A tensor's size is rounded up."""
    assert [aligned(size) for size in (0, 1, 16, 17)] == [0, 16, 16, 32]
