"""The layer table: a network's leaf modules, under the names that `budgetnet.network.torch.build` gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from budgetnet.network import nodes
from budgetnet.network.cost.combine import custom_part, part_of
from budgetnet.network.cost.dag_cost import as_graph, needed_applications
from budgetnet.network.cost.leaf import Row, rows
from budgetnet.network.cost.types import CustomForm, Layer
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.shapes import joined_shape, slice_shape

__all__ = ["layer_rows"]


@dataclass(frozen=True, slots=True)
class _Module:
    """One module in a list of modules: a leaf row, or a container with named children, or a flattening (neither)."""

    rows: tuple[Row, ...] = ()
    children: tuple[tuple[str, tuple[_Module, ...], int], ...] = ()
    """Name, modules, and how often they run; 0 where nothing uses what they compute, which fvcore does not count."""


def layer_rows(node: Node, input_shape: Shape, custom: Mapping[str, CustomForm]) -> list[Layer]:
    """Return the rows of a whole network; see `budgetnet.network.cost.closed_form.layers`."""
    modules, _ = _Walk(custom).modules(node, (input_shape,))
    found: list[Layer] = []
    for position, module in enumerate(modules):
        _collect(module, str(position), 1, found)
    return found


def _collect(module: _Module, name: str, times: int, found: list[Layer]) -> None:
    for row in module.rows:
        inner = f"{name}.{row.name}" if row.name else name
        found.append(Layer(inner, row.type, row.output, row.params, row.flops * times))
    for child, modules, runs in module.children:
        for position, each in enumerate(modules):
            # A lone module stands for itself, several stand in a Sequential of their own.
            place = f"{name}.{child}" if len(modules) == 1 else f"{name}.{child}.{position}"
            _collect(each, place, times * runs, found)


class _Walk:
    """Follows `budgetnet.network.torch.build` step by step: the same modules, as rows instead of torch layers."""

    def __init__(self, custom: Mapping[str, CustomForm]) -> None:
        self._custom = custom

    def modules(self, node: Node, shapes: tuple[Shape, ...]) -> tuple[tuple[_Module, ...], Shape]:
        if len(shapes) > 1:
            return self._graph(as_graph(node, len(shapes)), shapes)
        (shape,) = shapes
        match node:
            case nodes.Sequence():
                done: list[_Module] = []
                for item in node.items:
                    more, shape = self.modules(item, (shape,))
                    done += more
                return tuple(done), shape
            case nodes.Skip():
                body, after = self.modules(node.body, shapes)
                children = [("body", body, 1)]
                if node.project is not None:
                    shortcut, shape = self.modules(node.project, shapes)
                    children.append(("shortcut", shortcut, 1))
                return (_Module(children=tuple(children)),), joined_shape("add", (shape, after))
            case nodes.Parallel():
                return self._branches(node, shape)
            case nodes.Split():
                return self._branches(node, slice_shape(shape, len(node.branches)))
            case nodes.Shared():
                body, after = self.modules(node.body, shapes)
                part_of(node, shape, self._custom)  # refuses a body that changes its input's shape
                return (_Module(children=(("body", body, node.times),)),), after
            case nodes.Graph():
                return self._graph(node, shapes)
            case nodes.Custom():
                part = custom_part(node, shape, self._custom)
                row = Row("", node.name, part.shape, part.params, part.flops)
                return (_Module((row,)),), part.shape
            case _:
                return self._primitive(node, shape)

    def _primitive(self, node: nodes.Primitive, shape: Shape) -> tuple[tuple[_Module, ...], Shape]:
        found = rows(node, shape)
        after = part_of(node, shape, self._custom).shape
        if isinstance(node, nodes.SqueezeExcite):
            return (_Module(found),), after
        flatten = (_Module(),) if isinstance(node, nodes.Linear) and len(shape) > 1 else ()
        return (*flatten, *(_Module((row,)) for row in found)), after

    def _branches(self, node: nodes.Parallel | nodes.Split, shape: Shape) -> tuple[tuple[_Module, ...], Shape]:
        done = [self.modules(branch, (shape,)) for branch in node.branches]
        children = tuple((f"branches.{position}", modules, 1) for position, (modules, _) in enumerate(done))
        return (_Module(children=children),), joined_shape(node.join, tuple(after for _, after in done))

    def _graph(self, graph: nodes.Graph, shapes: tuple[Shape, ...]) -> tuple[tuple[_Module, ...], Shape]:
        needed = needed_applications(graph, shapes, lambda inner, entry: part_of(inner, entry, self._custom))
        known = dict(zip(graph.inputs, shapes, strict=True))
        operations: list[tuple[str, tuple[_Module, ...], int]] = []

        def visit(term: nodes.GraphTerm) -> Shape:
            match term:
                case nodes.GraphName():
                    return known[term.id]
                case nodes.GraphApply():
                    modules, after = self.modules(term.function, tuple(known[name] for name in term.inputs))
                    operations.append((f"operations.{len(operations)}", modules, int(needed[len(operations)])))
                    return after
                case nodes.GraphJoin():
                    return joined_shape(term.join, tuple(visit(inner) for inner in term.terms))
                case _:
                    assert_never(term)

        for bound in graph.bindings:
            known[bound.name] = visit(bound.term)
        after = visit(graph.result)
        return (_Module(children=tuple(operations)),), after
