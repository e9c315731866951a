"""The table over a space: how many ways lead on from each state, at which cost, exactly.

For each hub of the space (see `budgetnet.space.counting.merging`) it holds, over all costs still to come up to the
budget, the prior probability and the number of derivations, and the least of every other bound. One backward pass
makes it: between two decisions costs only shift an array, and options add up, so there is nothing to convolve.

The axis (parameters, if the budget bounds them) is exact, and so is, jointly with it, any one other bound that is a
sum over layers. Depth and peak memory are bounded from below (`budgetnet.space.tracing.lower_bounds`), and each other
bound is followed jointly with the axis, not with the others. So with three bounds at once, or a bound on depth or
memory, what the table lets pass may still break the budget: in the end every network is counted as a whole by the
closed form (`budgetnet.space.judge.judge`).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from budgetnet.derivation.machine import Machine
from budgetnet.network.budget import Bound
from budgetnet.space.counting.bigcounts import BigCounts
from budgetnet.space.counting.merging import BEYOND, MergedStates, Way, combine
from budgetnet.space.counting.states import COMPLETE, NEVER, Costs, Edge, StateGraph, StateNode
from budgetnet.space.space import Space

__all__ = ["Counts", "Floats", "Hub", "Integers", "OptionWeights", "Table"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Counts = NDArray[np.uint64]
OptionWeights = tuple[tuple[float, ...], tuple[bool, ...]]
"""Weights and permission of each option of a decision."""


@dataclass(frozen=True, slots=True)
class Hub:
    """Completions after a hub. Entry i of an array is about those that cost up to ``start + i * stride``."""

    start: int
    stride: int
    mass: Floats
    """Prior probability."""
    count: Floats
    """Number of derivations, divided by ``2 ** exponent``."""
    exponent: int
    least: tuple[Integers, ...]
    """The least of each other bound."""

    def place(self, cost: int) -> int:
        """Index of the last entry about completions that cost up to *cost*; -1 if there is none."""
        return -1 if cost < self.start else min((cost - self.start) // self.stride, len(self.mass) - 1)


class Table:
    """Made by `budgetnet.space.counting.tabulate`; the public fields are for reading."""

    def __init__(
        self,
        space: Space,
        graph: StateGraph,
        classes: MergedStates,
        bigcounts: BigCounts,
        *,
        exact: bool,
        depths: tuple[int, ...] = (),
    ) -> None:
        self.space = space
        self.depths = depths
        """Depths of networks in ascending order, if they are told apart (`budgetnet.space.counting.depths`). The first
        decision is then between them, and `prior` says nothing about failures."""
        self.exact = exact
        """True if costs on the axis are told apart; else they are rounded, though what fits is known exactly."""
        self.rounding = 0
        """By how much a network's cost on the axis may be overestimated, at most; 0 if the table is exact."""
        self.axis: Bound | None = graph.axis
        """The cost that is counted exactly: params, else flops or activations."""
        self.others: tuple[Bound, ...] = graph.others
        """The other bounds of the budget."""
        self.bound = space.budget.bounds()[graph.axis] if graph.axis else 0
        """The axis' bound; 0 without an axis."""
        self.start: Edge = graph.start
        """The first decision, and what every network costs before it."""
        self.classes = classes
        self.bigcounts = bigcounts
        self.hubs: dict[int, Hub] = {}
        self.root: Counts | None = None
        """Numbers of derivations by cost, from the first decision on; None if there is none within the bound."""
        self.bytes = 0
        """Memory that exact arrays need (or would need)."""
        self.seconds = 0.0
        """Seconds that making the table took."""
        self.option_weights: dict[Hashable, dict[Hashable, OptionWeights]] = {}
        """Cache of the derivations' look-ups; see `budgetnet.space.within_budget`."""
        self.graph = graph
        """The states that it was made of."""

    @property
    def machine(self) -> Machine:
        """Derives in the plain way, in step with the nodes."""
        return self.graph.machine

    @property
    def states(self) -> int:
        """Number of states that were looked into."""
        return sum(node is not None for node in self.graph.nodes)

    def node(self, number: int) -> StateNode:
        """The node that an edge leads to, reached within the bound."""
        node = self.graph.nodes[number]
        assert node is not None
        return node

    @property
    def derivations(self) -> int | None:
        """Number of derivations that end in a network, of any cost; None if some states were not looked into."""
        target, _ = self.start
        if target < 0:
            return int(target == COMPLETE)
        number = self.classes.of_node[target]
        return None if number == BEYOND or self.classes.derivations is None else self.classes.derivations[number]

    @property
    def fitting(self) -> int | None:
        """Number of derivations within the axis' bound, exactly; None if the table is not exact."""
        if not self.exact:
            return None
        target, costs = self.start
        if target < 0:
            return int(target == COMPLETE and costs[0] <= self.bound)
        return 0 if self.root is None else self.bigcounts.total(self.root)

    @property
    def fitting_between(self) -> tuple[int, int] | None:
        """Bounds on the number of derivations within the axis' bound; equal where it is exact, None without an axis."""
        if self.axis is None:
            return None
        if self.exact or self.root is None:
            number = self.fitting or 0
            return number, number
        _, inside, near = self._edges()
        return self.bigcounts.total(self.root[:, :inside]), self.bigcounts.total(self.root[:, :near])

    @property
    def fits_between(self) -> tuple[float, float] | None:
        """Bounds on the probability that a draw of the grammar is within the axis' bound; None without an axis."""
        if self.axis is None:
            return None
        if self.exact or self.root is None:
            share = self.prior.get("fits", 0.0)
            return share, share
        hub, inside, near = self._edges()
        return (float(hub.mass[inside - 1]) if inside else 0.0), (float(hub.mass[near - 1]) if near else 0.0)

    def _edges(self) -> tuple[Hub, int, int]:
        """The first hub, and how many of its entries are surely within the bound, and perhaps."""
        target, costs = self.start
        hub = self.hubs[self.classes.of_node[target]]
        inside = hub.place(self.bound - costs[0]) + 1
        return hub, inside, max(inside, hub.place(self.bound + self.rounding - costs[0]) + 1)

    @property
    def prior(self) -> dict[str, float]:
        """Shares of the grammar's draws by outcome: ``fits`` (the axis), ``shape``, ``argument``, otherwise ``over``.

        Where states above the bound were not looked into, ``over`` holds all that leads there. An inexact table
        cannot tell ``fits`` from ``over``; it has ``complete`` instead.
        """
        failures = {name: mass for name, mass in self.classes.failures.items() if name != "beyond"}
        target, costs = self.start
        if not self.exact:
            return {"complete": 1.0 - sum(self.classes.failures.values()), **failures}
        if target < 0:
            fits = float(target == COMPLETE and costs[0] <= self.bound)
        else:
            hub = self.hubs.get(self.classes.of_node[target])
            fits = 0.0 if hub is None else float(hub.mass[-1])
        return {"fits": fits, "over": max(0.0, 1.0 - fits - sum(failures.values())), **failures}

    @property
    def smallest(self) -> int | None:
        """Least cost of a network on the axis; None if there is no network among the states looked into."""
        target, costs = self.start
        if target < 0:
            return costs[0] if target == COMPLETE else None
        number = self.classes.of_node[target]
        least = NEVER if number == BEYOND else self.classes.least_after[number]
        return None if least >= NEVER else costs[0] + least

    def between(self, low: int, high: int) -> tuple[int, float]:
        """Exact number and prior probability of what costs *low* to *high* (included) and is within the bound."""
        target, costs = self.start
        if target < 0:
            inside = target == COMPLETE and low <= costs[0] <= min(high, self.bound)
            return int(inside), float(inside)
        number = self.classes.of_node[target]
        if self.root is None or number not in self.hubs:
            return 0, 0.0
        hub = self.hubs[number]
        first, last = hub.place(low - costs[0] - 1) + 1, hub.place(high - costs[0]) + 1
        mass, _ = self.weigh(target, low - costs[0], high - costs[0], uniform=False)
        return self.bigcounts.total(self.root[:, first:last]), mass

    # --- looking ahead ------------------------------------------------------------------------------

    def ways(self, target: int) -> list[Way]:
        """Return the ways of completions from the end of an edge (a node's number, or a code)."""
        if target == COMPLETE:
            return [Way(COMPLETE, 0, (0,) * len(self.others), 1.0, 1)]
        number = self.classes.of_node[target] if target >= 0 else BEYOND
        if number in self.hubs:
            return [Way(number, 0, (0,) * len(self.others), 1.0, 1)]
        return self.classes.ways.get(number, [])

    def fits(self, target: int, rest: Costs, limits: Costs) -> bool:
        """Return True if some completion may fit.

        Args:
            target: the end of an edge.
            rest: what the completion may cost on the axis, then what the network has cost so far for each other bound.
            limits: of the other bounds.
        """
        for way in self.ways(target):
            room = rest[0] - way.step
            ahead = way.others
            if way.target != COMPLETE:
                hub = self.hubs[way.target]
                place = hub.place(room)
                if place < 0:
                    continue
                ahead = combine(self.others, ahead, tuple(int(row[place]) for row in hub.least))
            if room >= 0 and all(map(int.__le__, combine(self.others, rest[1:], ahead), limits)):
                return True
        return False

    def weigh(self, target: int, low: int, high: int, *, uniform: bool) -> tuple[float, int]:
        """Return the weight of all completions that cost between *low* and *high* (inclusive) on the axis.

        Args:
            target: the end of an edge.
            low: least cost of a completion.
            high: largest cost.
            uniform: weigh every derivation by 1 instead of by its prior probability.

        Returns:
            A number and the power of two it is to be multiplied with.
        """
        found: list[tuple[float, int]] = []
        for way in self.ways(target):
            factor = float(way.count) if uniform else way.weight
            if way.target == COMPLETE:
                found.append((factor if low <= way.step <= high else 0.0, 0))
                continue
            hub = self.hubs[way.target]
            sums = hub.count if uniform else hub.mass
            above, below = hub.place(high - way.step), hub.place(low - way.step - 1)
            inside = (float(sums[above]) if above >= 0 else 0.0) - (float(sums[below]) if below >= 0 else 0.0)
            found.append((factor * inside, hub.exponent if uniform else 0))
        exponent = max((power for number, power in found if number), default=0)
        return sum(number * 2.0 ** (power - exponent) for number, power in found if number), exponent

    def add(self, first: Costs, second: Costs) -> Costs:
        """Costs one after the other, the axis first: sums, for memory the larger."""
        return first[0] + second[0], *combine(self.others, first[1:], second[1:])
