"""A space counted without one of its options, from the states that a table was made of.

The states are not looked into again: whatever takes the option is cut off, and what is left is added up as for the
table, along its axis alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from budgetnet.derivation.decision import Label
from budgetnet.space.counting.arrays import added_up, counts_of, sizes_of
from budgetnet.space.counting.merging import MergedStates, in_order, merge_states
from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import StateGraph, StateNode
from budgetnet.space.counting.table import Table

__all__ = ["CutSpace", "WithoutOption"]


@dataclass(frozen=True, slots=True)
class WithoutOption:
    """A space without one option."""

    derivations: int
    """Derivations that never take it and end in a network, of any cost."""
    fitting: int
    """Those of them within the axis' bound."""
    fits: float
    """Prior probability of a draw that never takes it and is within the bound."""
    taken: float
    """Prior probability of a draw that takes it at least once."""


class CutSpace:
    """The states of a space, for counting it without one option after the other."""

    def __init__(self, table: Table) -> None:
        """Keep the costs on the axis alone.

        Args:
            table: of the space; exact, with an axis, a decision, and all states looked into.
        """
        graph = table.graph
        nodes = (
            node and StateNode(tuple(edge and (edge[0], edge[1][:1]) for edge in node.edges), node.weights)
            for node in graph.nodes
        )
        self._bound = table.bound
        self._graph = replace(graph, nodes=tuple(nodes), others=(), start=(graph.start[0], graph.start[1][:1]))
        self._order = in_order(self._graph)
        self._edges: dict[tuple[str, str, type, Label], list[tuple[int, int]]] = defaultdict(list)
        for number, place in enumerate(graph.places):
            if len(place.labels) > 1:  # a decision with a single option takes it whatever is left out
                for index, label in enumerate(place.labels):
                    self._edges[place.rule, place.site, type(label), label].append((number, index))

    def without(self, rule: str, site: str, label: Label) -> WithoutOption:
        """Count the space without an option of a place in the text, however many decisions are made there.

        Args:
            rule: in whose text it stands.
            site: name of the choice, ``conv.kernel``.
            label: the option; 1, 1.0 and True are three.
        """
        with without_collector():
            cut, taken = self._cut(self._edges.get((rule, site, type(label), label), []))
            classes = merge_states(cut, self._bound)
            assert classes.derivations is not None
            first = classes.of_node[cut.start[0]]
            fitting, fits = _within(classes, first, self._bound)
        return WithoutOption(derivations=classes.derivations[first], fitting=fitting, fits=fits, taken=taken)

    def _cut(self, edges: list[tuple[int, int]]) -> tuple[StateGraph, float]:
        """The states without some options, and the prior probability of coming to one of these."""
        nodes = list(self._graph.nodes)
        cut: dict[int, float] = defaultdict(float)
        for number, index in edges:
            node = nodes[number]
            if node is not None:
                left = tuple(None if place == index else edge for place, edge in enumerate(node.edges))
                nodes[number] = StateNode(left, node.weights)
                cut[number] += node.weights[index]
        reach, taken = dict.fromkeys(self._order[:1], 1.0), 0.0
        for number in self._order:
            node, here = nodes[number], reach.get(number)
            if here is None:
                nodes[number] = None  # it can no longer be reached
                continue
            taken += here * cut.get(number, 0.0)
            for edge, weight in zip(node.edges, node.weights, strict=True) if node is not None else ():
                if edge is not None and edge[0] >= 0:
                    reach[edge[0]] = reach.get(edge[0], 0.0) + here * weight
        return replace(self._graph, nodes=tuple(nodes)), taken


def _within(classes: MergedStates, first: int, bound: int) -> tuple[int, float]:
    """Number and prior probability of the derivations within the bound."""
    bigcounts = counts_of(classes)
    found = (0, 0.0)
    for number, raw in added_up(classes, bigcounts, (), sizes_of(classes, bound)):
        if number == first:
            found = bigcounts.total(raw.counts), float(raw.mass.sum())
    return found
