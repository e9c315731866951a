"""One network as a tree of typed, frozen nodes: what is counted, built, printed and hashed.

Leaves are operations with every argument resolved (`budgetnet.ops`); the inner nodes of this file combine them.
Nothing is left to choose here. Shapes are without the batch: ``(channels, height, width)`` for an image,
``(features,)`` after `Linear`.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Values
from dataclasses import dataclass
from typing import TypeVar, assert_never

from budgetnet.grammar.syntax import Join
from budgetnet.ops.base import Operation, Shape
from budgetnet.ops.channels import Identity, Pad, Scale, Shuffle, Zero
from budgetnet.ops.conv import Conv, DepthwiseConv
from budgetnet.ops.custom import Custom
from budgetnet.ops.linear import Linear
from budgetnet.ops.pointwise import Act, Dropout, Norm
from budgetnet.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from budgetnet.ops.squeeze_excite import SqueezeExcite

__all__ = [
    "Act",
    "AvgPool",
    "Bound",
    "Conv",
    "Custom",
    "DepthwiseConv",
    "Dropout",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "Graph",
    "GraphApply",
    "GraphJoin",
    "GraphName",
    "GraphTerm",
    "Identity",
    "Linear",
    "MaxPool",
    "Node",
    "Norm",
    "Pad",
    "Parallel",
    "Primitive",
    "Scale",
    "Sequence",
    "Shape",
    "Shared",
    "Shuffle",
    "Skip",
    "Split",
    "SqueezeExcite",
    "Zero",
    "evaluate",
]

_V = TypeVar("_V")

Primitive = Operation
"""A leaf."""


# --- combinations -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sequence:
    """Parts one after the other; an empty one is the identity. Never directly inside a Sequence."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Skip:
    """``x + body(x)``, or ``project(x) + body(x)`` where a projection is given."""

    body: Node
    project: Node | None = None


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches on the same input, joined: add and mul need equal shapes, concat equal heights and widths."""

    branches: tuple[Node, ...]
    join: Join = "add"


@dataclass(frozen=True, slots=True)
class Split:
    """Branches on equal slices of the channels, joined."""

    branches: tuple[Node, ...]
    join: Join = "concat"


@dataclass(frozen=True, slots=True)
class Shared:
    """The same module applied ``times`` times: parameters once, FLOPs each time. Keeps its input's shape."""

    body: Node
    times: int


@dataclass(frozen=True, slots=True)
class GraphName:
    """A value inside a graph."""

    id: str


@dataclass(frozen=True, slots=True)
class GraphApply:
    """A part applied to named values (one, or as many as a nested `Graph` has inputs)."""

    function: Node
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GraphJoin:
    """Terms added, multiplied or concatenated."""

    join: Join
    terms: tuple[GraphTerm, ...]


GraphTerm = GraphName | GraphApply | GraphJoin


@dataclass(frozen=True, slots=True)
class Bound:
    """``name = term``."""

    name: str
    term: GraphTerm


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph of parts."""

    inputs: tuple[str, ...]
    bindings: tuple[Bound, ...]
    result: GraphTerm


Node = Operation | Sequence | Skip | Parallel | Split | Shared | Graph


def evaluate(
    graph: Graph,
    inputs: Values[_V],
    apply: Callable[[Node, tuple[_V, ...]], _V],
    join: Callable[[Join, list[_V]], _V],
) -> _V:
    """Run a graph on values of any kind (shapes, tensors, positions) and return its result.

    Args:
        graph: its bindings run from the top, terms from the left, the result last.
        inputs: a value for each of its inputs.
        apply: applies a part to values.
        join: joins values.
    """
    known = dict(zip(graph.inputs, inputs, strict=True))

    def visit(term: GraphTerm) -> _V:
        match term:
            case GraphName():
                return known[term.id]
            case GraphApply():
                return apply(term.function, tuple(known[name] for name in term.inputs))
            case GraphJoin():
                return join(term.join, [visit(inner) for inner in term.terms])
            case _:
                assert_never(term)

    for bound in graph.bindings:
        known[bound.name] = visit(bound.term)
    return visit(graph.result)
