"""The closed form: equal to fvcore and numel on drawn networks, and to hand arithmetic where fvcore is silent."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, given, settings

from budgetnet.errors import CountError, ShapeError
from budgetnet.network.cost.closed_form import cost, joined_shape, layers, output_of, projection, shape_after
from budgetnet.network.cost.types import CustomCost
from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Binding,
    Conv,
    Custom,
    DepthwiseConv,
    GlobalAvgPool,
    GlobalMaxPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Identity,
    Linear,
    MaxPool,
    Norm,
    Pad,
    Parallel,
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
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_nodes
from tests.network.strategies import Drawn, networks
from tests.pace import pace

IMAGE = (4, 8, 8)
VALUES = 4 * 8 * 8
PLAIN = Conv(3, 4, bias="false", norm="none", act="none")


def peak(node: object, shape: Shape = IMAGE) -> int:
    """Peak activation memory in values."""
    return cost(node, shape).peak_activation_bytes // 4  # type: ignore[arg-type]


# --- equal to the count of record -------------------------------------------------------------------


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_equals_fvcore_and_numel(drawn: Drawn) -> None:
    """Parameters, FLOPs and activations are those of the count of record, exactly."""
    closed, counted = cost(drawn.network, drawn.input_shape), measure_nodes(drawn.network, drawn.input_shape)
    assert (closed.params, closed.flops, closed.activations) == (counted.params, counted.flops, counted.activations)
    assert output_of(drawn.network, drawn.input_shape) == drawn.shape


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(networks())
def test_layers_are_the_built_modules(drawn: Drawn) -> None:
    """The rows carry the names, classes and parameters of the built network's leaf modules, and sum to its cost."""
    rows = layers(drawn.network, drawn.input_shape)
    module = build_nodes(drawn.network, drawn.input_shape)
    leaves = {
        name: (type(leaf).__name__, sum(parameter.numel() for parameter in leaf.parameters()))
        for name, leaf in module.named_modules()
        if not list(leaf.children())
        and type(leaf).__name__ not in ("Identity", "Flatten")
        # an empty container is one of nothing but identities
        and type(leaf).__name__ not in ("ModuleList", "GraphModule")
    }
    assert {row.name: (row.type, row.params) for row in rows} == leaves
    total = cost(drawn.network, drawn.input_shape)
    assert (sum(row.params for row in rows), sum(row.flops for row in rows)) == (total.params, total.flops)


def test_parts_whose_result_is_dropped_have_parameters_and_no_flops() -> None:
    """A nested graph may ignore an input; what only that input needed is not run by fvcore's trace."""
    inner = Graph(("p", "q"), (), GraphApply(PLAIN, ("q",)))
    network = Graph(
        ("x",),
        (Binding("wasted", GraphApply(Conv(3, 8), ("x",))), Binding("h", GraphApply(Conv(1, 4), ("x",)))),
        GraphApply(inner, ("wasted", "h")),
    )
    closed, counted = cost(network, IMAGE), measure_nodes(network, IMAGE)
    assert (closed.params, closed.flops, closed.activations) == (counted.params, counted.flops, counted.activations)
    assert [row.flops for row in layers(network, IMAGE)][:3] == [0, 0, 0]
    assert closed.depth == 2


# --- shapes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("node", "shape"),
    [
        (Conv(3, 16), (16, 8, 8)),
        (Conv(3, 16, stride=2), (16, 4, 4)),
        (Conv(3, 16, padding=0), (16, 6, 6)),
        (Conv(3, 16, dilation=3, padding=0), (16, 2, 2)),
        (Conv(2, 16, padding=1), (16, 9, 9)),
        (Conv(2, 16), (16, 8, 8)),
        (Conv("1x7", 16, stride="2x1"), (16, 4, 8)),
        (MaxPool(3, 2, ceil=True), (4, 4, 4)),
        (MaxPool(2, 1, "same"), IMAGE),
        (Upsample(3), (4, 24, 24)),
        (DepthwiseConv(5, stride=2, multiplier=3), (12, 4, 4)),
        (Linear(10), (10,)),
        (MaxPool(), (4, 4, 4)),
        (MaxPool(3, 2, "same"), (4, 4, 4)),
        (AvgPool(3, 1), (4, 6, 6)),
        (GlobalAvgPool(), (4, 1, 1)),
        (GlobalMaxPool(), (4, 1, 1)),
        (Zero(3), (4, 3, 3)),
        (Pad(7, 2), (7, 4, 4)),
        (Shuffle(2), IMAGE),
        (Identity(), IMAGE),
    ],
)
def test_shape_after_a_primitive(node: object, shape: Shape) -> None:
    """Shapes follow PyTorch's arithmetic."""
    assert shape_after(node, IMAGE) == shape  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "shape", "message"),
    [
        (Conv(5, 8, padding=0), (4, 3, 3), "kernel 5 is larger than the input 3×3"),
        (Conv(9, 8, padding=1), (4, 3, 3), "kernel 9 is larger than the padded input 5×5"),
        (Conv(3, 8, dilation=8, padding=0), IMAGE, "kernel 3 with dilation 8 spans 17 and is larger than the input"),
        (Conv("9x1", 8, padding=0), IMAGE, "kernel 9x1 is larger than the input 8×8"),
        (
            AvgPool(2, 1, "same", count_padding=False),
            IMAGE,
            "padding same with the even kernel 2 counts as zeros",
        ),
        (Norm("instance"), (4, 1, 1), "instance norm needs more than one position, but got 4×1×1"),
        (Norm("instance"), (4,), "instance norm needs more than one position, but got 4 features"),
        (Conv(3, 8, groups=3), IMAGE, "groups=3 must divide the 4 channels that come in and the 8 that go out"),
        (Conv(3, 12, norm="group"), IMAGE, "group norm needs channels in 8 equal groups, but got 12"),
        (Norm("group", 3), IMAGE, "group norm needs channels in 3 equal groups, but got 4"),
        (Shuffle(3), IMAGE, "4 channels cannot be shuffled between 3 equal groups"),
        (MaxPool(2, 2, 2), IMAGE, "padding 2 is more than half of the pooling kernel 2"),
        (MaxPool(4), (4, 3, 3), "kernel 4 is larger than the input 3×3"),
        (Pad(2), IMAGE, "pad adds channels, it cannot turn 4 into 2"),
        (Conv(3, 8), (10,), "conv needs an image, but got 10 features; put it before linear"),
        (DepthwiseConv(3), (10,), "dwconv needs an image"),
    ],
)
def test_impossible_shapes_are_refused(node: object, shape: Shape, message: str) -> None:
    """The error says what does not fit."""
    with pytest.raises(ShapeError, match=message):
        shape_after(node, shape)  # type: ignore[arg-type]


def test_joins() -> None:
    """Sums need equal shapes, concatenation equal heights and widths, products sides that are equal or 1."""
    assert joined_shape("concat", ((4, 8, 8), (2, 8, 8))) == (6, 8, 8)
    assert joined_shape("mul", ((4, 8, 8), (4, 8, 8))) == (4, 8, 8)
    assert joined_shape("mul", ((4, 8, 8), (4, 1, 1))) == joined_shape("mul", ((1, 8, 8), (4, 8, 8))) == (4, 8, 8)
    assert joined_shape("mul", ((4, 1, 1), (1, 8, 8))) == joined_shape("mul", ((4, 8, 1), (1, 1, 8))) == (4, 8, 8)
    with pytest.raises(ShapeError, match=r"mul needs equal shapes, or factors of .*, but got 4×8×8 and 2×1×1"):
        joined_shape("mul", ((4, 8, 8), (2, 1, 1)))
    with pytest.raises(ShapeError, match="but got 4×8×8 and 4 features"):
        joined_shape("mul", ((4, 8, 8), (4,)))
    with pytest.raises(ShapeError, match="but got 4 features and 1 features"):
        joined_shape("mul", ((4,), (1,)))
    with pytest.raises(ShapeError, match="add needs equal shapes, but got 4×8×8 and 2×8×8"):
        joined_shape("add", ((4, 8, 8), (2, 8, 8)))
    with pytest.raises(ShapeError, match="concat needs equal heights and widths, but got 4×8×8 and 4×4×4"):
        joined_shape("concat", ((4, 8, 8), (4, 4, 4)))


@pytest.mark.parametrize("after", [(16, 8, 8), (16, 4, 4), (16, 3, 3), (4, 1, 1)])
@pytest.mark.parametrize("how", ["auto", "pad"])
def test_projection_leads_to_the_bodys_shape(how: str, after: Shape) -> None:
    """Every kind of projection ends with the shape of the body's output."""
    assert shape_after(projection(IMAGE, after, how), IMAGE) == after  # type: ignore[arg-type]


def test_projection_of_vectors_and_impossible_ones() -> None:
    """Vectors get a linear layer; where no stride leads from one to the other the error asks for a projection."""
    assert projection((8,), (16,), "auto") == Linear(16)
    with pytest.raises(ShapeError, match=r"has 4×8×8, the body gives 4×6×6, and no stride.*project="):
        projection(IMAGE, (4, 6, 6), "auto")
    with pytest.raises(ShapeError, match="pad can only add channels; take project=auto"):
        projection(IMAGE, (2, 8, 8), "pad")
    with pytest.raises(ShapeError, match="no stride"):
        projection(IMAGE, (16,), "auto")


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Shared(Conv(3, 8), 2), "a shared part must keep its input's shape, but got 4×8×8 -> 8×8×8"),
        (Split((PLAIN, PLAIN, PLAIN)), "4 channels cannot be split into 3 equal parts"),
        (Skip(Conv(3, 8)), "add needs equal shapes"),
        (Parallel((PLAIN, MaxPool()), "concat"), "concat needs equal heights and widths"),
        (Graph(("p", "q"), (), GraphName("p")), "the graph has 2 inputs, but got 1"),
        (Graph(("x",), (), GraphApply(PLAIN, ("x", "x"))), "only a graph takes 2 inputs, but got Conv"),
    ],
)
def test_impossible_combinations_are_refused(node: object, message: str) -> None:
    """Both the totals and the table refuse what cannot be built."""
    for count in (cost, layers):
        with pytest.raises(ShapeError, match=message):
            count(node, IMAGE)  # type: ignore[arg-type, operator]


# --- a study's own primitives -----------------------------------------------------------------------


def test_custom_primitives_bring_their_own_cost() -> None:
    """A closed form given with a study's primitive is used everywhere; without one the error says so."""

    def doubled(shape: Shape, *, factor: int) -> CustomCost:
        return CustomCost(output=(shape[0] * factor, *shape[1:]), params=7, flops=11, activations=5)

    node, forms = Custom("wide", (("factor", 2),)), {"wide": doubled}
    network = Sequence((node, Skip(Shared(Custom("wide", (("factor", 1),)), 3))))
    assert shape_after(node, IMAGE, custom=forms) == (8, 8, 8)
    total = cost(network, IMAGE, custom=forms)
    assert (total.params, total.flops, total.activations, total.depth) == (14, 44, 20, 4)
    rows = layers(network, IMAGE, custom=forms)
    assert [(row.name, row.type, row.flops) for row in rows] == [("0", "wide", 11), ("1.body.body", "wide", 33)]
    with pytest.raises(CountError, match="'wide' has no closed form; count the network with fvcore"):
        cost(network, IMAGE)


# --- peak memory, depth and receptive field, by hand ------------------------------------------------


@pytest.mark.parametrize(
    ("node", "values"),
    [
        (PLAIN, 2 * VALUES),
        (Conv(3, 12), 4 * VALUES),  # norm and activation overwrite the convolution's output
        (Sequence((Act(), Norm(), PLAIN)), 2 * VALUES),
        (Identity(), VALUES),
        (GlobalAvgPool(), VALUES + 4),
        (Linear(10), VALUES + 10),
        (Sequence((Conv(3, 12), Conv(3, 8))), (12 + 8) * 64),
        # skip: the input stays beside input and output of each layer of the body
        (Skip(PLAIN), 2 * VALUES),
        (Skip(Sequence((Conv(1, 16), Conv(1, 4)))), VALUES + 4 * VALUES + VALUES),
        (Skip(Act()), 2 * VALUES),  # the activation cannot overwrite what the sum needs
        (Skip(Conv(3, 4, order="norm act conv")), 3 * VALUES),
        (Skip(Identity()), VALUES),
        # a projection runs after the body, with the body's output held
        (Skip(Conv(3, 8), Conv(1, 8)), VALUES + 2 * 2 * VALUES),
        # branches: finished ones are held, the last one may use up the input
        (Parallel((PLAIN, PLAIN, PLAIN)), 4 * VALUES),
        (Parallel((PLAIN, Act())), 2 * VALUES),
        (Parallel((Act(), PLAIN)), 3 * VALUES),
        (Parallel((Identity(), PLAIN), "concat"), 2 * VALUES),
        (Parallel((Identity(), Identity()), "concat"), 2 * VALUES),
        (Split((Identity(), Conv(3, 2))), VALUES + VALUES // 2 + VALUES // 2),
        (Split((Conv(3, 2), Conv(3, 2))), 2 * VALUES),
        (SqueezeExcite(2), VALUES + 4 + 2),
        (Skip(SqueezeExcite(2)), VALUES + 4 + VALUES),
        (Shared(PLAIN, 3), 2 * VALUES),
        (Skip(Shared(PLAIN, 3)), 3 * VALUES),
    ],
)
def test_peak_memory(node: object, values: int) -> None:
    """Input, output and whatever is needed later, at the worst layer."""
    assert peak(node) == values


def graph(result: object, *bindings: tuple[str, object]) -> Graph:
    """A graph of one input x."""
    return Graph(("x",), tuple(Binding(name, term) for name, term in bindings), result)  # type: ignore[arg-type]


def apply(node: object, *names: str) -> GraphApply:
    """Apply a part to values."""
    return GraphApply(node, names)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("node", "values"),
    [
        (graph(GraphJoin("add", (GraphName("x"), apply(PLAIN, "x")))), 2 * VALUES),
        # h is needed twice more, so the activation writes a new tensor
        (
            graph(
                GraphJoin("add", (GraphName("a"), GraphName("h"))), ("h", apply(PLAIN, "x")), ("a", apply(Act(), "h"))
            ),
            2 * VALUES,
        ),
        # x + h while both are needed later: a new tensor
        (
            graph(
                GraphJoin("concat", (GraphName("s"), GraphName("x"), GraphName("h"))),
                ("h", apply(PLAIN, "x")),
                ("s", GraphJoin("add", (GraphName("x"), GraphName("h")))),
            ),
            3 * VALUES,
        ),
        (graph(GraphJoin("concat", (GraphName("x"), GraphName("x")))), 2 * VALUES),
        (graph(GraphName("h"), ("h", apply(Identity(), "x"))), VALUES),
        # a nested graph of two inputs: q is read once, p is still needed outside
        (
            graph(
                GraphJoin("add", (GraphName("c"), GraphName("h"))),
                ("h", apply(PLAIN, "x")),
                (
                    "c",
                    apply(
                        Graph(("p", "q"), (), GraphJoin("add", (apply(PLAIN, "p"), apply(PLAIN, "q")))),  # type: ignore[arg-type]
                        "h",
                        "x",
                    ),
                ),
            ),
            4 * VALUES,
        ),
    ],
)
def test_peak_memory_of_graphs(node: Graph, values: int) -> None:
    """Values live from where they are made to where they are read last."""
    assert peak(node) == values


def test_graph_and_skip_agree() -> None:
    """A residual sum written as a graph costs what skip costs, in every number."""
    body = Sequence((Conv(1, 16), DepthwiseConv(3), Conv(1, 4)))
    as_graph = graph(GraphJoin("add", (apply(body, "x"), GraphName("x"))))
    assert cost(as_graph, IMAGE) == cost(Skip(body), IMAGE)
    after = Sequence((Conv(3, 4), Skip(Skip(body)), Act()))
    nested = Sequence((Conv(3, 4), graph(GraphJoin("add", (apply(as_graph, "x"), GraphName("x")))), Act()))
    assert cost(after, IMAGE) == cost(nested, IMAGE)


@pytest.mark.parametrize(
    ("node", "depth", "field"),
    [
        (PLAIN, 1, 3),
        (Sequence((PLAIN, PLAIN)), 2, 5),
        (Sequence((Conv(3, 4, stride=2), PLAIN)), 2, 7),
        (Sequence((MaxPool(2), Conv(3, 4, dilation=2))), 1, 10),
        (Skip(Sequence((PLAIN, PLAIN))), 2, 5),
        (Parallel((PLAIN, Conv(5, 4), Sequence((Conv(1, 4), Conv(1, 4))))), 2, 5),
        (Sequence((PLAIN, SqueezeExcite(2), PLAIN)), 4, 5),
        (Sequence((PLAIN, GlobalAvgPool(), Conv(1, 10), Linear(10))), 3, 3),
        (Shared(PLAIN, 3), 3, 7),
        (graph(apply(PLAIN, "h"), ("h", GraphJoin("add", (apply(Conv(5, 4), "x"), GraphName("x"))))), 2, 7),
        (Sequence((Zero(2), PLAIN)), 1, 5),
        # along each axis for itself; upsampled positions are half as far apart
        (Sequence((Conv("1x7", 4), Conv("7x1", 4))), 2, 7),
        (Sequence((Conv("1x7", 4), Conv("1x7", 4))), 2, 13),
        (Sequence((Upsample(2), Conv(5, 4))), 1, 3),
        (Sequence((Upsample(2, "bilinear"), PLAIN)), 1, 3),
        (Identity(), 0, 1),
    ],
)
def test_depth_and_receptive_field(node: object, depth: int, field: int) -> None:
    """The longest path's convolutions and linear layers; the largest window on the image."""
    total = cost(node, IMAGE)  # type: ignore[arg-type]
    assert (total.depth, total.receptive_field) == (depth, field)


def test_layer_rows_of_one_convolution() -> None:
    """Rows follow the stated order; a norm in front acts on the input's width."""
    rows = layers(Conv(3, 8, norm="batch", act="relu", dropout=0.1, order="norm act conv drop"), IMAGE)
    assert [(row.name, row.type, row.output, row.params, row.flops) for row in rows] == [
        ("0", "BatchNorm2d", IMAGE, 8, 2 * VALUES),
        ("1", "ReLU", IMAGE, 0, 0),
        ("2", "Conv2d", (8, 8, 8), 288, 288 * 64),
        ("3", "Dropout", (8, 8, 8), 0, 0),
    ]


def test_needs_no_torch() -> None:
    """The closed form and the budget import no torch, so that the space can be explored at once."""
    code = (
        "import sys, budgetnet.network.cost.closed_form, budgetnet.network.budget, budgetnet.derivation.expand, "
        "budgetnet.files.network_file; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_speed() -> None:
    """A search leans on thousands of counts per second; the bound is lenient, a loaded machine is slow."""
    block = Skip(Sequence((Conv(1, 32), DepthwiseConv(3), Conv(1, 16, act="none"))))
    network = Sequence((Conv(3, 16), *(block for _ in range(6)), GlobalAvgPool(), Linear(10)))
    cost(network, (3, 32, 32))
    start = time.process_time()
    for _ in range(500):
        cost(network, (3, 32, 32))
    taken = (time.process_time() - start) / 500
    assert taken < 1e-3 or taken < 1e-3 * pace()


@pytest.mark.parametrize(("reduction", "channels"), [(4, 16), (2, 9), (16, 8)])
def test_squeeze_and_excitation_is_a_rule_of_products(reduction: int, channels: int) -> None:
    """Written out as a product with one pixel, it costs what the primitive costs, however its width is given."""
    reduced = max(1, channels // reduction)
    gate = Sequence(
        (
            GlobalAvgPool(),
            Conv(1, reduced, norm="none", act="relu"),
            Conv(1, channels, norm="none", act="sigmoid"),
        )
    )
    shape = (channels, 6, 7)
    written = cost(Parallel((Identity(), gate), "mul"), shape)
    for primitive in (SqueezeExcite(reduction), SqueezeExcite(width=reduced)):
        counted = cost(primitive, shape)
        assert (written.params, written.flops, written.activations) == (
            counted.params,
            counted.flops,
            counted.activations,
        )


def test_equal_graphs_of_other_primitives_are_counted_apart() -> None:
    """A cell is remembered with its shape, and never where a study's own primitive may mean something else."""

    def cell(function: object) -> Graph:  # type: ignore[type-arg]
        return Graph(("x",), (), GraphJoin("add", (GraphName("x"), GraphApply(function, ("x",)))))  # type: ignore[arg-type]

    own = cell(Custom("mine", ()))
    for params in (3, 5):
        form = {"mine": lambda shape, params=params: CustomCost(output=shape, params=params, flops=0)}
        assert cost(own, IMAGE, custom=form).params == params
    known = [cost(cell(PLAIN), shape).flops for shape in (IMAGE, (4, 4, 4), IMAGE)]
    assert known == [known[0], known[0] // 4, known[0]]
