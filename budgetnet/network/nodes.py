"""One network as a tree of typed, frozen nodes: what is counted, built, printed and hashed.

Leaves are operations with every argument resolved (`budgetnet.ops`); the inner nodes of this file combine them.
Nothing is left to choose here. Shapes are without the batch: ``(channels, height, width)`` for an image,
``(features,)`` after `Linear`.
"""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.grammar.graph import Binding, Graph, GraphApply, GraphJoin, GraphName, GraphTerm, Join
from budgetnet.ops.base import Operation, Shape
from budgetnet.ops.channels import Identity, Pad, Scale, Shuffle, Zero
from budgetnet.ops.conv import Conv, DepthwiseConv
from budgetnet.ops.custom import Custom
from budgetnet.ops.linear import Linear
from budgetnet.ops.norm import Norm
from budgetnet.ops.pointwise import Act, Dropout
from budgetnet.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool, Upsample
from budgetnet.ops.squeeze_excite import SqueezeExcite

__all__ = [
    "Act",
    "AvgPool",
    "Binding",
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
    "Upsample",
    "Zero",
]


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
    """Branches on the same input, joined; see `budgetnet.network.shapes.joined_shape`."""

    branches: tuple[Node, ...]
    join: Join = "add"


@dataclass(frozen=True, slots=True)
class Split:
    """Branches on slices of the channels, joined."""

    branches: tuple[Node, ...]
    join: Join = "concat"
    shares: tuple[int, ...] = ()
    """Proportions of the slices, in lowest terms; empty if they are equal."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The same module applied ``times`` times: parameters once, FLOPs each time. Keeps its input's shape."""

    body: Node
    times: int


Node = Operation | Sequence | Skip | Parallel | Split | Shared | Graph["Node"]
