"""Values of operations: sizes along both axes, padding, what a norm learns, what dropout drops."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from budgetnet.errors import LanguageError
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.nodes import AvgPool, Conv, Dropout, MaxPool, Node, Norm, Scale, Sequence
from budgetnet.network.text import network_text, summary
from budgetnet.network.torch.build import build_nodes
from budgetnet.ops.registry import BUILTIN, make
from tests.derivation.derivations import derive


def parse(text: str) -> Node:
    """The part in front of a head."""
    network = derive(f"network = conv(3, 8) {text} gap linear(classes)", {}).network
    assert isinstance(network, Sequence)
    return Sequence(network.items[1:-2])


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("conv(1x7, 16)", Conv("1x7", 16)),
        ("conv(3x3, 16)", Conv(3, 16)),
        ("conv(3, 16, stride=2x1, dilation=1x2, padding=0x3)", Conv(3, 16, "2x1", "1x2", padding="0x3")),
        ("maxpool(2x1, stride=1x2, padding=1x0, ceil=true)", MaxPool("2x1", "1x2", "1x0", True)),
        ("avgpool(3, stride=1, padding=same, count_padding=false)", AvgPool(3, 1, "same", count_padding=False)),
        ("norm(group, groups=4, eps=0.001, affine=bias)", Norm("group", 4, 1e-3, "bias")),
        ("conv(3, 8, norm=group, norm_groups=4, norm_eps=0.001, norm_affine=false)",
         Conv(3, 8, norm="group", norm_groups=4, norm_eps=1e-3, norm_affine="false")),
        ("dropout(0.1, of=channels)", Dropout(0.1, "channels")),
        ("scale(0.5, learned=false)", Scale(0.5, False)),
    ],
)  # fmt: skip
def test_values_are_read_and_printed(text: str, node: Node) -> None:
    """The language says them, and a network's text reads back as the network."""
    assert parse(text) == Sequence((node,))
    again = derive(network_text(Sequence((Conv(3, 8), node, Conv(1, 10)))) + "\n", {}).network
    assert again == Sequence((Conv(3, 8), node, Conv(1, 10)))


def test_a_rules_parameter_may_be_a_size() -> None:
    """A kernel drawn once stands at every place that names it; a size is one option beside numbers."""
    text = "network = block(1x7|3) gap linear(classes)\nblock(k) = conv(k, 8) dwconv(k)"
    assert summary(derive(text, {"block.k": "1x7"}).network) == "conv1x7-8 · dwconv1x7 · gap · linear-10"
    assert summary(derive(text, {"block.k": 3}).network).startswith("conv3-8 · dwconv3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("conv(0x7, 16)", "conv: kernel must be a whole number of at least 1, two as in 1x7, but got 0x7"),
        ("conv(3.5, 16)", "conv: kernel must be a whole number of at least 1, two as in 1x7, but got 3.5"),
        ("conv(3, 1x7)", "conv: channels must be a whole number of at least 1, but got '1x7'"),
        ("conv(3, 1x7 + 2)", "conv: channels needs one number, but got the size 1x7"),
        ("maxpool(2, stride=outo)", "at least 1, two as in 1x7, or auto, but got 'outo'; did you mean 'auto'"),
        ("norm(eps=0)", "norm: eps must be a number from 1e-12 to 1, but got 0"),
        ("dropout(0.1..0.3)", r"a range of fractions needs a step, but got 0.1..0.3; write 0.1..0.3:0.1 or list"),
        ("conv(3, 8, dropout=0..0.2)", r"a range of fractions needs a step, but got 0..0.2; write 0..0.2:0.1 or"),
    ],
)
def test_wrong_values_are_refused(text: str, message: str) -> None:
    """The error says the rule, what came and what to do."""
    with pytest.raises(LanguageError, match=message):
        parse(text)


def test_sizes_are_checked_where_they_are_made() -> None:
    """Arguments that no text was read for are checked, too, and equal sides become one number."""
    arguments = [3 if parameter.default is None else parameter.default for parameter in BUILTIN["conv"].parameters]
    assert make(BUILTIN["conv"], ("5x5", *arguments[1:])) == Conv(5, 3)
    for wrong, message in (("0x5", "at least 1, but got 0x5"), (True, "a whole number, two as in 1x7, but got True")):
        with pytest.raises(LanguageError, match=message):
            make(BUILTIN["conv"], (wrong, *arguments[1:]))


# --- padding ----------------------------------------------------------------------------------------


@pytest.fixture
def image() -> Tensor:
    """An image of odd sides."""
    torch.manual_seed(0)
    return torch.randn(2, 3, 7, 9)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("kernel", [2, 4, (2, 3)])
@pytest.mark.parametrize("dilation", [1, 2, 3])
def test_same_padding_of_even_kernels_is_torchs(image: Tensor, kernel: int | tuple[int, int], dilation: int) -> None:
    """The extra position is below and on the right."""
    size = kernel if isinstance(kernel, int) else "x".join(map(str, kernel))
    module = build_nodes(Conv(size, 4, dilation=dilation, norm="none", act="none", bias="false"), (3, 7, 9))
    weight = next(module.parameters())
    expected = functional.conv2d(image, weight, padding="same", dilation=dilation)
    assert torch.equal(module(image), expected.flatten(1))
    # every second position of it, which is how strides meet in a skip
    strided = build_nodes(Conv(size, 4, stride=2, dilation=dilation, norm="none", act="none", bias="false"), (3, 7, 9))
    strided.load_state_dict(module.state_dict())
    assert torch.allclose(strided(image), expected[:, :, ::2, ::2].flatten(1), atol=1e-6)


@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (4, 1), (2, 2), (4, 3), (6, 1)])
def test_same_padding_of_a_max_pool_never_wins(image: Tensor, kernel: int, stride: int) -> None:
    """Positions added to an even kernel are as good as missing."""
    less, more = (kernel - 1) // 2, kernel // 2
    padded = functional.pad(image, (less, more, less, more), value=-math.inf)
    expected = functional.max_pool2d(padded, kernel, stride)
    assert torch.equal(build_nodes(MaxPool(kernel, stride, "same"), (3, 7, 9))(image), expected.flatten(1))


def test_means_leave_padding_out(image: Tensor) -> None:
    """As in NAS-Bench-201: a corner is the mean of the four values that are there."""
    inside = build_nodes(AvgPool(3, 1, "same", count_padding=False), (3, 7, 9))(image).view(2, 3, 7, 9)
    zeros = build_nodes(AvgPool(3, 1, "same"), (3, 7, 9))(image).view(2, 3, 7, 9)
    assert torch.allclose(inside[:, :, 0, 0], image[:, :, :2, :2].mean((2, 3)))
    assert torch.allclose(zeros[:, :, 0, 0], image[:, :, :2, :2].sum((2, 3)) / 9)
    assert torch.allclose(inside[:, :, 1:-1, 1:-1], zeros[:, :, 1:-1, 1:-1])


# --- equal and different networks -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Conv(3, 8), Conv(3, 8, norm_eps=1e-3), False),
        (Conv(3, 8, norm="none"), Conv(3, 8, norm="none", norm_eps=1e-3), True),
        (Conv(3, 8), Conv(3, 8, norm_groups=4), True),
        (Conv(3, 8, act="none"), Sequence((Conv(3, 8, norm="none", act="none", bias="false"), Norm())), True),
        (Norm(affine="scale"), Sequence((Norm(affine="false"), Scale())), True),
        (Norm(affine="bias"), Norm(affine="false"), False),
        (Conv("1x3", 8), Conv("3x1", 8), False),
        (Conv("1x3", 8, dilation="4x1"), Conv("1x3", 8), True),
        (Conv(2, 8), Conv(2, 8, padding=0), False),
        (Conv("1x3", 8), Conv("1x3", 8, padding="0x1"), True),
        (AvgPool(2), AvgPool(2, count_padding=False), True),
        (AvgPool(3, 1, 1), AvgPool(3, 1, 1, count_padding=False), False),
        (MaxPool(), MaxPool(ceil=True), False),
        (Dropout(0.1), Dropout(0.1, "images"), False),
        (Scale(1.0, False), Sequence(()), True),
        (Scale(0.5, False), Scale(0.5), False),
    ],
)
def test_hashes_know_what_matters(one: Node, other: Node, same: bool) -> None:
    """Values that change what is computed change the hash, others do not."""
    assert (canonical_hash(one) == canonical_hash(other)) is same


# --- what they compute ------------------------------------------------------------------------------


def test_a_norm_with_an_offset_only(image: Tensor) -> None:
    """Normalised with the stated epsilon, then moved, never scaled."""
    module = build_nodes(Norm("instance", eps=0.5, affine="bias"), (3, 7, 9))
    (offset,) = module.parameters()
    torch.nn.init.ones_(offset)
    assert torch.allclose(module(image), (functional.instance_norm(image, eps=0.5) + 1).flatten(1), atol=1e-6)


def test_norms_of_vectors() -> None:
    """They normalise features; the batch norm is that of one dimension."""
    names = [type(build_nodes(Norm(kind, 4), (8,))[0]).__name__ for kind in ("batch", "layer", "group")]
    assert names == ["BatchNorm1d", "LayerNorm", "GroupNorm"]


def test_dropout_of_channels_and_images() -> None:
    """Whole channels, or all of an image, are kept and scaled or gone; in eval mode nothing happens."""
    torch.manual_seed(0)
    ones = torch.ones(64, 8, 4, 4)
    for of, axes in (("channels", (2, 3)), ("images", (1, 2, 3))):
        module = build_nodes(Dropout(0.25, of), (8, 4, 4))
        out = module(ones).view_as(ones)
        least, most = out.amin(axes), out.amax(axes)
        assert torch.equal(least, most)
        assert {round(float(value), 4) for value in most.unique()} == {0.0, 1.3333}
        assert 0.1 < float((most == 0).float().mean()) < 0.4
        assert torch.equal(module.eval()(ones).view_as(ones), ones)
