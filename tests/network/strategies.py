"""Hypothesis strategies: valid networks of every primitive and every combination, with their shapes.

Shapes are valid by construction: every part is drawn for the shape it meets, and the shape it leaves is
worked out here by hand, so the strategy is also an oracle for the shape arithmetic of the package.

Strides keep to one habit wherever branches must meet again: "same" padding, so that a side of n positions
becomes ceil(n / stride) in a convolution, a pooling, `Zero` and `Pad` alike.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from budgetnet.grammar.syntax import Join
from budgetnet.network.nodes import (
    Act,
    Binding,
    Conv,
    Dropout,
    GlobalAvgPool,
    GlobalMaxPool,
    Graph,
    GraphApply,
    GraphJoin,
    GraphName,
    GraphTerm,
    Identity,
    Linear,
    Node,
    Norm,
    Parallel,
    Scale,
    Sequence,
    Shape,
    Shared,
    Skip,
    Split,
    Upsample,
)
from budgetnet.network.shapes import lowest_terms
from budgetnet.ops.norm import AFFINE
from budgetnet.ops.pointwise import ACTIVATIONS, DROPPED
from budgetnet.ops.tokens import PrependToken, Tokens, Transpose
from tests.network.primitive_strategies import CHANNELS, ORDERS, Draw, linear, primitive_to, strided, window

__all__ = ["ORDERS", "Drawn", "image_shapes", "networks", "parts"]

JOINS: tuple[Join, ...] = ("add", "concat", "mul")
BRANCH_JOINS: tuple[Join, ...] = (*JOINS, "mean")


@dataclass(frozen=True)
class Drawn:
    """A network (or a part of one), the shape it is applied to and the shape it leaves."""

    network: Node
    input_shape: Shape
    shape: Shape


@st.composite
def image_shapes(draw: Draw) -> Shape:
    """Small images, square or not, of few or many channels."""
    return draw(st.sampled_from(CHANNELS)), draw(st.integers(4, 11)), draw(st.integers(4, 11))


@st.composite
def parts(draw: Draw, input_shape: Shape, depth: int = 2) -> Drawn:
    """One part of a network: a primitive or a combination nested at most *depth* deep."""
    node, shape = _part(draw, input_shape, depth)
    return Drawn(node, input_shape, shape)


@st.composite
def networks(draw: Draw, *, classes: int | None = None, most_parts: int = 5, depth: int = 2) -> Drawn:
    """Whole networks: an image shape, up to *most_parts* parts and a head that leaves *classes* values."""
    input_shape = shape = draw(image_shapes())
    wanted = draw(st.integers(2, 10)) if classes is None else classes
    items: list[Node] = []
    for _ in range(draw(st.integers(1, most_parts))):
        node, shape = _part(draw, shape, depth)
        items.append(node)
    head, shape = _head(draw, shape, wanted)
    return Drawn(_sequence([*items, *head]), input_shape, shape)


def _head(draw: Draw, shape: Shape, classes: int) -> tuple[list[Node], Shape]:
    final = Conv(1, classes, norm="none", act="none", dropout=0.0)
    kinds = ["linear"] if len(shape) == 1 else ["linear", "gap linear", "gmp conv", "conv gap"]
    match draw(st.sampled_from(kinds)):
        case "gap linear":
            return [GlobalAvgPool(), Linear(classes, bias=draw(st.booleans()))], (classes,)
        case "gmp conv":
            return [GlobalMaxPool(), final], (classes, 1, 1)
        case "conv gap":
            return [final, GlobalAvgPool()], (classes, 1, 1)
        case _:
            return [Linear(classes)], (classes,)


# --- parts of any output shape ----------------------------------------------------------------------


def _part(draw: Draw, shape: Shape, depth: int) -> tuple[Node, Shape]:
    if len(shape) == 1:
        return _vector_part(draw, shape, depth)
    kinds = ["primitive", "keeper"] + (["combination", "combination", "window", "linear", "larger"] if depth else [])
    match draw(st.sampled_from(kinds)):
        case "keeper":
            return primitive_to(draw, shape, shape, 1), shape
        case "combination":
            target, stride = _target(draw, shape)
            kind = draw(st.sampled_from(["sequence", "skip", "parallel", "split", "shared", "graph"]))
            return _combination(draw, kind, shape, target, stride, depth - 1)
        case "window":
            return window(draw, shape)
        case "larger" if max(shape[1:]) < 12 and draw(st.booleans()):
            count = shape[1] * shape[2]
            return draw(
                st.sampled_from(
                    [
                        (Tokens(), (shape[0], count, 1)),
                        (PrependToken(), (shape[0], count + 1, 1)),
                        (_sequence([Transpose(), Conv(1, 4), Transpose()]), (shape[0], 4, 1)),
                    ]
                )
            )
        case "larger" if max(shape[1:]) < 12:
            factor = draw(st.integers(1, 3))
            mode = draw(st.sampled_from(["nearest", "bilinear"]))
            return Upsample(factor, mode), (shape[0], shape[1] * factor, shape[2] * factor)
        case "linear" | "larger":
            return linear(draw) if draw(st.integers(0, 3)) == 0 else window(draw, shape)
        case _:
            target, stride = _target(draw, shape)
            return primitive_to(draw, shape, target, stride), target


def _vector_part(draw: Draw, shape: Shape, depth: int) -> tuple[Node, Shape]:
    """A part on ``(features,)``."""
    kinds = ["linear", "act", "dropout", "identity", "norm", "scale"] + (
        ["skip", "parallel", "shared"] if depth else []
    )
    same = Linear(shape[0], act=draw(st.sampled_from(ACTIVATIONS)))
    match draw(st.sampled_from(kinds)):
        case "act":
            return Act(draw(st.sampled_from(ACTIVATIONS))), shape
        case "dropout":
            return Dropout(draw(st.sampled_from([0.0, 0.25])), draw(st.sampled_from(DROPPED))), shape
        case "norm":
            kinds = ["batch", "layer", "group", "none"] if shape[0] > 2 and shape[0] % 2 == 0 else ["batch", "layer"]
            return Norm(draw(st.sampled_from(kinds)), 2, 1e-3, draw(st.sampled_from(AFFINE))), shape
        case "scale":
            return Scale(draw(st.sampled_from([1.0, 0.5])), draw(st.booleans())), shape
        case "identity":
            return Identity(), shape
        case "skip":
            body, left = linear(draw)
            return (Skip(body, Linear(left[0])), left) if left != shape else (Skip(body), left)
        case "parallel":
            join = draw(st.sampled_from(JOINS))
            width = shape[0] * 2 if join == "concat" else shape[0]
            return Parallel((same, Identity()), join), (width,)
        case "shared":
            return Shared(same, draw(st.integers(1, 3))), shape
        case _:
            return linear(draw)


# --- parts of a wanted output shape -----------------------------------------------------------------


def _target(draw: Draw, shape: Shape) -> tuple[Shape, int]:
    """Any width, and height and width as a stride of 1, 2 or 3 leaves them."""
    stride = draw(st.sampled_from([1, 1, 1, 2, 3]))
    channels = shape[0] if draw(st.booleans()) else draw(st.sampled_from(CHANNELS))
    return strided((channels, *shape[1:]), stride), stride


def _node_to(draw: Draw, shape: Shape, target: Shape, stride: int, depth: int) -> Node:
    """A part that turns *shape* into *target*, which is *stride* away."""
    if depth > 0 and draw(st.integers(0, 2)) == 0:
        kind = draw(st.sampled_from(["sequence", "skip", "parallel", "split", "shared", "graph"]))
        node, left = _combination(draw, kind, shape, target, stride, depth - 1)
        if left == target:
            return node
        return _sequence([node, primitive_to(draw, left, target, 1 if left[1:] == target[1:] else stride)])
    return primitive_to(draw, shape, target, stride)


def _combination(draw: Draw, kind: str, shape: Shape, target: Shape, stride: int, depth: int) -> tuple[Node, Shape]:
    """A combination of that kind; it leaves *target*, except that splits and concatenations differ in width."""
    match kind:
        case "sequence":
            last = _node_to(draw, shape, target, stride, depth)
            if draw(st.integers(0, 4)) == 0:
                return Sequence(()), shape
            return _sequence([_node_to(draw, shape, shape, 1, depth), last]), target
        case "skip":
            body = _node_to(draw, shape, target, stride, depth)
            plain = target == shape and draw(st.booleans())
            return Skip(body, None if plain else _node_to(draw, shape, target, stride, 0)), target
        case "parallel":
            return _branches(draw, Parallel, [shape] * draw(st.integers(2, 3)), target, stride, depth)
        case "split" if shape[0] == 1:
            return _branches(draw, Parallel, [shape] * 2, target, stride, depth)
        case "split":
            count = draw(st.sampled_from([count for count in range(2, 6) if shape[0] % count == 0] or [shape[0]]))
            slices: list[Shape] = [(shape[0] // count, *shape[1:])] * count
            if shape[0] > 2 and draw(st.booleans()):
                first = draw(st.integers(1, (shape[0] - 1) // 2))
                slices = [(first, *shape[1:]), (shape[0] - first, *shape[1:])]
            return _branches(draw, Split, slices, target, stride, depth)
        case "shared":
            return Shared(_node_to(draw, shape, shape, 1, depth), draw(st.integers(1, 3))), shape
        case _:
            return _graph(draw, (("x", shape, stride),), strided(shape, stride), depth)


def _branches(
    draw: Draw, kind: type[Parallel | Split], shapes: list[Shape], target: Shape, stride: int, depth: int
) -> tuple[Node, Shape]:
    join = draw(st.sampled_from(BRANCH_JOINS))
    widths = [draw(st.sampled_from(CHANNELS)) if join == "concat" else target[0] for _ in shapes]
    nodes = [
        _node_to(draw, shape, (width, *target[1:]), stride, depth) for shape, width in zip(shapes, widths, strict=True)
    ]
    if join == "mul" and draw(st.booleans()):  # a gate for all positions, or for all channels
        gates = {
            "pixel": Sequence((GlobalAvgPool(), primitive_to(draw, (shapes[-1][0], 1, 1), (target[0], 1, 1), 1))),
            "channel": _node_to(draw, shapes[-1], (1, *target[1:]), stride, depth),
        }
        nodes[-1] = gates[draw(st.sampled_from(list(gates)))]
    node = kind(tuple(nodes), join)
    if kind is Split:
        node = Split(tuple(nodes), join, lowest_terms([shape[0] for shape in shapes]))
    return node, (sum(widths) if join == "concat" else widths[0], *target[1:])


# --- graphs -----------------------------------------------------------------------------------------


def _graph(draw: Draw, inputs: tuple[tuple[str, Shape, int], ...], meeting: Shape, depth: int) -> tuple[Graph, Shape]:
    """A graph whose values all have *meeting*'s height and width; every value is used by a later one."""
    known = {name: (shape, stride) for name, shape, stride in inputs}
    unused = set(known)
    bindings: list[Binding] = []
    for index in range(draw(st.integers(1, 3))):
        name = f"h{index}"
        term, shape, used = _term(draw, known, meeting, depth, levels=1)
        unused = (unused - used) | {name}
        known[name] = (shape, 1)
        bindings.append(Binding(name, term))
    terms: list[GraphTerm] = []
    join = draw(st.sampled_from(JOINS))
    widths = []
    wanted = draw(st.sampled_from(CHANNELS))
    for name in sorted(unused):
        shape, stride = known[name]
        if stride == 1 and (join == "concat" or shape[0] == wanted or len(unused) == 1):
            terms.append(GraphName(name))
            widths.append(shape[0])
        else:
            terms.append(GraphApply(_node_to(draw, shape, (wanted, *meeting[1:]), stride, depth), (name,)))
            widths.append(wanted)
    width = sum(widths) if join == "concat" else widths[0]
    result = terms[0] if len(terms) == 1 else GraphJoin(join, tuple(terms))
    return Graph(tuple(name for name, _, _ in inputs), tuple(bindings), result), (width, *meeting[1:])


def _term(
    draw: Draw, known: dict[str, tuple[Shape, int]], meeting: Shape, depth: int, levels: int
) -> tuple[GraphTerm, Shape, set[str]]:
    """A term over the known values, its shape, and the names it uses."""
    near = [name for name in sorted(known) if known[name][1] == 1]
    kinds = ["apply", "apply"] + (["name"] if near else []) + (["join"] if levels else [])
    if depth > 0 and len(near) > 1:
        kinds.append("two")
    match draw(st.sampled_from(kinds)):
        case "name":
            name = draw(st.sampled_from(near))
            return GraphName(name), known[name][0], {name}
        case "two":
            first, second = draw(st.sampled_from(near)), draw(st.sampled_from(near))
            inner, shape = _graph(draw, (("p", known[first][0], 1), ("q", known[second][0], 1)), meeting, depth - 1)
            if draw(st.integers(0, 2)):
                return GraphApply(inner, (first, second)), shape, {first, second}
            target = (draw(st.sampled_from(CHANNELS)), *meeting[1:])
            behind = _sequence([inner, primitive_to(draw, shape, target, 1)])
            return GraphApply(behind, (first, second)), target, {first, second}
        case "join":
            drawn = [_term(draw, known, meeting, depth, levels - 1) for _ in range(draw(st.integers(2, 3)))]
            used = set().union(*(names for _, _, names in drawn))
            equal = len({shape for _, shape, _ in drawn}) == 1
            join = draw(st.sampled_from(JOINS)) if equal else "concat"
            width = sum(shape[0] for _, shape, _ in drawn) if join == "concat" else drawn[0][1][0]
            return GraphJoin(join, tuple(term for term, _, _ in drawn)), (width, *meeting[1:]), used
        case _:
            name = draw(st.sampled_from(sorted(known)))
            shape, stride = known[name]
            target = (draw(st.sampled_from(CHANNELS)), *meeting[1:])
            return GraphApply(_node_to(draw, shape, target, stride, depth), (name,)), target, {name}


# --- helpers ----------------------------------------------------------------------------------------


def _sequence(items: list[Node]) -> Node:
    """A sequence that holds no sequence directly."""
    flat: list[Node] = []
    for item in items:
        flat.extend(item.items if isinstance(item, Sequence) else (item,))
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))
