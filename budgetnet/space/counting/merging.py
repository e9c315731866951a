"""The states of a space reduced to what a table needs: classes of states with equal futures, few of them tabulated.

Three reductions, all exact. States whose options lead to the same classes at the same costs form one class.
Options of a class that lead to the same place at the same cost on the axis are one way, taken with the sum of
their weights. And only *hubs*, classes that are reached from several others, get arrays; the others are
small trees above hubs, whose numbers are sums over a few ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

from budgetnet.network.budget import MAXIMA, Bound
from budgetnet.space.counting.states import BAD_ARGUMENT, BAD_SHAPE, COMPLETE, NEVER, Costs, StateGraph, StateNode

__all__ = ["BEYOND", "Form", "MergedStates", "Way", "combine", "in_order", "merge_states"]

BEYOND = -4
"""Target of a way above the axis' bound that was not explored."""
_MOST_WAYS = 128
"""A class with more ways than this becomes a hub, so that sums over ways stay short."""
_MOST_DERIVATIONS = 1 << 16
"""A class with more derivations along its ways becomes a hub, so that sums of bigcounts do not overflow."""

Form = tuple[tuple[tuple[int, Costs], tuple[float, int]], ...]
"""A class: for each target and costs, the prior weight and the number of options that lead there."""


@dataclass(frozen=True, slots=True)
class Way:
    """From a class to a hub or the end, over any number of decisions."""

    target: int
    """A hub's class, or `COMPLETE`."""
    step: int
    """Cost added on the axis."""
    others: tuple[int, ...]
    """The least that is added for each other bound (memory: the least maximum)."""
    weight: float
    """Sum of the prior probabilities of the derivations along it."""
    count: int
    """Number of these derivations."""


@dataclass(frozen=True, slots=True)
class MergedStates:
    """The classes of a space, numbered so that every target is smaller than what leads to it."""

    forms: list[Form]
    of_node: list[int]
    """Class of each state, or `BEYOND`."""
    least_after: list[int]
    """Least that is still to come on the axis, per class; `NEVER` if no network follows."""
    least_before: list[int]
    """Least with which a class is reached."""
    derivations: list[int] | None
    """Exact number of complete derivations per class; None if some were not looked into."""
    complete: list[float]
    """Prior probability that what follows is a complete network (of any cost)."""
    failures: dict[str, float]
    """Prior probability, from the start, of ending in a shape error or a wrong argument."""
    ways: dict[int, list[Way]]
    """Per class within the bound; those of a class that is no hub are what its trees' leaves lead to."""
    lattice: dict[int, int]
    """The hubs, in order; for each a number that divides all differences between costs still to come (0: none)."""


def combine(others: tuple[Bound, ...], first: tuple[int, ...], second: tuple[int, ...]) -> tuple[int, ...]:
    """Return the other costs of two parts together: sums, for memory the larger."""
    return tuple(
        max(one, other) if bound in MAXIMA else one + other
        for bound, one, other in zip(others, first, second, strict=True)
    )


def merge_states(graph: StateGraph, bound: int) -> MergedStates:
    """Reduce a graph of states; *bound* is the axis' bound (what lies above it needs no arrays)."""
    forms, of_node = _merge(graph)
    after, derivations, complete = _future(forms)
    before = [NEVER] * len(forms)
    for number, reached in zip(of_node, graph.least, strict=True):
        if number >= 0:
            before[number] = min(before[number], reached)
    alive = [least + reached <= bound for least, reached in zip(after, before, strict=True)]
    parents = [0] * len(forms)
    for number, form in enumerate(forms):
        for (target, _), _ in form:
            if target >= 0 and alive[number]:
                parents[target] += 1
    first = of_node[graph.start[0]] if graph.start[0] >= 0 else BEYOND
    ways: dict[int, list[Way]] = {}
    lattice: dict[int, int] = {}
    for number, form in enumerate(forms):
        if not alive[number]:
            continue
        ways[number] = _ways(form, alive, ways, lattice, graph.others)
        many = len(ways[number]) > _MOST_WAYS or sum(way.count for way in ways[number]) > _MOST_DERIVATIONS
        if parents[number] > 1 or number == first or many:
            lattice[number] = _lattice(ways[number], after, lattice)
    return MergedStates(
        forms=forms,
        of_node=of_node,
        least_after=after,
        least_before=before,
        derivations=derivations,
        complete=complete,
        failures=_failures(forms, first, graph),
        ways=ways,
        lattice=lattice,
    )


def _merge(graph: StateGraph) -> tuple[list[Form], list[int]]:
    """Give states with equal futures one number."""
    of_node = [BEYOND] * len(graph.nodes)
    numbers: dict[Form, int] = {}
    for position in reversed(in_order(graph)):
        node = graph.nodes[position]
        if node is None:
            continue
        merged: dict[tuple[int, Costs], tuple[float, int]] = {}
        for edge, weight in zip(node.edges, node.weights, strict=True):
            if edge is not None:
                target, costs = edge
                key = (of_node[target] if target >= 0 else target, costs)
                old, count = merged.get(key, (0.0, 0))
                merged[key] = (old + weight, count + 1)
        of_node[position] = numbers.setdefault(tuple(sorted(merged.items())), len(numbers))
    return list(numbers), of_node


def in_order(graph: StateGraph) -> list[int]:
    """Return all nodes that can be reached, each before those that its options lead to."""
    parents = [0] * len(graph.nodes)
    for node in graph.nodes:
        for target, _ in _edges(node):
            parents[target] += 1
    order = [graph.start[0]] if graph.start[0] >= 0 else []
    for position in order:
        for target, _ in _edges(graph.nodes[position]):
            parents[target] -= 1
            if parents[target] == 0:
                order.append(target)
    return order


def _edges(node: StateNode | None) -> list[tuple[int, Costs]]:
    return [] if node is None else [edge for edge in node.edges if edge is not None and edge[0] >= 0]


def _future(forms: list[Form]) -> tuple[list[int], list[int] | None, list[float]]:
    """Per class: the least still to come, the number of derivations, the prior of completeness."""
    after: list[int] = []
    derivations: list[int] = []
    complete: list[float] = []
    known = True
    for form in forms:
        least, total, mass = NEVER, 0, 0.0
        for (target, costs), (weight, count) in form:
            known = known and target != BEYOND
            if target >= 0:
                least = min(least, costs[0] + after[target])
                total += count * derivations[target]
                mass += weight * complete[target]
            elif target == COMPLETE:
                least = min(least, costs[0])
                total += count
                mass += weight
        after.append(min(least, NEVER))
        derivations.append(total)
        complete.append(mass)
    return after, derivations if known else None, complete


def _failures(forms: list[Form], first: int, graph: StateGraph) -> dict[str, float]:
    """Push the prior down from the start and see how much of it ends where."""
    names = {BAD_SHAPE: "shape", BAD_ARGUMENT: "argument", BEYOND: "beyond"}
    found = dict.fromkeys(names.values(), 0.0)
    if graph.start[0] < 0:
        if graph.start[0] in names:
            found[names[graph.start[0]]] = 1.0
        return found
    reach = [0.0] * len(forms)
    if first == BEYOND:
        found["beyond"] = 1.0
    else:
        reach[first] = 1.0
    for number in range(len(forms) - 1, -1, -1):
        for (target, _), (weight, _) in forms[number]:
            if target >= 0:
                reach[target] += reach[number] * weight
            elif target in names:
                found[names[target]] += reach[number] * weight
    return found


def _ways(
    form: Form, alive: list[bool], ways: dict[int, list[Way]], hubs: dict[int, int], others: tuple[Bound, ...]
) -> list[Way]:
    """All ways from a class to hubs and the end."""
    merged: dict[tuple[int, int], Way] = {}
    for (target, costs), (weight, count) in form:
        step, rest = costs[0], costs[1:]
        if target == COMPLETE or (target >= 0 and alive[target] and target in hubs):
            found = [Way(target, step, rest, weight, count)]
        elif target >= 0 and alive[target]:
            found = [
                Way(
                    target=way.target,
                    step=step + way.step,
                    others=combine(others, rest, way.others),
                    weight=weight * way.weight,
                    count=count * way.count,
                )
                for way in ways[target]
            ]
        else:
            continue
        for way in found:
            old = merged.get((way.target, way.step))
            if old is not None:
                least = tuple(map(min, old.others, way.others))
                way = Way(way.target, way.step, least, old.weight + way.weight, old.count + way.count)
            merged[way.target, way.step] = way
    return list(merged.values())


def _lattice(ways: list[Way], after: list[int], lattice: dict[int, int]) -> int:
    """The greatest common divisor of all differences between the costs still to come."""
    starts = [way.step + (after[way.target] if way.target >= 0 else 0) for way in ways]
    inner = [lattice[way.target] for way in ways if way.target >= 0]
    return gcd(*(start - starts[0] for start in starts), *inner)
