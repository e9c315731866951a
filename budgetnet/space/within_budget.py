"""Derivations that end within the budget: at each decision only options from which some completion still fits.

The table knows this exactly for its axis (parameters, as a rule), and jointly with it for FLOPs or activations. So
under a budget of parameters and FLOPs no derivation ever ends outside. For a bound on depth or memory, or for more
bounds at once, it knows necessary conditions only; the caller judges the whole network by the closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from budgetnet.derivation.decision import Answer, Chooser, Decision
from budgetnet.derivation.expand import Expansion, output_shape
from budgetnet.derivation.listeners import Assembler
from budgetnet.derivation.machine import Machine, Pending
from budgetnet.errors import SearchError
from budgetnet.space.counting.states import NEVER, Costs, Edge
from budgetnet.space.counting.table import OptionWeights, Table
from budgetnet.space.lookahead.outlook import Journey, Outlook

__all__ = [
    "Along",
    "Band",
    "Weighting",
    "derive_by_outlook",
    "derive_within_budget",
    "reachable",
    "require_fitting",
]

Weighting = Literal["prior", "uniform"]
"""``prior``: the grammar's weights, given that the network fits. ``uniform``: every fitting derivation alike."""

LIMIT_OPTION_WEIGHTS = 1 << 15
"""Decisions, told apart by what was spent before them, that a table remembers for each kind of derivation …"""
LIMIT_KINDS = 8
"""… and the kinds of derivation (weighting and band) that it remembers them for."""

Along = Literal["size", "depth"]
"""Cost that strata divide: ``size``, the cost on the table's axis (usually parameters), or ``depth``."""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of sizes or depths, both ends included."""

    low: int
    high: int
    along: Along = "size"


def derive_within_budget(
    table: Table,
    choose: Chooser,
    *,
    weighting: Weighting = "prior",
    band: Band | None = None,
    axis_only: bool = False,
) -> Expansion:
    """Derive a network within the budget.

    The chooser is asked as in `budgetnet.derivation.expand`; its decisions allow only options from which a
    completion still fits, and their weights are the probabilities of the weighting given that. So with
    `budgetnet.space.choosers.prior` networks are drawn by the grammar's prior conditioned on the budget, or
    uniformly; with a replay, recorded labels hold as far as the budget allows.

    Args:
        table: of the space. If it tells depths apart, the chooser is first asked for ``depth``, which is no decision of
            the derivation and is not recorded.
        choose: called once per decision.
        weighting: what the decisions' weights say. They take account of the axis; other bounds only take
            options away.
        band: only networks of such a size (the table must be exact) or of such a depth (it must tell depths apart,
            and does so as `budgetnet.space.counting.depths` says).
        axis_only: ignore the other bounds.

    Raises:
        SearchError: nothing in the space (or band) fits.
    """
    room = _Room(table, weighting, band, axis_only=axis_only)
    room.check()
    if table.depths:
        weights, allowed = room.weigh_options()
        room.go(choose(Decision("depth", "value", table.depths, weights, allowed, stable=True)))
    return _follow(table.machine, room, choose, table.space.classes)


def derive_by_outlook(outlook: Outlook, choose: Chooser) -> tuple[Expansion, Journey]:
    """Derive a network within the budget in a space too large for a table.

    Args:
        outlook: of the space.
        choose: called once per decision, as by `derive_within_budget`; the weights estimate the grammar's own given
            that the network fits.

    Returns:
        The derivation, and its way, which knows how likely it was.

    Raises:
        SearchError: nothing in the space fits, or nothing was found.
    """
    outlook.states.renewed(outlook.require_fitting)
    return outlook.states.renewed(lambda: _follow_outlook(outlook, choose))


def _follow_outlook(outlook: Outlook, choose: Chooser) -> tuple[Expansion, Journey]:
    journey = Journey(outlook)
    return _follow(outlook.machine, journey, choose, outlook.space.classes), journey


def _follow(machine: Machine, ahead: _Room | Journey, choose: Chooser, classes: int) -> Expansion:
    """Derive a network by choices among what *ahead* allows."""
    assembler = Assembler()
    answers: list[Answer] = []
    stop = machine.run(machine.start(), assembler)
    while isinstance(stop, Pending):
        weights, allowed = ahead.weigh_options()
        decision = stop.decision._replace(weights=weights, allowed=allowed)
        index = choose(decision)
        answers.append(Answer(decision, index))
        ahead.go(index)
        stop = machine.run(machine.take(stop, index), assembler)
    return Expansion(assembler.finish(), output_shape(stop, classes), tuple(answers))


def reachable(table: Table, band: Band) -> bool:
    """Return True if the band contains a network within the axis' bound."""
    return not _Room(table, "uniform", band).empty


def require_fitting(table: Table) -> None:
    """Raise SearchError if nothing in the space fits."""
    _Room(table, "prior", None).check()


class _Room:
    """Cost of one derivation so far, and the remaining budget."""

    def __init__(self, table: Table, weighting: Weighting, band: Band | None, *, axis_only: bool = False) -> None:
        if band is not None and band.along == "size" and not table.exact:
            raise ValueError("bands need a table that tells costs apart (Table.exact)")
        if band is not None and band.along == "depth" and not table.depths:
            raise ValueError("bands of depths need a table that tells depths apart (tabulate_depths)")
        self._table = table
        self._uniform = weighting == "uniform"
        limits = table.space.budget.bounds()
        self._limits = tuple(NEVER if axis_only else limits.get(bound, NEVER) for bound in table.others)
        self._band = band
        size = None if band is None or band.along == "depth" else band
        self._low = 0 if size is None else size.low
        self._high = table.bound if size is None else min(size.high, table.bound)
        self._at, self._spent = table.start
        self._width = 1 if axis_only else len(self._spent)
        kind = (weighting, band, axis_only)
        if len(table.option_weights) > LIMIT_KINDS:
            table.option_weights.clear()
        self._known = table.option_weights.setdefault(kind, {})
        if len(self._known) > LIMIT_OPTION_WEIGHTS:
            self._known.clear()

    @property
    def empty(self) -> bool:
        """True if no network is within the axis' bound and the band."""
        if self._band is not None and self._band.along == "depth":
            edges = zip(self._table.depths, self._table.node(self._at).edges, strict=True)
            inside = [edge for depth, edge in edges if edge and self._band.low <= depth <= self._band.high]
            return not any(self._weigh(edge[0], edge[1][0], uniform=True)[0] > 0 for edge in inside)
        if self._band is None:  # exactly, also where weights rest on rounded costs
            spent = self._high - self._spent[0], *self._spent[1:]
            return not self._table.fits(self._at, spent, (NEVER,) * len(self._limits))
        return self._weigh(self._at, self._spent[0], uniform=True)[0] <= 0

    def check(self) -> None:
        """Raise SearchError if nothing fits."""
        target, costs = self._table.start
        table = self._table
        # Rounded costs may hide the few networks that keep several bounds at once: that is no proof.
        if not self.empty and (
            not table.exact or table.fits(target, (self._high - costs[0], *costs[1:]), self._limits)
        ):
            return
        within = str(table.space.budget)
        if self._band is not None:
            what = "depth" if self._band.along == "depth" else table.axis
            within += f", {what} from {self._band.low:,} to {self._band.high:,}"
        least = table.smallest
        found = "" if least is None or table.axis is None else f": the smallest network has {least:,} {table.axis}"
        raise SearchError(f"nothing in the grammar fits {within}{found}; raise the budget or allow smaller parts")

    def weigh_options(self) -> OptionWeights:
        """Weights and permission of each option of the decision at hand, given that the network is to fit."""
        key = self._at, self._spent[: self._width]  # all that it depends on, besides the kind of derivation
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._look()
        return known

    def _look(self) -> OptionWeights:
        node = self._table.node(self._at)
        allowed = tuple(
            self._may(edge, self._limits) and self._in_band(edge, index) for index, edge in enumerate(node.edges)
        )
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

    def go(self, index: int) -> None:
        """Take an option."""
        edge = self._table.node(self._at).edges[index]
        assert edge is not None
        self._at = edge[0]
        self._spent = self._table.add(self._spent, edge[1])

    def _may(self, edge: Edge | None, limits: Costs) -> bool:
        """Return True if a network that fits may follow, below the upper end of the band."""
        if edge is None:
            return False
        spent = self._table.add(self._spent, edge[1])
        return self._table.fits(edge[0], (self._high - spent[0], *spent[1:]), limits)

    def _in_band(self, edge: Edge | None, index: int) -> bool:
        """Return True if a network above the band's lower end (or of its depth) may follow."""
        if edge is None or self._band is None:
            return edge is not None
        if self._band.along == "depth":
            first = self._at == self._table.start[0]
            return not first or self._band.low <= self._table.depths[index] <= self._band.high
        return self._low <= 0 or self._weigh(edge[0], self._spent[0] + edge[1][0], uniform=True)[0] > 0

    def _weigh(self, target: int, spent: int, *, uniform: bool) -> tuple[float, int]:
        return self._table.weigh(target, self._low - spent, self._high - spent, uniform=uniform)
