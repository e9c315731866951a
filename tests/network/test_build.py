"""Building: every primitive and combination runs, learns, and has the shape that its tree says."""

from __future__ import annotations

from copy import deepcopy
from math import prod

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from budgetnet.errors import RequestError, ShapeError
from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Binding,
    Conv,
    Custom,
    DepthwiseConv,
    Dropout,
    GlobalAvgPool,
    GlobalMaxPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Identity,
    Linear,
    MaxPool,
    Node,
    Norm,
    Pad,
    Parallel,
    Scale,
    Sequence,
    Shape,
    Shared,
    Shuffle,
    Skip,
    Split,
    SqueezeExcite,
    Upsample,
    Zero,
)
from budgetnet.network.torch import modules
from budgetnet.network.torch.build import build_nodes
from budgetnet.ops.norm import AFFINE, NORMS, ResponseNorm
from budgetnet.ops.pointwise import ACTIVATIONS, DROPPED
from tests.network.strategies import ORDERS, Drawn, networks

IMAGE = (16, 9, 7)

SWEEP: list[tuple[Node, Shape]] = [
    *((Conv(kernel, 8), (8, 9, 7)) for kernel in (1, 3, 5)),
    *((Conv(3, 8, stride=stride), (8, -(-9 // stride), -(-7 // stride))) for stride in (2, 3)),
    *((Conv(3, 8, dilation=dilation), (8, 9, 7)) for dilation in (2, 4)),
    *((Conv(3, 8, groups=groups), (8, 9, 7)) for groups in (2, 8)),
    *((Conv(2, 8, padding=padding), (8, 8 + 2 * padding, 6 + 2 * padding)) for padding in (0, 1)),
    *((Conv(3, 16, bias=bias), (16, 9, 7)) for bias in ("auto", "true", "false")),
    *((Conv(3, 8, norm=norm), (8, 9, 7)) for norm in NORMS),
    *((Conv(3, 8, act=act), (8, 9, 7)) for act in ACTIVATIONS),
    *((Conv(3, 8, dropout=0.2, norm=norm, order=order), (8, 9, 7)) for order in ORDERS for norm in ("batch", "layer")),
    *((DepthwiseConv(5, stride=stride, multiplier=2), (32, -(-9 // stride), -(-7 // stride))) for stride in (1, 2)),
    (DepthwiseConv(3, dilation=2, padding=0, norm="none"), (16, 5, 3)),
    *((Linear(5, bias=bias, act=act, dropout=0.1), (5,)) for bias in (True, False) for act in ("none", "relu")),
    *((pool, (16, 4, 3)) for pool in (MaxPool(), AvgPool())),
    *((pool, (16, 9, 7)) for pool in (MaxPool(3, 1, "same"), AvgPool(3, 1, 1))),
    (GlobalAvgPool(), (16, 1, 1)),
    (GlobalMaxPool(), (16, 1, 1)),
    *((Norm(kind, 4), IMAGE) for kind in NORMS),
    (ResponseNorm(), IMAGE),
    *((Act(kind), IMAGE) for kind in ACTIVATIONS),
    *((Norm("group", 4, 1e-3, affine), IMAGE) for affine in AFFINE),
    *((Dropout(rate), IMAGE) for rate in (0.0, 0.5)),
    *((Dropout(0.5, of), IMAGE) for of in DROPPED),
    *(
        (SqueezeExcite(reduction, "silu", gate), IMAGE)
        for reduction in (1, 4, 99)
        for gate in ("sigmoid", "hardsigmoid")
    ),
    *((Shuffle(groups), IMAGE) for groups in (1, 4, 16)),
    (Identity(), IMAGE),
    *((Zero(stride), (16, -(-9 // stride), -(-7 // stride))) for stride in (1, 2)),
    (Scale(0.1), IMAGE),
    (Scale(0.1, learned=False), IMAGE),
    *((Upsample(2, mode), (16, 18, 14)) for mode in ("nearest", "bilinear")),
    *((Conv(kernel, 8), (8, 9, 7)) for kernel in (2, 4, "1x7", "2x3")),
    *((pool, (16, 9, 7)) for pool in (MaxPool(2, 1, "same"), AvgPool("2x3", 1, "same"))),
    *((pool, (16, 5, 4)) for pool in (MaxPool(ceil=True), AvgPool(3, 2, 1, count_padding=False))),
    *((Pad(19, stride), (19, -(-9 // stride), -(-7 // stride))) for stride in (1, 2)),
    (Sequence(()), IMAGE),
    (Sequence((Conv(3, 8), Conv(1, 4))), (4, 9, 7)),
    (Skip(Conv(3, 16)), IMAGE),
    (Skip(Conv(3, 8, stride=2), Conv(1, 8, stride=2, act="none")), (8, 5, 4)),
    (Skip(Conv(3, 24, stride=2), Pad(24, 2)), (24, 5, 4)),
    *((Parallel((Conv(3, 4), Conv(1, 4)), join), (4, 9, 7)) for join in ("add", "mul")),
    (Parallel((Conv(3, 4), Identity()), "concat"), (20, 9, 7)),
    (Split((Conv(3, 8), Identity())), IMAGE),
    *((Split((Conv(3, 8), Conv(5, 8)), join), (8, 9, 7)) for join in ("add", "mul")),
    (Shared(Conv(3, 16), 3), IMAGE),
    (Graph(("x",), (), GraphName("x")), IMAGE),
]


def _name(value: object) -> str | None:
    return repr(value) if not isinstance(value, tuple) else None


@pytest.mark.parametrize(("node", "shape"), SWEEP, ids=_name)
def test_every_primitive_runs_and_learns(node: Node, shape: Shape) -> None:
    """The output has the stated shape and is finite, and every parameter gets a gradient."""
    torch.manual_seed(0)
    module = build_nodes(node, IMAGE)
    output = module(torch.randn(3, *IMAGE))
    assert output.shape == (3, prod(shape))
    assert output.isfinite().all()
    if output.requires_grad:
        output.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_drawn_networks_run_and_learn(drawn: Drawn) -> None:
    """Any network maps a batch to finite logits of the stated number, and every parameter gets a gradient."""
    torch.manual_seed(0)
    module = build_nodes(drawn.network, drawn.input_shape)
    output = module(torch.randn(3, *drawn.input_shape))
    assert output.shape == (3, prod(drawn.shape))
    assert output.isfinite().all()
    output.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_building_leaves_the_tree_alone(drawn: Drawn) -> None:
    """Building twice from one tree gives the same parameters under one seed, and the tree stays equal to its copy."""
    before = deepcopy(drawn.network)
    states = []
    for _ in range(2):
        torch.manual_seed(7)
        states.append(build_nodes(drawn.network, drawn.input_shape).state_dict())
    assert drawn.network == before
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_channels_last_and_bfloat16(drawn: Drawn) -> None:
    """Channels-last memory changes nothing but rounding, and bfloat16 autocast keeps logits finite."""
    torch.manual_seed(0)
    module = build_nodes(drawn.network, drawn.input_shape).eval()
    images = torch.randn(2, *drawn.input_shape)
    with torch.no_grad():
        plain = module(images)
        turned = module.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert module(images).isfinite().all()
    torch.testing.assert_close(turned, plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    "module",
    [
        modules.ChannelPad(3, 2),
        modules.ChannelScale(8),
        modules.ChannelShuffle(4),
        modules.LayerNorm2d(8),
        modules.ParallelBranches(nn.Conv2d(8, 8, 1), nn.Identity(), join="concat"),
        modules.Residual(nn.Conv2d(8, 8, 1)),
        modules.SharedStack(nn.ReLU(), 2),
        modules.SplitBranches(nn.Conv2d(4, 4, 1), nn.Identity()),
        modules.SqueezeExcitation(8, 2, nn.ReLU(), nn.Sigmoid()),
        modules.Zeros(2),
    ],
    ids=lambda module: type(module).__name__,
)
def test_helpers_keep_channels_last_memory(module: nn.Module) -> None:
    """No helper turns channels-last memory back, so the convolution behind it need not reorder."""
    images = torch.randn(2, 8, 6, 5).to(memory_format=torch.channels_last)
    assert module(images).is_contiguous(memory_format=torch.channels_last)


def test_shuffle_is_torchs_shuffle() -> None:
    """The channel shuffle permutes as torch's own does."""
    images = torch.randn(2, 12, 3, 5)
    assert torch.equal(modules.ChannelShuffle(3)(images), nn.ChannelShuffle(3)(images))


def test_layer_norm_normalises_channels_at_each_position() -> None:
    """At every position the channels have mean 0 and variance 1."""
    output = modules.LayerNorm2d(64)(3 * torch.randn(2, 64, 4, 4) + 5)
    torch.testing.assert_close(output.mean(1), torch.zeros(2, 4, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(output.var(1, unbiased=False), torch.ones(2, 4, 4), atol=1e-3, rtol=0)


def test_pad_puts_zero_channels_on_both_sides() -> None:
    """Option A: every second position, one zero channel in front and two behind."""
    images = torch.randn(2, 4, 6, 6)
    output = modules.ChannelPad(3, 2)(images)
    assert torch.equal(output[:, 1:5], images[:, :, ::2, ::2])
    assert not output[:, 0].any()
    assert not output[:, 5:].any()


def test_skip_adds_its_input() -> None:
    """``skip(a)`` is x + a(x), also where a starts with an activation (which must not overwrite x)."""
    module = build_nodes(Skip(Act("relu")), (4, 3, 3))
    images = torch.randn(2, 4, 3, 3)
    assert torch.equal(module(images), (images + images.relu()).flatten(1))


def test_split_gives_each_branch_its_slice() -> None:
    """The first branch sees the first channels; the join is a concatenation."""
    module = build_nodes(Split((Act("relu"), Zero())), (4, 2, 2))
    images = torch.randn(2, 4, 2, 2)
    wanted = torch.cat([images[:, :2].relu(), torch.zeros(2, 2, 2, 2)], dim=1)
    assert torch.equal(module(images), wanted.flatten(1))


def test_shared_has_one_set_of_weights() -> None:
    """Three applications of one convolution hold the parameters of one."""
    once, thrice = (build_nodes(Shared(Conv(3, 4, norm="none"), times), (4, 5, 5)) for times in (1, 3))
    assert sum(p.numel() for p in once.parameters()) == sum(p.numel() for p in thrice.parameters()) == 148
    thrice.load_state_dict(once.state_dict())
    images = torch.randn(1, 4, 5, 5)
    shared = once[0]
    assert torch.equal(thrice(images), shared(shared(shared(images))).flatten(1))


def test_graph_computes_what_its_names_say() -> None:
    """``h1 = relu(x); h2 = tanh(h1) * x; return concat(h1, h2 + x)``."""
    result = GraphJoin("concat", (GraphName("h1"), GraphJoin("add", (GraphName("h2"), GraphName("x")))))
    product = GraphJoin("mul", (GraphApply(Act("tanh"), ("h1",)), GraphName("x")))
    graph = Graph(("x",), (Binding("h1", GraphApply(Act("relu"), ("x",))), Binding("h2", product)), result)
    images = torch.randn(2, 3, 4, 4)
    first = images.relu()
    wanted = torch.cat([first, first.tanh() * images + images], dim=1)
    assert torch.equal(build_nodes(graph, (3, 4, 4))(images), wanted.flatten(1))


def test_graph_of_two_inputs_with_a_part_behind() -> None:
    """A cell of two inputs may be followed by more parts where it is applied; the order of inputs counts."""
    cell = Graph(("p", "q"), (), GraphJoin("concat", (GraphApply(Act("relu"), ("p",)), GraphName("q"))))
    node = Graph(
        ("x",),
        (Binding("h", GraphApply(Act("tanh"), ("x",))),),
        GraphApply(Sequence((cell, Act("sigmoid"))), ("h", "x")),
    )
    images = torch.randn(2, 3, 4, 4)
    wanted = torch.cat([images.tanh().relu(), images], dim=1).sigmoid()
    assert torch.equal(build_nodes(node, (3, 4, 4))(images), wanted.flatten(1))


def test_a_norm_in_front_acts_on_the_input() -> None:
    """``norm act conv`` normalises the width that comes in."""
    layers = list(build_nodes(Conv(3, 24, order="norm act conv drop"), (8, 4, 4)))
    assert [type(layer) for layer in layers] == [nn.BatchNorm2d, nn.ReLU, nn.Conv2d, nn.Flatten]
    assert layers[0].num_features == 8


def test_auto_bias_stands_for_a_missing_norm() -> None:
    """``bias=auto`` gives a bias exactly where there is no norm."""
    assert build_nodes(Conv(1, 2), (2, 2, 2))[0].bias is None
    assert build_nodes(Conv(1, 2, norm="none"), (2, 2, 2))[0].bias is not None


def test_logits_are_flat() -> None:
    """An output of shape (classes, 1, 1) becomes (N, classes); a linear layer's stays as it is."""
    assert isinstance(build_nodes(Sequence((Conv(1, 10), GlobalAvgPool())), (3, 8, 8))[-1], nn.Flatten)
    assert isinstance(build_nodes(Linear(10), (3, 8, 8))[-1], nn.Linear)


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Conv(9, 4, padding=0), "kernel 9 is larger than the input 9×7"),
        (Conv(3, 4, groups=3), "groups=3 must divide the 16 channels"),
        (Skip(Conv(3, 4)), "add needs equal shapes, but got 16×9×7 and 4×9×7"),
        (Split((Identity(), Identity(), Identity())), "16 channels cannot be split into 3 equal parts"),
        (Shared(Conv(3, 4), 2), "a shared part must keep its input's shape, but got 16×9×7 -> 4×9×7"),
        (Sequence((Linear(4), Conv(3, 4))), "conv needs an image, but got 4 features"),
        (Graph(("p", "q"), (), GraphName("p")), "the graph has 2 inputs, but got 1"),
        (
            Graph(("x",), (), GraphApply(Identity(), ("x", "x"))),
            "only a graph takes 2 inputs, but got Identity",
        ),
    ],
    ids=_name,
)
def test_impossible_networks_are_refused(node: Node, message: str) -> None:
    """A network that does not suit its input is a shape error that says what does not fit."""
    with pytest.raises(ShapeError, match=message):
        build_nodes(node, IMAGE)


# --- a study's own primitives -----------------------------------------------------------------------


class Doubled(nn.Module):
    """Each channel twice, then a 1x1 convolution."""

    def __init__(self, shape: Shape, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * shape[0], width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to (N, width, H, W)."""
        return self.conv(torch.cat([x, x], dim=1))


def test_a_study_brings_its_own_primitive() -> None:
    """It is made from its input's shape and its arguments, and what follows fits what it leaves."""
    node = Sequence((Custom("doubled", (("width", 5),)), Conv(3, 4), GlobalAvgPool()))
    module = build_nodes(node, (3, 6, 6), custom={"doubled": Doubled})
    assert module.training
    assert all(inner.training for inner in module.modules())
    assert module(torch.randn(2, 3, 6, 6)).shape == (2, 4)


def test_unknown_primitives_are_named() -> None:
    """A primitive that nobody brought is named with the nearest known one."""
    with pytest.raises(RequestError, match=r"'duobled' is not built in .* did you mean 'doubled'\?"):
        build_nodes(Custom("duobled"), (3, 6, 6), custom={"doubled": Doubled})


def test_errors_in_a_studys_own_code_are_reported() -> None:
    """What a study's own module raises becomes a shape error with its text."""
    with pytest.raises(ShapeError, match=r"doubled failed on an input of 3×6×6: TypeError: .*width"):
        build_nodes(Custom("doubled"), (3, 6, 6), custom={"doubled": Doubled})


def test_unknown_activations_are_refused() -> None:
    """A word that is no activation is a request error."""
    with pytest.raises(RequestError, match=r"an activation is one of relu, .* but got 'swosh'"):
        build_nodes(Act("swosh"), (3, 6, 6))
