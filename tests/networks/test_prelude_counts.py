"""The prelude's rules, one instance each: parameters against a hand count, functions against torchvision's blocks."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torchvision.models import convnext, densenet, efficientnet, mobilenetv2, resnet, shufflenetv2

from budgetnet.derivation.decision import Chooser
from budgetnet.derivation.expand import expand, refuse
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.load import load
from budgetnet.network.cost.closed_form import cost, output_of
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch.build import build
from budgetnet.network.torch.measure import measure
from budgetnet.ops.registry import BUILTIN
from budgetnet.ops.signature import Vocabulary
from tests.networks.function import same_output

WIDTH = 32
SIDE = 8
VOCABULARY = Vocabulary(BUILTIN)


def part(rule: str, text: str, shape: Shape, after: int, choose: Chooser = refuse) -> Node:
    """One instance of a rule, as a network that ends with its channels pooled."""
    grammar = load(f"from prelude import {rule}\nnetwork = {text} gap", vocabulary=VOCABULARY)
    return expand(grammar, input_shape=shape, classes=after, vocabulary=VOCABULARY, choose=choose).network


# Hand counts at 32 channels in. A convolution has kernel^2 x in / groups x out weights, a norm 2 x channels; a bias
# stands where the paper has one. Beside each call: the channels that come out, and the sum in the order of the parts.
GOLDEN: dict[str, tuple[str, int, int]] = {
    # --- plain: convolution and norm
    "regular": ("regular(48)", 48, 9 * 32 * 48 + 2 * 48),
    "dilated": ("dilated(48)", 48, 9 * 32 * 48 + 2 * 48),
    # depthwise and norm, 1x1 and norm
    "separable": ("separable(48)", 48, 9 * 32 + 2 * 32 + 32 * 48 + 2 * 48),
    # --- residual: two 3x3 with norms, and the projection with its norm
    "residual_basic": (
        "residual_basic(64, 2)",
        64,
        (9 * 32 * 64 + 2 * 64) + (9 * 64 * 64 + 2 * 64) + (32 * 64 + 2 * 64),
    ),
    # the same without the projection
    "residual_padded": ("residual_padded(64, 2)", 64, (9 * 32 * 64 + 2 * 64) + (9 * 64 * 64 + 2 * 64)),
    # 1x1 to a quarter, 3x3, 1x1 back, projection, each with a norm
    "residual_bottleneck": (
        "residual_bottleneck(64)",
        64,
        (32 * 16 + 2 * 16) + (9 * 16 * 16 + 2 * 16) + (16 * 64 + 2 * 64) + (32 * 64 + 2 * 64),
    ),
    # two 3x3 with norms; squeeze 32 -> 2 and excite 2 -> 32 with biases
    "residual_se": ("residual_se", 32, 2 * (9 * 32 * 32 + 2 * 32) + (32 * 2 + 2) + (2 * 32 + 32)),
    # norms are on the inputs
    "preact_basic": ("preact_basic", 32, (2 * 32 + 9 * 32 * 32) + (2 * 32 + 9 * 32 * 32)),
    "preact_bottleneck": ("preact_bottleneck(32)", 32, (2 * 32 + 32 * 8) + (2 * 8 + 9 * 8 * 8) + (2 * 8 + 8 * 32)),
    # --- mobile: 1x1 to 6 x 32, depthwise, 1x1 back, each with a norm
    "mbconv": ("mbconv(6)", 32, (32 * 192 + 2 * 192) + (9 * 192 + 2 * 192) + (192 * 32 + 2 * 32)),
    "mbconv_down": ("mbconv_down(6, 48)", 48, (32 * 192 + 2 * 192) + (9 * 192 + 2 * 192) + (192 * 48 + 2 * 48)),
    # the same 4 x wide with squeeze 128 -> 8 (a quarter of 32) and excite 8 -> 128
    "mbconv_se": (
        "mbconv_se(4)",
        32,
        (32 * 128 + 2 * 128) + (9 * 128 + 2 * 128) + (128 * 8 + 8 + 8 * 128 + 128) + (128 * 32 + 2 * 32),
    ),
    "mbconv_se_down": (
        "mbconv_se_down(4, 48)",
        48,
        (32 * 128 + 2 * 128) + (9 * 128 + 2 * 128) + (128 * 8 + 8 + 8 * 128 + 128) + (128 * 48 + 2 * 48),
    ),
    # squeeze 32 -> 16, expand to 64 by 1x1 and to 64 by 3x3, each with a norm
    "fire": ("fire(128)", 128, (32 * 16 + 2 * 16) + (16 * 64 + 2 * 64) + (9 * 16 * 64 + 2 * 64)),
    # half by 1x1, half by depthwise 3x3
    "ghost": ("ghost(64)", 64, (32 * 32 + 2 * 32) + (9 * 32 + 2 * 32)),
    # a ghost module to 64 and one back to 32
    "ghost_bottleneck": (
        "ghost_bottleneck(2)",
        32,
        (32 * 32 + 2 * 32) + (9 * 32 + 2 * 32) + (64 * 16 + 2 * 16) + (9 * 16 + 2 * 16),
    ),
    # 16 channels pass; 16 go through 1x1, depthwise, 1x1
    "shuffle_unit": ("shuffle_unit", 32, (16 * 16 + 2 * 16) + (9 * 16 + 2 * 16) + (16 * 16 + 2 * 16)),
    # all 32 go both ways: depthwise, 1x1; and 1x1, depthwise, 1x1
    "shuffle_down": (
        "shuffle_down(64)",
        64,
        (9 * 32 + 2 * 32) + (32 * 32 + 2 * 32) + (32 * 32 + 2 * 32) + (9 * 32 + 2 * 32) + (32 * 32 + 2 * 32),
    ),
    # --- dense: norm of all, 1x1 to 4 x 12, norm, 3x3 to 12
    "dense_layer": ("dense_layer", 44, 2 * 32 + 32 * 48 + 2 * 48 + 9 * 48 * 12),
    # three of them, on 32, 44 and 56 channels
    "dense_block": ("dense_block(3)", 68, sum(2 * c + c * 48 + 2 * 48 + 9 * 48 * 12 for c in (32, 44, 56))),
    "dense_transition": ("dense_transition", 16, 2 * 32 + 32 * 16),
    # --- multi-scale: three of four slices of 8 channels are convolved
    "res2net_split": ("res2net_split", 32, 3 * (9 * 8 * 8 + 2 * 8)),
    # and 1x1 before and after
    "res2net": ("res2net", 32, (32 * 32 + 2 * 32) + 3 * (9 * 8 * 8 + 2 * 8) + (32 * 32 + 2 * 32)),
    # --- modern: depthwise 7x7, layer norm, 1x1 to 128 and back, all with biases; layer scale
    "convnext": ("convnext", 32, (49 * 32 + 32) + 2 * 32 + (32 * 128 + 128) + (128 * 32 + 32) + 32),
    "convnext_down": ("convnext_down(64)", 64, 2 * 32 + (4 * 32 * 64 + 64)),
    # quarters of 8 channels: as they are, 3x3, 7x7, dilated 7x7; layer norm; 1x1 to 64 and, after the gate, from 32
    "tiniest": (
        "tiniest",
        32,
        (9 * 8 + 8) + (49 * 8 + 8) + (49 * 8 + 8) + 2 * 32 + (32 * 64 + 64) + (32 * 32 + 32) + 32,
    ),
    # 4x4 in 16 groups of 2 channels, with bias and layer norm
    "tiniest_down": ("tiniest_down(80)", 80, (16 * 2 * 80 + 80) + 2 * 80),
    # --- the network this project starts from
    "dropped_regular": ("dropped_regular", 32, 9 * 32 * 32 + 2 * 32),
    # 3x3 to 64 in 32 groups of 1 channel, 1x1 back
    "dropped_dilated": ("dropped_dilated", 32, (9 * 1 * 64 + 2 * 64) + (64 * 32 + 2 * 32)),
    "dropped_separable": ("dropped_separable(48)", 48, (9 * 32 + 2 * 32) + (32 * 48 + 2 * 48)),
    # --- NAS-Bench-201
    "nb201_conv": ("nb201_conv", 32, 9 * 32 * 32 + 2 * 32),
    "nb201_pool": ("nb201_pool", 32, 0),
    # the last but one alternative, a 3x3 convolution; on all six edges of the cell
    "nb201_op": ("nb201_op", 32, 9 * 32 * 32 + 2 * 32),
    "nb201_cell": ("nb201_cell", 32, 6 * (9 * 32 * 32 + 2 * 32)),
    # five convolutions and a skip
    "nats_cell": ("nats_cell", 32, 5 * (9 * 32 * 32 + 2 * 32)),
    # two 3x3 with norms, a 1x1 on the shortcut without
    "nb201_down": ("nb201_down(64)", 64, (9 * 32 * 64 + 2 * 64) + (9 * 64 * 64 + 2 * 64) + 32 * 64),
    # --- DARTS: depthwise, 1x1 and norm, twice or once
    "darts_sep": ("darts_sep", 32, 2 * (9 * 32 + 32 * 32 + 2 * 32)),
    "darts_dil": ("darts_dil", 32, 9 * 32 + 32 * 32 + 2 * 32),
    "darts_maxpool": ("darts_maxpool", 32, 0),
    "darts_avgpool": ("darts_avgpool", 32, 0),
    # two 1x1 to 16 with norms; five separable and one dilated convolution at 16; four nodes come out
    "darts_normal": (
        "graph { return darts_normal(16)(x, x) }",
        64,
        2 * (32 * 16 + 2 * 16) + (5 * 2 + 1) * (9 * 16 + 16 * 16 + 2 * 16),
    ),
    # two 1x1; the rest is pooling and skips
    "darts_reduce": ("graph { return darts_reduce(16)(x, x) }", 64, 2 * (32 * 16 + 2 * 16)),
}


def convolve(decision) -> int:
    """A chooser that takes the 3x3 convolution of NAS-Bench-201's five operations."""
    assert len(decision.labels) == 5
    return 3


def golden_part(rule: str) -> Node:
    """The instance that the table counts."""
    text, after, _ = GOLDEN[rule]
    return part(rule, text, (WIDTH, SIDE, SIDE), after, convolve if rule in ("nb201_op", "nb201_cell") else refuse)


def test_every_rule_has_a_hand_count():
    """A rule added to the prelude needs a line above."""
    assert {rule.name for rule in prelude().rules} == GOLDEN.keys()


@pytest.mark.parametrize("rule", GOLDEN)
def test_parameters_are_the_hand_count(rule: str):
    """Closed form, numel and the sum worked out by hand agree; so do the FLOPs of the closed form and of fvcore."""
    network, shape = golden_part(rule), (WIDTH, SIDE, SIDE)
    closed, counted = cost(network, shape), measure(network, shape)
    assert closed.params == counted.params == GOLDEN[rule][2]
    assert closed.flops == counted.flops
    assert output_of(network, shape) == (GOLDEN[rule][1], 1, 1)


@pytest.mark.parametrize("rule", GOLDEN)
def test_every_parameter_gets_a_gradient(rule: str):
    """One backward pass is finite and reaches every parameter."""
    torch.manual_seed(0)
    module = build(golden_part(rule), (WIDTH, SIDE, SIDE)).train()
    image = torch.randn(4, WIDTH, SIDE, SIDE, requires_grad=True)
    module(image).square().sum().backward()
    assert image.grad is not None
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


# --- the same blocks in torchvision --------------------------------------------------------------------

NORM = nn.BatchNorm2d


def shortcut(stride: int, after: int) -> nn.Module:
    """ResNet's projection."""
    return nn.Sequential(nn.Conv2d(WIDTH, after, 1, stride, bias=False), NORM(after))


def mbconv_config(factor: float, stride: int, after: int) -> efficientnet.MBConvConfig:
    """EfficientNet's description of a block."""
    return efficientnet.MBConvConfig(factor, 3, stride, WIDTH, after, 1)


TORCHVISION = [
    ("residual_basic(64, 2)", 64, lambda: resnet.BasicBlock(WIDTH, 64, 2, shortcut(2, 64))),
    ("residual_basic", 32, lambda: resnet.BasicBlock(WIDTH, WIDTH)),
    ("residual_bottleneck(64, s=2)", 64, lambda: resnet.Bottleneck(WIDTH, 16, 2, shortcut(2, 64))),
    ("mbconv(6)", 32, lambda: mobilenetv2.InvertedResidual(WIDTH, WIDTH, 1, 6)),
    ("mbconv_down(6, 48)", 48, lambda: mobilenetv2.InvertedResidual(WIDTH, 48, 2, 6)),
    ("mbconv_se(4)", 32, lambda: efficientnet.MBConv(mbconv_config(4, 1, 32), 0.0, NORM)),
    ("mbconv_se_down(4, 48)", 48, lambda: efficientnet.MBConv(mbconv_config(4, 2, 48), 0.0, NORM)),
    ("shuffle_unit", 32, lambda: shufflenetv2.InvertedResidual(WIDTH, WIDTH, 1)),
    ("shuffle_down(64)", 64, lambda: shufflenetv2.InvertedResidual(WIDTH, 64, 2)),
    ("dense_block(3)", 68, lambda: densenet._DenseBlock(3, WIDTH, 4, 12, 0.0)),
    ("dense_transition", 16, lambda: densenet._Transition(WIDTH, 16)),
    ("convnext", 32, lambda: convnext.CNBlock(WIDTH, 1.0, 0.0)),
    (
        "convnext_down(64)",
        64,
        lambda: nn.Sequential(partial(convnext.LayerNorm2d, eps=1e-6)(WIDTH), nn.Conv2d(WIDTH, 64, 2, 2)),
    ),
]


@pytest.mark.parametrize(("text", "after", "block"), TORCHVISION, ids=[text for text, _, _ in TORCHVISION])
def test_blocks_compute_what_torchvisions_compute(text: str, after: int, block):
    """With equal weights a rule and torchvision's module for the same block give the same output."""
    network = part(text.split("(")[0], text, (WIDTH, SIDE, SIDE), after)
    torch.manual_seed(0)
    theirs = nn.Sequential(block(), nn.AdaptiveAvgPool2d(1))
    assert same_output(build(network, (WIDTH, SIDE, SIDE)), theirs, (WIDTH, SIDE, SIDE))
