"""All states of a space's derivations at which something is left to choose, and where each option leads.

Derivations that differ in the past but not in the future meet in one state (`State.key`), so a space of
10^20 derivations may have a few thousand states. They are found cheapest first; those that can only be reached
above the budget come last, and may be left out where the space is large.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from budgetnet.derivation.decision import Label
from budgetnet.derivation.machine import Machine
from budgetnet.network.budget import Bound
from budgetnet.space.counting.foretell import fewest_states
from budgetnet.space.counting.shortest_paths import ShortestPaths, search_states
from budgetnet.space.space import Space
from budgetnet.space.tracing.side_by_side import is_beside
from budgetnet.space.tracing.tied import is_counted
from budgetnet.space.tracing.tracer import BAD_ARGUMENT, BAD_SHAPE, COMPLETE, NEVER, Costs, Edge, StateNode, Tracer

__all__ = [
    "BAD_ARGUMENT",
    "BAD_SHAPE",
    "COMPLETE",
    "NEVER",
    "ChoicePlace",
    "Costs",
    "Edge",
    "StateGraph",
    "StateNode",
    "Tracer",
    "find_states",
]

OPTIONS_PER_STATE = 8
"""Options that count as one state: following them takes about as long."""
STEPS_PER_STATE = 4
"""Steps of the machine that a search for states may take, for each state that it may look into …"""
LEAST_STEPS = 50_000
"""… and at least this many."""

FORETOLD_AT = 1500
"""States after which it is foretold whether there are too many …"""
_SURELY = 2
"""… by at least this factor: copied ones count half, and an estimate may be off by some percent."""

_FREE = 5000
"""States whose options do not count: small spaces are explored completely."""

_AXES: tuple[Bound, ...] = ("params", "flops", "activations", "flash")
"""Bounds that are sums over a network's parts, so that a table can follow them exactly."""


class ChoicePlace(NamedTuple):
    """A place in the text where something is left to choose, with its options."""

    rule: str
    site: str
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class StateGraph:
    """The states of a space."""

    axis: Bound | None
    """The cost that edges add up first, exactly: params, else flops or activations; None if none of them is bounded."""
    others: tuple[Bound, ...]
    """The other bounds, and what else was asked for; depth and memory from below, and memory as a maximum."""
    start: Edge
    """The first decision (or end), and what every network costs before it."""
    nodes: tuple[StateNode | None, ...]
    """None: not looked into, for it can only be reached above the axis' bound."""
    places: tuple[ChoicePlace, ...]
    """Per node, what is chosen there."""
    least: tuple[int, ...]
    """Per node, the least on the axis with which it is reached."""
    machine: Machine
    """Derives in the plain way, in step with the nodes."""


def find_states(space: Space, limit: int, also: tuple[Bound, ...] = ()) -> StateGraph | None:
    """Find the states of a space.

    Args:
        space: its budget's bounds are what edges add up.
        limit: largest number of nodes that are looked into; None is returned where those within the budget are
            more (or surely will be, `budgetnet.space.counting.foretell`), or take too many steps. States above the
            budget are looked into as far as the limit allows. Copied ones (`budgetnet.space.tracing.partwise`) count
            half.
        also: what else edges add up, though the budget does not bound it.
    """
    limits = space.budget.bounds()
    axis = next((bound for bound in limits if bound in _AXES), None)
    others = tuple(bound for bound in dict.fromkeys((*limits, *also)) if bound != axis)
    steps = max(STEPS_PER_STATE * limit, LEAST_STEPS)

    def fits(paths: ShortestPaths) -> bool:
        return not spent(paths, above=True)

    def spent(paths: ShortestPaths, *, above: bool = False) -> bool:
        return (
            (paths.work > limit if above else paths.work >= limit)
            or paths.tracer.steps > steps
            or paths.options > OPTIONS_PER_STATE * (limit + _FREE)
        )

    def run(paths: ShortestPaths) -> StateGraph | None:
        foretold = False
        while (ahead := paths.ahead()) is not None:
            if paths.work_within > limit:
                return None
            if not foretold and paths.work >= FORETOLD_AT:
                foretold = True
                if fewest_states(paths) > _SURELY * limit:
                    return None
            if spent(paths):
                if axis is None or ahead <= limits[axis] or not _ties_hold(paths, 2 * steps):
                    return None
                break
            paths.look()
        return _graph(paths, axis, others)

    return search_states(space, axis, others, run, fits=fits)


def _graph(paths: ShortestPaths, axis: Bound | None, others: tuple[Bound, ...]) -> StateGraph:
    return StateGraph(
        axis=axis,
        others=others,
        start=paths.start,
        nodes=tuple(paths.nodes),
        places=tuple(
            ChoicePlace(pending.scope.rule.name, pending.site, pending.decision.labels)
            for pending in paths.tracer.waiting[: len(paths.nodes)]
        ),
        least=tuple(NEVER if step is None else step[0] for step in paths.before),
        machine=paths.machine,
    )


def _ties_hold(paths: ShortestPaths, steps: int) -> bool:
    """Follow tied parts to their ends where they were left off above the bound; False if that is too much.

    They were counted as if all copies were alike; where they are not, they may cost less than that.

    Raises:
        NotAlike: copies of one of them are not alike.
    """
    tracer, nodes = paths.tracer, paths.nodes
    number = 0
    while number < len(tracer.waiting):
        left_off = number >= len(nodes) or nodes[number] is None
        tapings = tracer.waiting[number].state.tapings
        if left_off and any(is_counted(taping) or is_beside(taping) for taping in tapings):
            if tracer.steps > steps:
                return False
            tracer.look(number)
        number += 1
    return True
