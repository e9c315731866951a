"""Tokens: what attention and its companions compute, and how their products are counted."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import budgetnet as bn
from budgetnet.errors import ShapeError
from budgetnet.network.cost.closed_form import cost, layers
from budgetnet.network.nodes import Conv, Node, Sequence, Shape, Skip
from budgetnet.network.torch.build import build_nodes
from budgetnet.ops.tokens import Attention, Position, PrependToken, TakeFirst, TokenPool, Tokens, Transpose

IMAGE: Shape = (12, 3, 5)


def run(node: Node, image: torch.Tensor, shape: Shape) -> torch.Tensor:
    """The output of a part on (N, C, H, W)."""
    module = build_nodes(node, tuple(image.shape[1:])).eval()
    return module(image).view(len(image), *shape)


@pytest.mark.parametrize(("heads", "bias"), [(1, True), (3, True), (4, False)])
def test_attention_is_torchs(heads: int, bias: bool) -> None:
    """With the same weights it computes what `nn.MultiheadAttention` does on the flattened positions."""
    torch.manual_seed(0)
    module = build_nodes(Attention(heads, bias=bias, out_bias=bias), IMAGE).eval()
    theirs = nn.MultiheadAttention(12, heads, bias=bias, batch_first=True).eval()
    entry, project = module[0].entry, module[0].project
    with torch.no_grad():
        theirs.in_proj_weight.copy_(entry.weight)
        theirs.out_proj.weight.copy_(project.weight)
        if bias:
            theirs.in_proj_bias.copy_(entry.bias)
            theirs.out_proj.bias.copy_(project.bias)
    image = torch.randn(2, *IMAGE)
    tokens = image.flatten(2).transpose(1, 2)
    expected = theirs(tokens, tokens, tokens, need_weights=False)[0].transpose(1, 2).flatten(1)
    assert torch.allclose(module(image), expected, atol=1e-5)


@pytest.mark.parametrize("node", [Attention(3), Attention(2, 8), TokenPool(), Skip(Attention(4, bias=False))])
def test_products_are_those_of_torchs_counter(node: Node) -> None:
    """`torch.utils.flop_counter` counts two FLOPs per multiply-add, none in a softmax."""
    module = build_nodes(node, IMAGE).eval()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        module(torch.zeros(1, *IMAGE))
    counted = cost(node, IMAGE)
    assert 2 * counted.flops == counter.get_total_flops()
    assert counted.flops == sum(row.flops for row in layers(node, IMAGE))


def test_the_convention_by_hand() -> None:
    """15 positions, width 12: three projections and one back, queries with keys, weights with values."""
    counted = cost(Attention(3), IMAGE)
    assert counted.flops == 15 * 12 * 36 + 2 * 15 * 15 * 12 + 15 * 12 * 12
    assert counted.params == 12 * 36 + 36 + 12 * 12 + 12
    assert counted.activations == 15 * 36 + 15 * 12 + 15 * 12
    assert counted.depth == 2
    assert counted.peak_activation_bytes == 4 * (15 * 12 + 15 * 36)
    assert cost(Attention(1, 24), IMAGE).params == 12 * 72 + 72 + 24 * 12 + 12


def test_the_width_is_shared_by_the_heads() -> None:
    """A width that does not divide is refused."""
    with pytest.raises(ShapeError, match="attention needs a width that its 5 heads share equally, but got 12"):
        cost(Attention(5), IMAGE)
    with pytest.raises(ShapeError, match="attention needs an image, but got 12 features"):
        cost(Attention(3), (12,))


def test_grids_and_columns() -> None:
    """Positions stand row by row in one column; a transposition exchanges them with the channels."""
    image = torch.arange(2.0 * 12 * 15).view(2, *IMAGE)
    assert torch.equal(run(Tokens(), image, (12, 15, 1)), image.view(2, 12, 15, 1))
    assert torch.equal(run(Transpose(), image, (15, 12, 1))[:, :, :, 0], image.flatten(2).transpose(1, 2))
    assert torch.equal(run(Sequence((Transpose(), Transpose())), image, (12, 15, 1)), image.view(2, 12, 15, 1))
    with_token = run(PrependToken(), image, (12, 16, 1))
    assert torch.equal(with_token[:, :, 1:], image.view(2, 12, 15, 1))
    assert not with_token[:, :, 0].any()
    assert torch.equal(run(Sequence((Tokens(), TakeFirst())), image, (12, 1, 1)), image[:, :, :1, :1])


def test_positions_start_small_or_at_zero() -> None:
    """One vector per position, drawn with the stated deviation."""
    weight = next(build_nodes(Position(0.5), (64, 8, 8)).parameters())
    assert weight.shape == (64, 8, 8)
    assert 0.35 < float(weight.detach().std()) < 0.5
    assert not next(build_nodes(Position(0.0), IMAGE).parameters()).any()


def test_a_rule_mixes_tokens() -> None:
    """The channels of a transposed image are its positions, and a 1x1 convolution sees them all."""
    mixer = "skip(transpose conv(1, 8, norm=none) conv(1, 15, norm=none) transpose)"
    text = f"network = conv(1, 4) tokens {mixer} gap linear(2)"
    network = bn.parse_network(text, input=(3, 3, 5), classes=2)
    assert bn.count(network).flops == bn.measure(network).flops
    assert Conv(1, 15, norm="none") in network.network.items[2].body.items  # type: ignore[union-attr]
