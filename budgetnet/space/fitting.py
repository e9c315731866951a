"""Derivations that end within the budget: at each decision only options from which some completion still fits.

The table knows this exactly for its axis (parameters, as a rule), and jointly with it for FLOPs or activations. So
under a budget of parameters and FLOPs no derivation ever ends outside. For a bound on depth or memory, or for more
bounds at once, it knows necessary conditions; a draw that ends outside all the same is drawn again.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from budgetnet.errors import SearchError
from budgetnet.network.assemble import Assembler
from budgetnet.network.expand import Chooser, Decision, Expansion, Label, output_shape
from budgetnet.network.machine import Pending
from budgetnet.space.choosers import prior
from budgetnet.space.draw import Candidate, Rejection, judge
from budgetnet.space.states import NEVER, Costs, Edge, Node
from budgetnet.space.table import Table

__all__ = ["Band", "Weighting", "derive", "draw_fitting", "strata"]

Weighting = Literal["prior", "uniform"]
"""``prior``: the grammar's weights, given that the network fits. ``uniform``: every fitting derivation alike."""

EXACT_TRIES = 100
"""Draws after which `draw_fitting` gives up exact probabilities."""
LIMIT_TRIES = 1000
"""Draws after which `draw_fitting` gives up where the table's conditions are not sufficient."""


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the axis, both ends included."""

    low: int
    high: int


def derive(
    table: Table,
    choose: Chooser,
    *,
    weighting: Weighting = "prior",
    band: Band | None = None,
    axis_only: bool = False,
) -> Expansion:
    """Derive a network within the budget.

    The chooser is asked as in `budgetnet.network.expand`; its decisions allow only options from which a
    completion still fits, and their weights are the probabilities of the weighting given that. So with
    `budgetnet.space.choosers.prior` networks are drawn by the grammar's prior conditioned on the budget, or
    uniformly; with a replay, recorded labels hold as far as the budget allows.

    Args:
        table: of the space.
        choose: called once per decision.
        weighting: what the decisions' weights say. They take account of the axis; other bounds only take
            options away.
        band: only networks whose cost on the axis lies in it; the table must be exact.
        axis_only: ignore the other bounds.

    Raises:
        SearchError: nothing in the space (or band) fits.
    """
    journey = _Journey(table, weighting, band, axis_only=axis_only)
    machine, assembler = table.machine, Assembler()
    decisions: dict[str, Label] = {}
    stop = machine.run(machine.start(), assembler)
    journey.check()
    while isinstance(stop, Pending):
        node = table.node(stop.state)
        weights, allowed = journey.outlook(node)
        decision = Decision(stop.name, stop.kind, stop.labels, weights, allowed, stop.stable)
        index = choose(decision)
        decisions[decision.name] = decision.labels[index]
        journey.go(node, index)
        stop = machine.run(machine.take(stop, index), assembler)
    return Expansion(assembler.finish(), output_shape(stop, table.space.classes), decisions)


def draw_fitting(
    table: Table, rng: random.Random, *, weighting: Weighting = "prior", band: Band | None = None
) -> Candidate:
    """Draw one network that fits.

    The draw follows the weighting exactly: the table's weights are of the axis alone, and what breaks another bound
    is drawn again. Only where `EXACT_TRIES` draws in a row broke one are the other bounds looked ahead for, too, at
    the price of drawing some fitting networks more often than others.

    Raises:
        SearchError: nothing fits, or `LIMIT_TRIES` draws in a row did not.
    """
    text = ""
    for attempt in range(LIMIT_TRIES):
        ahead = attempt >= EXACT_TRIES
        drawn = judge(table.space, derive(table, prior(rng), weighting=weighting, band=band, axis_only=not ahead))
        if isinstance(drawn, Rejection):
            text = drawn.text
        elif band is None or table.axis is None or band.low <= getattr(drawn.cost, table.axis) <= band.high:
            return drawn
    raise SearchError(
        f"{LIMIT_TRIES} networks in a row broke the budget ({table.space.budget}) in a bound that can only be "
        f"estimated ahead; the last one: {text or 'outside the band'}. Loosen that bound or take away what breaks it"
    )


def strata(table: Table, count: int) -> list[Band]:
    """Cut what fits on the axis into bands of equal width, smallest first, and leave out the empty ones.

    Drawing from each in turn spreads networks evenly over sizes, where the prior and the uniform draw crowd
    near the budget. Empty where the table cannot tell costs apart.
    """
    least = table.smallest
    if not table.exact or table.axis is None or least is None:
        return []
    edges = [least + (table.bound + 1 - least) * position // count for position in range(count + 1)]
    bands = [Band(low, high - 1) for low, high in pairwise(edges) if low < high]
    return [band for band in bands if not _Journey(table, "uniform", band).empty]


class _Journey:
    """What one derivation has cost so far, and what that leaves."""

    def __init__(self, table: Table, weighting: Weighting, band: Band | None, *, axis_only: bool = False) -> None:
        if band is not None and not table.exact:
            raise ValueError("bands need a table that tells costs apart (Table.exact)")
        self._table = table
        self._uniform = weighting == "uniform"
        limits = table.space.budget.bounds()
        self._limits = tuple(NEVER if axis_only else limits[bound] for bound in table.others)
        self._low = 0 if band is None else band.low
        self._high = table.bound if band is None else min(band.high, table.bound)
        self._spent: Costs = table.start[1]

    @property
    def empty(self) -> bool:
        """Whether no network lies within the axis' bound and the band."""
        return self._weigh(self._table.start[0], self._spent[0], uniform=True)[0] <= 0

    def check(self) -> None:
        """Raise SearchError if nothing fits."""
        target, costs = self._table.start
        if not self.empty and self._table.fits(target, (self._high - costs[0], *costs[1:]), self._limits):
            return
        table = self._table
        within = str(table.space.budget)
        if self._low > 0 or self._high < table.bound:
            within += f", {table.axis} from {self._low:,} to {self._high:,}"
        least = table.smallest
        found = "" if least is None or table.axis is None else f": the smallest network has {least:,} {table.axis}"
        raise SearchError(f"nothing in the grammar fits {within}{found}; raise the budget or allow smaller parts")

    def outlook(self, node: Node) -> tuple[tuple[float, ...], tuple[bool, ...]]:
        """Weights and permission of each option, given that the network is to fit."""
        allowed = tuple(self._may(edge, self._limits) and self._in_band(edge) for edge in node.edges)
        if not any(allowed):
            # Together, the other bounds leave nothing, or a band's few networks are lost in the rounding of a sum of
            # very many. Keep to the axis; the network will be judged as a whole.
            allowed = tuple(self._may(edge, (NEVER,) * len(self._limits)) for edge in node.edges)
        found = [
            self._weigh(edge[0], self._spent[0] + edge[1][0], uniform=self._uniform) if edge and permitted else (0.0, 0)
            for edge, permitted in zip(node.edges, allowed, strict=True)
        ]
        top = max((exponent for number, exponent in found if number > 0), default=0)
        weights = [
            number * 2.0 ** (exponent - top) * (1.0 if self._uniform else weight)
            for (number, exponent), weight in zip(found, node.weights, strict=True)
        ]
        if not any(weights):
            weights = [float(permitted) for permitted in allowed]
        total = sum(weights)
        return tuple(weight / total for weight in weights), allowed

    def go(self, node: Node, index: int) -> None:
        """Take an option."""
        edge = node.edges[index]
        assert edge is not None
        self._spent = self._table.add(self._spent, edge[1])

    def _may(self, edge: Edge | None, limits: Costs) -> bool:
        """Whether a network that fits may follow, below the upper end of the band."""
        if edge is None:
            return False
        spent = self._table.add(self._spent, edge[1])
        return self._table.fits(edge[0], (self._high - spent[0], *spent[1:]), limits)

    def _in_band(self, edge: Edge | None) -> bool:
        """Whether a network above the lower end of the band follows."""
        if edge is None or self._low <= 0:
            return edge is not None
        return self._weigh(edge[0], self._spent[0] + edge[1][0], uniform=True)[0] > 0

    def _weigh(self, target: int, spent: int, *, uniform: bool) -> tuple[float, int]:
        return self._table.weigh(target, self._low - spent, self._high - spent, uniform=uniform)
