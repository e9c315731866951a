"""Expansion of skips, branches and graphs, from their text to the network's tree."""

from __future__ import annotations

import pytest

from budgetnet.errors import ShapeError
from budgetnet.network.nodes import (
    Act,
    AvgPool,
    Binding,
    Conv,
    DepthwiseConv,
    GlobalAvgPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    Identity,
    Linear,
    MaxPool,
    Node,
    Pad,
    Parallel,
    Sequence,
    Skip,
    Split,
)
from tests.derivation.derivations import (
    built,
    conv,
    derive,
)

# --- skip, parallel, split --------------------------------------------------------------------------


def test_skip_with_equal_shapes_has_no_projection() -> None:
    """Whatever the policy, equal shapes are added as they are."""
    for policy in ("", ", project=auto", ", project=none", ", project=pad"):
        assert built(f"network = skip(conv(3, 3){policy})") == Skip(conv(3, 3))


def test_skip_projections() -> None:
    """auto: a strided 1x1 convolution with norm; pad: zero channels; an expression always stands there."""
    body = Conv(3, 8, stride=2)
    text = "network = skip(conv(3, 8, stride=2), project={})"
    assert built(text.format("auto")) == Skip(body, Conv(1, 8, stride=2, act="none"))
    assert built("network = skip(conv(3, 8, stride=2))") == built(text.format("auto"))
    assert built(text.format("pad")) == Skip(body, Pad(8, 2))
    explicit = "avgpool(2) conv(1|3, 8, act=none)"
    assert built(text.format(explicit), {"conv#2.kernel": 3}) == Skip(
        body, Sequence((AvgPool(), Conv(3, 8, act="none")))
    )
    assert built("network = skip(conv(3, 3), project=act(relu))") == Skip(conv(3, 3), Act())
    assert built("network = gap linear(8) skip(linear(16))") == Sequence(
        (GlobalAvgPool(), Linear(8), Skip(Linear(16), Linear(16)))
    )


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("none", r"needs equal shapes; the shortcut has 3×32×32, the body gives 8×16×16"),
        ("conv(1, 8)", r"the projection gives 8×32×32, the body 8×16×16; they are added"),
    ],
)
def test_skips_that_do_not_fit(policy: str, message: str) -> None:
    """project=none makes a difference an error; a stated projection must lead to the body's shape."""
    with pytest.raises(ShapeError, match=message):
        derive(f"network = skip(conv(3, 8, stride=2), project={policy})")


def test_parallel_and_split() -> None:
    """Branches on the same input, or on equal slices, joined as stated."""
    branches = (conv(3, 8), Sequence((DepthwiseConv(3), conv(1, 8))))
    text = "network = {}(conv(3, 8), dwconv(3) conv(1, 8){})"
    assert built(text.format("parallel", "")) == Parallel(branches, "add")
    assert built(text.format("parallel", ", join=mul")) == Parallel(branches, "mul")
    assert built(text.format("split", ", join=add"), shape=(4, 8, 8)) == Split(branches, "add")
    assert derive(text.format("split", ""), shape=(4, 8, 8)).shape == (16, 8, 8)
    assert built("network = parallel(identity, maxpool? conv(3|5, 3), join=concat)", {"conv.kernel": 5}) == Parallel(
        (Identity(), conv(5, 3)), "concat"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = parallel(conv(3, 8), maxpool)", "add needs equal shapes, but got 8×32×32 and 3×16×16"),
        ("network = parallel(conv(3, 8), maxpool, join=concat)", "concat needs equal heights and widths"),
        ("network = split(identity, identity)", "3 channels cannot be split into 2 equal parts"),
    ],
)
def test_branches_that_do_not_fit(text: str, message: str) -> None:
    """Shape errors of joins."""
    with pytest.raises(ShapeError, match=message):
        derive(text)


# --- graphs -----------------------------------------------------------------------------------------


def apply(node: Node, *inputs: str) -> GraphApply:
    """A part applied to values."""
    return GraphApply(node, inputs)


def test_graph() -> None:
    """Bindings, sums, products, concatenations, choices inside."""
    text = """network = graph {
        h1 = conv(3|5, 3)(x)
        h2 = (dwconv(3) act(silu))(x) + conv(1, 3)(h1); h3 = h1 * h2
        return concat(h1 + h3, maxpool(3, stride=1, padding=1)(h2), x)
    }"""
    assert built(text, {"conv.kernel": 5}) == Graph(
        ("x",),
        (
            Binding("h1", apply(conv(5, 3), "x")),
            Binding(
                "h2",
                GraphJoin("add", (apply(Sequence((DepthwiseConv(3), Act("silu"))), "x"), apply(conv(1, 3), "h1"))),
            ),
            Binding("h3", GraphJoin("mul", (GraphName("h1"), GraphName("h2")))),
        ),
        GraphJoin(
            "concat",
            (
                GraphJoin("add", (GraphName("h1"), GraphName("h3"))),
                apply(MaxPool(3, 1, 1), "h2"),
                GraphName("x"),
            ),
        ),
    )
    assert derive(text).shape == (9, 32, 32)


def test_graphs_of_two_inputs() -> None:
    """A rule that is a graph of two inputs is applied to two values; its parameters are values as ever."""
    text = """network = graph { a = conv(3, 4)(x); b = cell(8)(a, x); return b + cell(8)(x, b) }
    cell(c) = graph(p, q) { return conv(1, c)(p) + conv(3, c)(q) }"""
    cell = Graph(("p", "q"), (), GraphJoin("add", (apply(conv(1, 8), "p"), apply(conv(3, 8), "q"))))
    assert built(text) == Graph(
        ("x",),
        (Binding("a", apply(conv(3, 4), "x")), Binding("b", apply(cell, "a", "x"))),
        GraphJoin("add", (GraphName("b"), apply(cell, "x", "b"))),
    )


def test_graphs_inside_everything() -> None:
    """A graph is a part like any other: inside skips, repetitions, branches and graphs."""
    text = "network = skip(cell{2}) parallel(cell, tied(cell){1..2})\ncell = graph { return conv(3|5, 3)(x) + x }"
    expansion = derive(text, {"cell#3.count": 2, "cell#3.conv.kernel": 5})
    cells = [Graph(("x",), (), GraphJoin("add", (apply(conv(kernel, 3), "x"), GraphName("x")))) for kernel in (3, 5)]
    assert expansion.network == Sequence(
        (
            Skip(Sequence((cells[0], cells[0]))),
            Parallel((cells[0], Sequence((cells[1], cells[1])))),
        )
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("network = graph { a = conv(3, 8)(x); return a + x }", "add needs equal shapes, but got 8×32×32 and 3×32×32"),
        ("network = graph { a = maxpool(x); return concat(a, x) }", "concat needs equal heights and widths"),
    ],
)
def test_graphs_that_do_not_fit(text: str, message: str) -> None:
    """Shape errors of joins inside graphs."""
    with pytest.raises(ShapeError, match=message):
        derive(text)


def test_cells_of_the_literature() -> None:
    """The cells of NAS-Bench-201 and DARTS, from the prelude."""
    expansion = derive("from prelude import nb201_cell\nnetwork = conv(3, 16) nb201_cell")
    assert expansion.shape == (16, 32, 32)
    assert len(expansion.decisions) == 6
    text = """from prelude import darts_normal, darts_reduce
    network = conv(3, 16) graph {
        a = darts_normal(8)(x, x)
        b = darts_reduce(16)(x, a)
        return darts_normal(16, s=2)(a, b)
    }"""
    assert derive(text).shape == (64, 16, 16)
