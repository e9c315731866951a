"""The layer table: a network's leaf modules, under the names that they have in the built network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from budgetnet.network import nodes
from budgetnet.network.cost.combine import custom_part, part_of
from budgetnet.network.cost.dag_cost import needed_applications
from budgetnet.network.cost.types import CustomForm, Layer
from budgetnet.network.layer_walk import Box, Child, GraphBox, walk_layers
from budgetnet.network.nodes import Node, Shape
from budgetnet.ops.base import Spec, table_layers

__all__ = ["layer_rows"]


@dataclass(frozen=True, slots=True)
class _Module:
    """One module in a list of modules: with rows of its own, or with children, or with neither (a flattening)."""

    rows: tuple[tuple[str, Spec], ...] = ()
    children: tuple[tuple[Child[_Module], int], ...] = ()
    """With how often they run; 0 where nothing uses what they compute, which fvcore does not count."""


def layer_rows(node: Node, input_shape: Shape, custom: Mapping[str, CustomForm]) -> list[Layer]:
    """Return the rows of a whole network; see `budgetnet.network.cost.closed_form.layers`."""
    modules, _ = walk_layers(node, input_shape, _Table(custom))
    found: list[Layer] = []
    for position, module in enumerate(modules):
        _collect(module, str(position), 1, found)
    return found


def _collect(module: _Module, name: str, times: int, found: list[Layer]) -> None:
    for inner, spec in module.rows:
        place = f"{name}.{inner}" if inner else name
        found.append(Layer(place, spec.type, spec.output, spec.params, spec.flops * times))
    for child, runs in module.children:
        for position, each in enumerate(child.layers):
            # A lone module stands for itself, several stand in a Sequential of their own.
            place = f"{name}.{child.name}" if len(child.layers) == 1 else f"{name}.{child.name}.{position}"
            _collect(each, place, times * runs, found)


class _Table:
    """Reads layers as rows of the table."""

    def __init__(self, custom: Mapping[str, CustomForm]) -> None:
        self._custom = custom

    def layer(self, spec: Spec) -> _Module:
        return _Module(tuple(table_layers((spec,))))

    def own(self, node: nodes.Custom, shape: Shape) -> tuple[_Module, Shape]:
        part = custom_part(node, shape, self._custom)
        return _Module((("", Spec(node.name, part.shape, params=part.params, flops=part.flops)),)), part.shape

    def box(self, box: Box[_Module]) -> _Module:
        return _Module(children=tuple((child, box.runs) for child in box.children))

    def graph(self, box: GraphBox[_Module]) -> _Module:
        needed = needed_applications(box.graph, box.shapes, lambda inner, entry: part_of(inner, entry, self._custom))
        return _Module(children=tuple((child, int(runs)) for child, runs in zip(box.children, needed, strict=True)))
