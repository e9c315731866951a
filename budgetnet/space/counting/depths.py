"""A table that also tells depths apart: for draws stratified by depth, and for the shares of depths in what fits.

The depth still to come becomes part of the state: a state from which networks of five depths follow is five states.
The first decision is then the depth of the whole network, and all that follows keeps to it. Everything else is as
in `budgetnet.space.counting.tabulate`: exact counts over parameters, jointly with any other bound.

Depth is counted along the main path: the body of a skip, the first branch of a parallel part; graphs add nothing
(`budgetnet.space.tracing.lower_bounds`). That is the network's depth where no other path is longer, and a lower
bound of it otherwise. Code that needs the exact depth takes the closed form's, as `budgetnet.space.sampling` does.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Literal

from budgetnet.space.counting.shortest_paths import without_collector
from budgetnet.space.counting.states import COMPLETE, ChoicePlace, Costs, Edge, StateGraph, StateNode, find_states
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, fill, too_many
from budgetnet.space.space import Space

__all__ = ["depth_shares", "tabulate_depths"]


def tabulate_depths(space: Space, *, states: int | None = None, memory: int | None = None) -> Table | TooLarge:
    """Make a table that tells depths apart (`Table.depths`), unless that is too much work.

    It takes the work and memory of `budgetnet.space.counting.tabulate.tabulate` about once per depth.

    Args:
        space: its budget's first additive bound is the axis.
        states: largest number of states, before and after they are split by depth.
        memory: largest number of bytes for arrays; with less, the table does not tell costs apart (`Table.exact`).
    """
    states = space.most_states if states is None else states
    memory = space.effort.memory if memory is None else memory
    begun = time.perf_counter()
    with without_collector():
        graph = find_states(space, states, also=("depth",))
        if graph is None:
            return too_many(space, states, "a table")
        product = _Product(graph, space.budget.depth)
        if product.size > states:
            return TooLarge(f"split by depth, the space has {product.size:,} states, too many for a table")
        table = fill(space, product.graph(), memory, product.depths)
    table.seconds = time.perf_counter() - begun
    return table


def depth_shares(table: Table, weighting: Literal["prior", "uniform"] = "prior") -> dict[int, float]:
    """Return the share of each depth in what fits on the axis, from exact numbers; the shares sum to 1.

    Args:
        table: one that tells depths and costs apart; bounds other than the axis' are ignored.
        weighting: shares of the grammar's prior, or of the number of derivations.
    """
    if not table.depths or not table.exact:
        raise ValueError("shares of depths need an exact table of tabulate_depths")
    edges = table.node(table.start[0]).edges
    found = [
        table.weigh(edge[0], 0, table.bound - edge[1][0], uniform=weighting == "uniform") if edge else (0.0, 0)
        for edge in edges
    ]
    top = max((exponent for _, exponent in found), default=0)
    weights = [number * 2.0 ** (exponent - top) for number, exponent in found]
    total = sum(weights)
    return {depth: weight / total for depth, weight in zip(table.depths, weights, strict=True)} if total else {}


class _Product:
    """A graph of states, each split by the depth still to come."""

    def __init__(self, graph: StateGraph, limit: int | None) -> None:
        self._graph = graph
        self._place = 1 + graph.others.index("depth")
        self._after = self._depths_after()
        target, costs = graph.start
        ahead = [costs[self._place] + more for more in self._ahead(target)]
        self.depths = tuple(sorted(depth for depth in ahead if limit is None or depth <= limit))
        """Depths of networks within the limit."""

    @property
    def size(self) -> int:
        """Number of states, including those that no network within the limit goes through."""
        return sum(map(len, self._after)) + 1

    def graph(self) -> StateGraph:
        """The split graph; its start is one more node, which chooses the depth."""
        numbers: dict[tuple[int, int], int] = {}
        order: list[tuple[int, int]] = []

        def split(edge: Edge | None, ahead: int) -> Edge | None:
            """Return an edge's copy with *ahead* still to come before it; None if no network follows."""
            if edge is None:
                return None
            target, costs = edge
            left = ahead - costs[self._place]
            if left not in self._ahead(target):
                return None
            if target != COMPLETE:
                key = target, left
                if key not in numbers:
                    numbers[key] = len(order)
                    order.append(key)
                target = numbers[key]
            return target, self._without_depth(costs)

        starts = tuple(split(self._graph.start, depth) for depth in self.depths)
        nodes: list[StateNode | None] = []
        least: list[int] = []
        for number, ahead in order:  # grows during the loop
            node = self._graph.nodes[number]
            assert node is not None
            nodes.append(StateNode(tuple(split(edge, ahead) for edge in node.edges), node.weights))
            least.append(self._graph.least[number])
        nodes.append(StateNode(starts, (1.0,) * len(starts)))
        return replace(
            self._graph,
            others=tuple(bound for bound in self._graph.others if bound != "depth"),
            start=(len(nodes) - 1, self._without_depth((0,) * (1 + len(self._graph.others)))),
            nodes=tuple(nodes),
            places=(*(self._graph.places[number] for number, _ in order), ChoicePlace("", "depth", self.depths)),
            least=(*least, 0),
        )

    def _without_depth(self, costs: Costs) -> Costs:
        return (*costs[: self._place], *costs[self._place + 1 :])

    def _ahead(self, target: int) -> frozenset[int]:
        """The depths that can follow the end of an edge."""
        if target == COMPLETE:
            return frozenset((0,))
        return self._after[target] if target >= 0 else frozenset()

    def _depths_after(self) -> list[frozenset[int]]:
        """Per node, the depths still to come of the networks that follow; none where it was not looked into."""
        after: list[frozenset[int] | None] = [None] * len(self._graph.nodes)
        stack = [self._graph.start[0]] if self._graph.start[0] >= 0 else []
        while stack:
            number = stack[-1]
            node = self._graph.nodes[number]
            edges = [edge for edge in node.edges if edge is not None] if node is not None else []
            missing = [target for target, _ in edges if target >= 0 and after[target] is None]
            if missing:
                stack += missing
                continue
            found: set[int] = set()
            for target, costs in edges:
                ahead = after[target] if target >= 0 else frozenset((0,) if target == COMPLETE else ())
                found.update(costs[self._place] + more for more in ahead or ())
            after[number] = frozenset(found)
            stack.pop()
        return [depths or frozenset() for depths in after]
