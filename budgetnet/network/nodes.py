"""One architecture as a tree of typed, frozen nodes: what is counted, built, printed and hashed.

Leaves are the language's primitives with every argument resolved (a class per entry of
`budgetnet.ops.signature`, same fields, same order, same defaults); inner nodes combine them.
Nothing is left to choose here. Shapes are without the batch: ``(channels, height, width)`` for an image,
``(features,)`` after `Linear`.
"""

from __future__ import annotations

from dataclasses import dataclass

from budgetnet.grammar.syntax import Join
from budgetnet.ops.signature import Scalar

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
]

Shape = tuple[int, ...]


# --- primitives -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Conv:
    """``conv``: 2-d convolution, then norm, activation and dropout in the stated order."""

    kernel: int
    channels: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    padding: int | str = "same"
    """``"same"`` is ``dilation * (kernel - 1) // 2`` on each side and needs an odd kernel."""
    bias: str = "auto"
    norm: str = "batch"
    act: str = "relu"
    dropout: float = 0.0
    order: str = "conv norm act drop"


@dataclass(frozen=True, slots=True)
class DepthwiseConv:
    """``dwconv``: groups equal to the input's channels, ``multiplier`` outputs for each."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    multiplier: int = 1
    padding: int | str = "same"
    bias: str = "auto"
    norm: str = "batch"
    act: str = "relu"
    dropout: float = 0.0
    order: str = "conv norm act drop"


@dataclass(frozen=True, slots=True)
class Linear:
    """``linear``: flattens, then a fully connected layer; output shape ``(features,)``."""

    features: int
    bias: bool = True
    act: str = "none"
    dropout: float = 0.0


@dataclass(frozen=True, slots=True)
class MaxPool:
    """``maxpool``."""

    kernel: int = 2
    stride: int | str = "auto"
    padding: int | str = 0


@dataclass(frozen=True, slots=True)
class AvgPool:
    """``avgpool``: padding counts as zeros (PyTorch's ``count_include_pad``)."""

    kernel: int = 2
    stride: int | str = "auto"
    padding: int | str = 0


@dataclass(frozen=True, slots=True)
class GlobalAvgPool:
    """``gap``: output shape ``(channels, 1, 1)``."""


@dataclass(frozen=True, slots=True)
class GlobalMaxPool:
    """``gmp``: output shape ``(channels, 1, 1)``."""


@dataclass(frozen=True, slots=True)
class Norm:
    """``norm``: ``groups`` matters for ``group`` only; ``layer`` normalises channels at each position."""

    kind: str = "batch"
    groups: int = 8


@dataclass(frozen=True, slots=True)
class Act:
    """``act``."""

    kind: str = "relu"


@dataclass(frozen=True, slots=True)
class Dropout:
    """``dropout``."""

    rate: float


@dataclass(frozen=True, slots=True)
class SqueezeExcite:
    """``se``: squeeze-and-excitation (Hu et al., arXiv 1709.01507); 1x1 convolutions with bias."""

    reduction: int = 4
    act: str = "relu"
    gate: str = "sigmoid"


@dataclass(frozen=True, slots=True)
class Shuffle:
    """``shuffle``: channel shuffle (ShuffleNet, arXiv 1707.01083)."""

    groups: int = 2


@dataclass(frozen=True, slots=True)
class Identity:
    """``identity``."""


@dataclass(frozen=True, slots=True)
class Zero:
    """``zero``: zeros, every stride-th position (NAS-Bench-201, DARTS)."""

    stride: int = 1


@dataclass(frozen=True, slots=True)
class Scale:
    """``scale``: one learned factor per channel (LayerScale, arXiv 2103.17239)."""

    init: float = 1.0


@dataclass(frozen=True, slots=True)
class Pad:
    """``pad``: strided subsampling and zero channels on both sides (ResNet option A, arXiv 1512.03385)."""

    channels: int
    stride: int = 1


@dataclass(frozen=True, slots=True)
class Custom:
    """A study's own primitive, by name, with all its arguments in the signature's order."""

    name: str
    arguments: tuple[tuple[str, Scalar], ...] = ()


Primitive = (
    Conv
    | DepthwiseConv
    | Linear
    | MaxPool
    | AvgPool
    | GlobalAvgPool
    | GlobalMaxPool
    | Norm
    | Act
    | Dropout
    | SqueezeExcite
    | Shuffle
    | Identity
    | Zero
    | Scale
    | Pad
    | Custom
)


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


Node = Primitive | Sequence | Skip | Parallel | Split | Shared | Graph
