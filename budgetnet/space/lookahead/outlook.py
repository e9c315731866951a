"""Draws that fit from a space of any size: states are looked into when a draw comes to them.

The outlook stands where a table (`budgetnet.space.counting.table`) would be too large. It allows an option if a
completion within all bounds is known: the least completions of what follows (`budgetnet.space.lookahead.parts`), those
found before, or one that a search finds. So every draw fits, from the first one on, for bounds on parameters, FLOPs
and activations, one or all of them; depth and peak memory are bounded from below, as by a table.

Proportions are near the grammar's own, not equal to them: an option weighs its prior probability times an estimate of
the probability that what follows fits (`budgetnet.space.lookahead.chance`). Each draw knows by how much it was more
or less likely than it should have been (`Journey.log_odds`), which makes estimates from draws unbiased.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import exp, log

from budgetnet.derivation.machine import Machine
from budgetnet.errors import SearchError
from budgetnet.network.budget import Bound
from budgetnet.space.counting.table import OptionWeights
from budgetnet.space.lookahead.chance import log_chance
from budgetnet.space.lookahead.completions import Completions
from budgetnet.space.lookahead.lazy_states import LazyStates
from budgetnet.space.lookahead.prospect import BoundCosts
from budgetnet.space.space import Space

__all__ = ["Journey", "Outlook"]

LIMIT_LOOKS = 2_000
"""States that one search for a completion may look into."""
FIRST_LOOKS = 100_000
"""The same before the first draw, which decides whether anything fits."""
_MOST_WEIGHTS = 1 << 16
"""Decisions, told apart by what was spent before them, whose weights are kept."""

_TINY = 1e-300
_LEAST_LOG = -600.0
"""Natural logarithm of the least probability of fitting that is told apart."""


class Outlook:
    """Looks ahead in a space of any size."""

    def __init__(self, space: Space, *, work: int | None = None) -> None:
        """Look into the space's parts.

        Args:
            space: with its budget.
            work: steps of the machine that looking into parts may take (by default the space's effort); beyond it less
                is known in advance.

        Raises:
            CountError: the space holds a study's own primitive without a closed form.
        """
        self.space = space
        self.states = LazyStates(space, space.effort.part_steps if work is None else work)
        self.criteria = self.states.criteria
        self._completions = Completions(self.states)
        self._weights: dict[Hashable, OptionWeights] = {}

    @property
    def machine(self) -> Machine:
        """Derives in the plain way, in step with a `Journey`."""
        return self.states.machine

    @property
    def derivations(self) -> int | None:
        """Number of derivations that end in a network, of any cost; None if it is not known."""
        ahead = self.states.ahead(self.states.start[0])
        if ahead.unknown or self.states.apart:
            return None
        return 0 if ahead.prospect is None else ahead.prospect.number

    @property
    def least(self) -> dict[Bound, int]:
        """No network costs less, by bound; empty where nothing is known."""
        ahead = self.states.ahead(self.states.start[0])
        if ahead.prospect is None:
            return {}
        own = tuple(map(int, ahead.prospect.least[: len(self.criteria.bounds)]))
        return dict(zip(self.criteria.bounds, self.states.after(own, self.states.start), strict=True))

    def require_fitting(self) -> None:
        """Raise SearchError if no network within the budget is known after a search."""
        start = self.states.start
        found = self._completions.exists(start[0], self.states.costs(start), FIRST_LOOKS)
        if found:
            return
        least = self.least
        nearest = "".join(f": no network has fewer than {least[bound]:,} {bound}" for bound in list(least)[:1])
        if found is None:
            raise SearchError(
                f"no network within {self.space.budget} was found in {FIRST_LOOKS:,} steps{nearest}; raise the budget "
                "or allow smaller parts"
            )
        raise SearchError(
            f"nothing in the grammar fits {self.space.budget}{nearest}; raise the budget or allow smaller parts"
        )

    def option_weights(self, number: int, spent: BoundCosts) -> OptionWeights:
        """Weights and permission of each option of a decision, given what was spent before it.

        The weights sum to 1; they estimate the grammar's own given that the network fits.
        """
        key = self.states.generation, number, spent
        known = self._weights.get(key)
        if known is None:
            if len(self._weights) > _MOST_WEIGHTS:
                self._weights.clear()
            known = self._weights[key] = self._weigh(number, spent)
        return known

    def _weigh(self, number: int, spent: BoundCosts) -> OptionWeights:
        node = self.states.node(number)
        logs: list[float | None] = []
        for edge, weight in zip(node.edges, node.weights, strict=True):
            after = None if edge is None else self.states.after(spent, edge)
            if edge is None or after is None or not self._completions.exists(edge[0], after, LIMIT_LOOKS):
                logs.append(None)
            else:
                logs.append(log(max(weight, _TINY)) + self._log_weight(edge[0], after))
        top = max((entry for entry in logs if entry is not None), default=0.0)
        weights = [0.0 if entry is None else max(exp(entry - top), _TINY) for entry in logs]
        total = sum(weights) or 1.0
        return tuple(weight / total for weight in weights), tuple(entry is not None for entry in logs)

    def _log_weight(self, target: int, spent: BoundCosts) -> float:
        """Logarithm of the estimated probability that what follows is a network within the budget."""
        prospect = self.states.ahead(target).prospect
        if prospect is None:
            return 0.0
        chances = [
            log_chance(prospect.least[place], prospect.mean[place], prospect.variance[place], limit - spent[place])
            for place, limit in enumerate(self.criteria.limits)
            if place in self.criteria.sums
        ]
        return log(max(prospect.mass, _TINY)) + max(min(chances, default=0.0), _LEAST_LOG)


class Journey:
    """One derivation's way through the states, and what it has spent."""

    def __init__(self, outlook: Outlook) -> None:
        self._outlook = outlook
        states = outlook.states
        self._at, self._spent = states.start[0], states.costs(states.start)
        self.log_odds = 0.0
        """Logarithm of the prior probability of the options taken, divided by that with which they were drawn."""
        self.log_drawn = 0.0
        """Logarithm of the probability with which they were drawn."""

    def weigh_options(self) -> OptionWeights:
        """Weights and permission of each option of the decision at hand, given that the network is to fit."""
        return self._outlook.option_weights(self._at, self._spent)

    def go(self, index: int) -> None:
        """Take an option."""
        weights, _ = self.weigh_options()
        node = self._outlook.states.node(self._at)
        edge = node.edges[index]
        assert edge is not None
        drawn = log(max(weights[index], _TINY))
        self.log_drawn += drawn
        self.log_odds += log(max(node.weights[index], _TINY)) - drawn
        self._at, self._spent = edge[0], self._outlook.states.after(self._spent, edge)
