"""The count of record: goldens, fvcore's own totals as the oracle, and errors for what nobody can count."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from math import prod

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn

from budgetnet.errors import CountError
from budgetnet.network.nodes import (
    Act,
    Binding,
    Conv,
    Custom,
    GlobalAvgPool,
    GlobalMaxPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Linear,
    MaxPool,
    Node,
    Norm,
    Pad,
    Parallel,
    Scale,
    Sequence,
    Shared,
    Shuffle,
    Split,
    SqueezeExcite,
    Zero,
)
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import FREE, Measurement, measure_module, measure_nodes
from budgetnet.ops.norm import ResponseNorm
from budgetnet.ops.pointwise import ACTIVATIONS
from tests.network.strategies import Drawn, networks

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from fvcore.nn import ActivationCountAnalysis, FlopCountAnalysis

IMAGE = (8, 6, 6)
PLAIN = Conv(3, 8, norm="none", act="none", bias="false")


@pytest.fixture
def quiet() -> Iterator[None]:
    """Silence fvcore where a test calls it directly."""
    logging.disable(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def test_hand_made_network(hand_made: Node) -> None:
    """The counts that a hand-made network of nine dilated blocks is known to have."""
    assert measure_nodes(hand_made, (3, 32, 32)) == Measurement(
        params=100_416,
        flops=69_083_264,
        activations=1_246_474,
        by_operator={"conv": 66_547_072, "batch_norm": 2_492_928, "adaptive_avg_pool2d": 43_264},
    )


@pytest.mark.parametrize(
    ("node", "params", "by_operator"),
    [
        (PLAIN, 576, {"conv": 576 * 36}),
        (Conv(3, 8, norm="none", act="none"), 584, {"conv": 576 * 36}),
        (Conv(3, 8, stride=2, groups=4), 144 + 16, {"conv": 144 * 9, "batch_norm": 2 * 8 * 9}),
        (Linear(10), 2890, {"linear": 2880}),
        (Norm("batch"), 16, {"batch_norm": 2 * 288}),
        (Norm("group", 2), 16, {"group_norm": 5 * 288}),
        (Norm("layer"), 16, {"layer_norm": 5 * 288}),
        (GlobalAvgPool(), 0, {"adaptive_avg_pool2d": 288}),
        (SqueezeExcite(4), 42, {"adaptive_avg_pool2d": 288, "conv": 32}),
        (Scale(), 8, {}),
        *((node, 0, {}) for node in (GlobalMaxPool(), MaxPool(), Shuffle(4), Pad(12, 2), Zero(2))),
        (ResponseNorm(), 16, {}),
        *((Act(kind), int(kind == "prelu"), {}) for kind in ACTIVATIONS),
        (Act("leaky_relu", 0.2), 0, {}),
        (Shared(PLAIN, 3), 576, {"conv": 3 * 576 * 36}),
        (Parallel((PLAIN, PLAIN), "mul"), 1152, {"conv": 2 * 576 * 36}),
        (Split((Act(), Act())), 0, {}),
    ],
    ids=lambda value: repr(value) if not isinstance(value, (dict, int)) else None,
)
def test_conventions_by_hand(node: Node, params: int, by_operator: dict[str, int]) -> None:
    """Each primitive costs what the convention says; one multiply-add is one FLOP."""
    measured = measure_nodes(node, IMAGE)
    assert measured.params == params
    assert measured.by_operator == by_operator
    assert measured.flops == sum(by_operator.values())


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
@pytest.mark.usefixtures("quiet")
def test_one_trace_gives_what_fvcore_gives_in_two(drawn: Drawn) -> None:
    """FLOPs and activations equal those of fvcore's plain analyses, which do not know fused attention."""
    measured = measure_nodes(drawn.network, drawn.input_shape)
    module = build_nodes(drawn.network, drawn.input_shape).eval()
    image = torch.zeros(1, *drawn.input_shape)
    attention = measured.by_operator.get("scaled_dot_product_attention", 0)
    assert measured.flops == FlopCountAnalysis(module, image).total() + attention
    assert measured.activations == ActivationCountAnalysis(module, image).total()
    assert measured.params == sum(parameter.numel() for parameter in module.parameters())


def test_what_reaches_no_output_costs_no_flops() -> None:
    """A part whose result is thrown away has parameters, but its operators are not in the trace."""
    graph = Graph(("x",), (Binding("unused", GraphApply(PLAIN, ("x",))),), GraphApply(Linear(2), ("x",)))
    measured = measure_nodes(graph, IMAGE)
    assert measured.by_operator == {"linear": prod(IMAGE) * 2}
    assert measured.params == 576 + prod(IMAGE) * 2 + 2


def test_zero_keeps_what_came_before() -> None:
    """A convolution in front of zeros is still counted: it runs."""
    assert measure_nodes(Sequence((PLAIN, Zero())), IMAGE).flops == 576 * 36


def test_equal_operators_on_one_input_both_count() -> None:
    """The trace merges nothing: two activations of one value, two products of one convolution."""
    graph = Graph(
        ("x",),
        (Binding("h", GraphApply(PLAIN, ("x",))), Binding("g", GraphApply(PLAIN, ("x",)))),
        GraphJoin("add", (GraphName("h"), GraphName("g"))),
    )
    assert measure_nodes(graph, IMAGE).flops == 2 * 576 * 36


def test_measuring_is_silent_and_leaves_random_state_alone(
    hand_made: Node, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """No log, no output, no warning (they are errors here); the next random number is the same."""
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    with caplog.at_level(logging.DEBUG):
        measure_nodes(hand_made, (3, 32, 32))
    assert torch.equal(torch.rand(1), wanted)
    assert caplog.records == []
    assert capsys.readouterr() == ("", "")


def test_training_mode_does_not_matter() -> None:
    """A module in training mode is counted in eval mode, and its running statistics stay as they were."""
    module = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), nn.BatchNorm2d(4)).train()
    assert measure_module(module, (3, 2, 2)).by_operator == {"conv": 48, "batch_norm": 32}
    assert module[1].num_batches_tracked == 0


# --- a study's own primitives -----------------------------------------------------------------------


class Spectrum(nn.Module):
    """Magnitudes of the two-dimensional Fourier transform."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return torch.fft.fft2(x).abs()


class Attention(nn.Module):
    """Positions weighted by their products with each other."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        flat = x.flatten(2)
        return torch.einsum("ncp,ncq,ndq->ndp", flat, flat, flat).unflatten(2, x.shape[2:])


class Straight(torch.autograd.Function):
    """An operator of its own, with a backward pass that fvcore cannot see into."""

    @staticmethod
    def forward(_ctx: object, x: Tensor) -> Tensor:
        """Round."""
        return x.round()

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> Tensor:
        """Pass straight through."""
        return gradient


class Rounded(nn.Module):
    """Rounds with a straight-through gradient."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        return Straight.apply(x)


@pytest.mark.parametrize(
    ("module", "operator"),
    [(Spectrum, r"aten::fft_fft2 \(.*test_measure\.py:\d+\)"), (Rounded, "prim::PythonOp.Straight")],
)
def test_unknown_operators_are_errors(module: type[nn.Module], operator: str) -> None:
    """An operator that nobody can count is named, never zero."""
    node = Sequence((PLAIN, Custom("own"), GlobalAvgPool()))
    with pytest.raises(CountError, match=f"has none for {operator}, and budgetnet does not know .* to be free; build"):
        measure_nodes(node, IMAGE, custom={"own": lambda _shape: module()})


def test_einsum_is_counted_by_fvcore() -> None:
    """A contraction is one of fvcore's own operators: 4 x 4 x 9 products, twice."""
    measured = measure_nodes(Custom("own"), (4, 3, 3), custom={"own": lambda _shape: Attention()})
    assert measured.by_operator == {"einsum": 2 * 4 * 4 * 9}
    assert measured.activations == 36


def test_free_operators_are_not_counted_ones() -> None:
    """No operator is on the list of free ones that fvcore would count."""
    analysis = FlopCountAnalysis(nn.Identity(), torch.zeros(1))
    assert not set(FREE) & set(analysis._op_handles)
