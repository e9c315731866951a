"""The one walk from a network to its layers; the torch module, the layer table and the exported source read it.

Sequences are flattened: a convolution with its norm and activation stands as three layers in the list around
it, as one would write them by hand. So the names of layers (``0``, ``3.body.0`` …) follow from the network alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, Generic, Protocol, TypeVar

from budgetnet.errors import ShapeError
from budgetnet.grammar.graph import run_graph
from budgetnet.network import nodes
from budgetnet.network.cost.dag_cost import as_graph
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import joined_shape, slice_shapes
from budgetnet.ops.base import Operation, Spec, describe_shape

__all__ = ["Box", "Child", "GraphBox", "Reader", "walk_layers"]

_Made = TypeVar("_Made")


@dataclass(frozen=True, slots=True)
class Child(Generic[_Made]):
    """A part of a network inside a box: no layer stands for the identity, several for a sequence of them."""

    name: str
    """Name of its module in the box: ``body``, ``branches.0``."""
    layers: list[_Made]
    output: Shape
    by_name: bool = False
    """The box's constructor takes it by its name."""


@dataclass(frozen=True, slots=True)
class Box(Generic[_Made]):
    """A module that holds others: the call that makes it."""

    type: str
    """Its class in `budgetnet.network.torch.modules`."""
    children: list[Child[_Made]]
    output: Shape
    options: tuple[tuple[str, Any], ...] = ()
    """Arguments by name, behind the children."""
    runs: int = 1
    """How often it runs each child."""


@dataclass(frozen=True, slots=True)
class GraphBox(Generic[_Made]):
    """A graph: it has a child for each application, in the order they run."""

    graph: nodes.Graph[Node]
    shapes: tuple[Shape, ...]
    """Shapes of its inputs."""
    children: list[Child[_Made]]
    output: Shape


class Reader(Protocol[_Made]):
    """Makes a result of each layer, in the order in which the layers run."""

    def layer(self, spec: Spec) -> _Made:
        """Read a plain layer."""

    def own(self, node: nodes.Custom, shape: Shape) -> tuple[_Made, Shape]:
        """Read a study's own primitive on an input of *shape*, and return the shape after it, too."""

    def box(self, box: Box[_Made]) -> _Made:
        """Read a module that holds others."""

    def graph(self, box: GraphBox[_Made]) -> _Made:
        """Read a graph."""


def walk_layers(
    network: Node, input_shape: Shape, reader: Reader[_Made], *, flattened: bool = True
) -> tuple[list[_Made], Shape]:
    """Return what a reader makes of a network's layers, and the shape of the vector that the last one puts out.

    Args:
        network: the network; an output of shape ``(classes, 1, 1)`` is flattened.
        input_shape: ``(channels, height, width)`` of one image.
        reader: makes something of each layer.
        flattened: flatten an image at the end; False for a part of a network.

    Raises:
        ShapeError: the network cannot be applied to such images.
        BudgetnetError: whatever else the reader raises.
    """
    made, shape = _layers(network, (input_shape,), reader)
    if flattened and len(shape) > 1:
        shape = (prod(shape),)
        made.append(reader.layer(Spec("nn.Flatten", shape, view=True)))
    return made, shape


def _layers(node: Node, shapes: tuple[Shape, ...], reader: Reader[_Made]) -> tuple[list[_Made], Shape]:
    if len(shapes) > 1:
        return _graph(as_graph(node, len(shapes)), shapes, reader)
    (shape,) = shapes
    match node:
        case nodes.Sequence():
            made: list[_Made] = []
            for item in node.items:
                more, shape = _layers(item, (shape,), reader)
                made += more
            return made, shape
        case nodes.Graph():
            return _graph(node, shapes, reader)
        case nodes.Custom():
            own, shape = reader.own(node, shape)
            return [own], shape
        case nodes.Skip() | nodes.Parallel() | nodes.Split() | nodes.Shared():
            box = _box(node, shape, reader)
            return [reader.box(box)], box.output
        case _:
            specs = _specs(node, shape)
            return [reader.layer(spec) for spec in specs], specs[-1].output if specs else shape


@lru_cache(maxsize=1 << 16)
def _specs(node: Operation, shape: Shape) -> tuple[Spec, ...]:
    return node.specs(shape)


def _child(name: str, node: Node, shapes: tuple[Shape, ...], reader: Reader[_Made]) -> Child[_Made]:
    layers, output = _layers(node, shapes, reader)
    return Child(name, layers, output, by_name=name == "shortcut")


def _box(
    node: nodes.Skip | nodes.Parallel | nodes.Split | nodes.Shared, shape: Shape, reader: Reader[_Made]
) -> Box[_Made]:
    match node:
        case nodes.Skip():
            children = [_child("body", node.body, (shape,), reader)]
            if node.project is not None:
                children.append(_child("shortcut", node.project, (shape,), reader))
                shape = children[1].output
            return Box("Residual", children, joined_shape("add", (shape, children[0].output)))
        case nodes.Shared():
            body = _child("body", node.body, (shape,), reader)
            if body.output != shape:
                got = f"{describe_shape(shape)} -> {describe_shape(body.output)}"
                raise ShapeError(f"a shared part must keep its input's shape, but got {got}")
            return Box("SharedStack", [body], shape, (("times", node.times),), node.times)
        case nodes.Parallel() | nodes.Split():
            shapes = (shape,) * len(node.branches)
            options: tuple[tuple[str, Any], ...] = (("join", node.join),)
            if isinstance(node, nodes.Split):
                shapes = slice_shapes(shape, len(node.branches), node.shares)
                if node.shares:
                    options += (("widths", tuple(each[0] for each in shapes)),)
            children = [
                _child(f"branches.{at}", part, (each,), reader)
                for at, (part, each) in enumerate(zip(node.branches, shapes, strict=True))
            ]
            after = joined_shape(node.join, tuple(child.output for child in children))
            return Box(f"{type(node).__name__}Branches", children, after, options)


def _graph(graph: nodes.Graph[Node], shapes: tuple[Shape, ...], reader: Reader[_Made]) -> tuple[list[_Made], Shape]:
    if len(shapes) != len(graph.inputs):
        raise ShapeError(f"the graph has {len(graph.inputs)} inputs, but got {len(shapes)}")
    children: list[Child[_Made]] = []

    def apply(function: Node, entries: tuple[Shape, ...]) -> Shape:
        child = _child(f"operations.{len(children)}", function, entries, reader)
        children.append(child)
        return child.output

    after = run_graph(graph, shapes, apply, lambda join, terms: joined_shape(join, tuple(terms)))
    return [reader.graph(GraphBox(graph, shapes, children, after))], after
