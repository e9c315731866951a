"""Completions of a derivation within the budget: known ones first, else a search for one."""

from __future__ import annotations

from collections.abc import Iterator

from budgetnet.space.counting.states import COMPLETE, Edge
from budgetnet.space.lookahead.lazy_states import LazyStates
from budgetnet.space.lookahead.prospect import BoundCosts, Prospect

__all__ = ["Completions"]

MOST_WAYS = 16
"""Completions that are kept for a state."""
_ROUNDING = 1e-9
"""Relative error of a sum of floats, generously."""


class Completions:
    """Tells whether a network within the budget may follow."""

    def __init__(self, states: LazyStates) -> None:
        self._states = states
        self._criteria = states.criteria

    def exists(self, target: int, spent: BoundCosts, looks: int) -> bool | None:
        """Return True if a completion within the budget is known or found, False if there is none.

        Args:
            target: the end of an edge.
            spent: costs so far, by bound.
            looks: states that a search for one may look into.

        Returns:
            None where the search ended before one was found.
        """
        return True if self._known(target, spent) is not None else self._search(target, spent, looks)

    def _known(self, target: int, spent: BoundCosts) -> BoundCosts | None:
        limits, add = self._criteria.limits, self._criteria.add
        for way in self._states.ahead(target).ways:
            if all(map(int.__le__, add(spent, way), limits)):
                return way
        return None

    def _hopeless(self, target: int, spent: BoundCosts) -> bool:
        """Return True if no completion can be within the budget."""
        ahead = self._states.ahead(target)
        if ahead.unknown:
            return not all(map(int.__le__, spent, self._criteria.limits))
        if ahead.prospect is None or self._fullness(ahead.prospect, spent) > 1 + _ROUNDING:
            return True
        room = self._room(spent)
        return any(all(map(int.__le__, room, failed)) for failed in ahead.failed)

    def _fullness(self, prospect: Prospect, spent: BoundCosts) -> float:
        """The largest cost as a fraction of its limit, weighted sums included, if the least follows."""
        criteria = self._criteria
        own = criteria.add(spent, tuple(map(int, prospect.least[: len(spent)])))
        single = max(cost / limit for cost, limit in zip(own, criteria.limits, strict=True))
        sums = map(float.__add__, criteria.sums_of(spent), map(float, prospect.least[len(spent) :]))
        return max((single, *sums))

    def _room(self, spent: BoundCosts) -> BoundCosts:
        criteria = self._criteria
        return tuple(
            limit if largest else limit - cost
            for limit, cost, largest in zip(criteria.limits, spent, criteria.largest, strict=True)
        )

    def _search(self, target: int, spent: BoundCosts, looks: int) -> bool | None:
        """Search depth-first, what leaves most room first."""
        if target < 0 or self._hopeless(target, spent):
            return False
        states = self._states
        path = [(target, spent, self._promising(target, spent))]
        taken: list[BoundCosts] = []
        """Costs between the states of the path."""
        while path:
            number, before, edges = path[-1]
            edge = next(edges, None)
            if edge is None:
                states.ahead(number).failed.append(self._room(before))
                path.pop()
                if taken:
                    taken.pop()
                continue
            after = states.after(before, edge)
            way = self._known(edge[0], after)
            if way is not None:
                for (passed, _, _), costs in zip(reversed(path), (states.costs(edge), *reversed(taken)), strict=True):
                    way = self._criteria.add(costs, way)
                    self._keep(passed, way)
                return True
            if edge[0] < 0 or self._hopeless(edge[0], after):
                continue
            looks -= 1
            if looks < 0:
                return None
            taken.append(states.costs(edge))
            path.append((edge[0], after, self._promising(edge[0], after)))
        return False

    def _promising(self, number: int, spent: BoundCosts) -> Iterator[Edge]:
        """The options of a decision from which a completion may follow, the one that leaves most room first.

        Where nothing is known about what follows, the one with the least left to derive is first: it ends soonest.
        """
        found: list[tuple[float, int, Edge]] = []
        for place, edge in enumerate(self._states.node(number).edges):
            if edge is None or (edge[0] < 0 and edge[0] != COMPLETE):
                continue
            after = self._states.after(spent, edge)
            if self._hopeless(edge[0], after):
                continue
            ahead = self._states.ahead(edge[0])
            full = self._fullness(ahead.prospect or self._criteria.nothing, after)
            found.append((self._states.left(edge[0]) + full if ahead.unknown else full, place, edge))
        return (edge for _, _, edge in sorted(found))

    def _keep(self, number: int, way: BoundCosts) -> None:
        ways = self._states.ahead(number).ways
        ways.insert(0, way)
        del ways[MOST_WAYS:]
