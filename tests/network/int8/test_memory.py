"""Memory in int8 against ExecuTorch's planner, as it planned these networks once (executorch 1.5.1, Cortex-M4)."""

from __future__ import annotations

import pytest

import budgetnet as bn
from budgetnet.network.int8.memory import footprint

PLANNED = {
    "conv(3, 16, act=gelu) gap linear(classes)": 2048,
    "conv(3, 16, act=hardswish) gap linear(classes)": 3072,
    "conv(3, 16, act=hardsigmoid) gap linear(classes)": 1328,
    "conv(3, 16, act=leaky_relu) gap linear(classes)": 8192,
    "conv(3, 16, act=prelu) gap linear(classes)": 13312,
    "conv(3, 16, norm=layer) gap linear(classes)": 8704,
    "conv(3, 16) se gap linear(classes)": 2064,
    "conv(3, 16) shuffle(4) conv(1, 8) gap linear(classes)": 2048,
    "conv(3, 16) avgpool(3, stride=2, padding=1) gap linear(classes)": 2624,
    "conv(3, 16) maxpool(3, stride=1, padding=1) gap linear(classes)": 2048,
    "conv(3, 16) pad(32, stride=2) gap linear(classes)": 1536,
    "conv(3, 16) split(conv(3, 8), identity) conv(1, 8) gap linear(classes)": 2560,
    "conv(3, 16) parallel(conv(3, 8), conv(1, 8), maxpool(3, 1, 1), join=concat) gap linear(classes)": 4096,
    "conv(3, 16) parallel(conv(3, 8), conv(1, 8)) act gap linear(classes)": 2112,
    "conv(3, 16) shared(skip(conv(3, 16))){2} gap linear(classes)": 3072,
    "conv(3, 16) dwconv(3) dwconv(5, dilation=2) dwconv(3, multiplier=2) gap linear(classes)": 3072,
    "conv(3, 16) linear(32, act=relu) linear(classes)": 2048,
    "conv(3, 16) parallel(zero, conv(1, 16)) gap linear(classes)": 9216,
    "conv(3, 16) graph { a = conv(3, 16)(x); return a + x } gap linear(classes)": 3072,
}
"""Bytes of planned RAM by network, for images of 3×8×8."""


@pytest.mark.parametrize("text", PLANNED)
def test_ram_is_what_the_planner_gives(text: str) -> None:
    """The closed form equals the plan, for every kind of operation."""
    network = bn.parse_network(text, input=(3, 8, 8), classes=10)
    assert bn.count(network).ram == PLANNED[text]


def test_ram_by_hand() -> None:
    """Input, output and scratch of the second convolution: 16·64 + 24·64 + 4·(9·16) bytes."""
    network = bn.parse_network("conv(3, 16) conv(3, 24) gap linear(classes)", input=(3, 8, 8), classes=10)
    assert bn.count(network).ram == 16 * 64 + 24 * 64 + 4 * 9 * 16


def test_layers_without_an_int8_kernel_are_named() -> None:
    """What stays in float32 is named with its number; batch norm, ReLU and tables of 256 values do not."""
    text = "conv(3, 16, act=gelu) conv(3, 16, norm=layer) conv(3, 16, act=mish) act(mish) se gmp linear(classes)"
    network = bn.parse_network(text, input=(3, 8, 8), classes=10)
    assert footprint(network.network, (3, 8, 8), {}).in_float == {"LayerNorm2d": 1, "Mish": 2}


def test_a_gate_is_float_where_no_kernel_can_take_it_in() -> None:
    """Hard sigmoid is part of the convolution in front of it; behind a sum it stays in float32."""
    inside = bn.parse_network("conv(3, 16, act=hardsigmoid) gap linear(classes)", input=(3, 8, 8), classes=10)
    behind = bn.parse_network("skip(conv(3, 3)) act(hardsigmoid) gap linear(classes)", input=(3, 8, 8), classes=10)
    assert footprint(inside.network, (3, 8, 8), {}).in_float == {}
    assert footprint(behind.network, (3, 8, 8), {}).in_float == {"Hardsigmoid": 1}
