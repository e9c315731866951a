"""Arithmetic on what may follow: least costs, completions that attain them, and moments of the prior.

A `Prospect` sums up all ways through a part of a derivation that leave it with the same shapes. Parts in sequence are
added, options are merged, and a part that stands several times in the network is scaled. Its least costs are lower
bounds; each comes with the costs of one completion, so that a completion known to fit need not be searched for.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import add, mul
from typing import NamedTuple

from budgetnet.network.budget import MAXIMA, Bound

__all__ = ["BoundCosts", "Criteria", "Prospect"]

BoundCosts = tuple[int, ...]
"""Costs by bound, in the order of `Criteria.bounds`."""

ADDITIVE: tuple[Bound, ...] = ("params", "flops", "activations", "flash")


class Prospect(NamedTuple):
    """All ways through a part that end with the same shapes."""

    least: tuple[float, ...]
    """Lower bound by criterion: each bound's own cost, then their weighted sums."""
    ways: tuple[BoundCosts, ...]
    """For each criterion the costs of a way that is least by it."""
    mass: float
    """Prior probability of these ways."""
    mean: tuple[float, ...]
    """Mean cost by bound over these ways, weighted by the prior."""
    variance: tuple[float, ...]
    """Variance of the cost by bound."""
    number: int
    """Number of ways."""


class Criteria:
    """Which costs are followed.

    Beside each bound's own cost these are, where several bounds are sums over a network's parts, weighted sums of them
    in units of their limits. A network within all limits is below 1 in each of these sums, so their least tells what
    the single least costs cannot: whether some completion keeps two bounds at once.
    """

    def __init__(self, limits: Mapping[Bound, int]) -> None:
        self.bounds: tuple[Bound, ...] = tuple(limits)
        self.limits: BoundCosts = tuple(limits.values())
        sums = [place for place, bound in enumerate(self.bounds) if bound in ADDITIVE]
        self.sums: tuple[int, ...] = tuple(sums)
        """Places of the bounds that are sums over a network's parts."""
        self.largest = tuple(bound in MAXIMA for bound in self.bounds)
        """True where parts in sequence cost the larger of the two, not the sum."""
        shares = ((1, 1), (3, 1), (1, 3)) if len(sums) == 2 else ((1,) * len(sums),) if len(sums) > 2 else ()
        self.factors: tuple[tuple[float, ...], ...] = tuple(
            tuple(
                share[sums.index(place)] / (sum(share) * max(limit, 1)) if place in sums else 0.0
                for place, limit in enumerate(self.limits)
            )
            for share in shares
        )
        """Weights of each sum, by bound."""
        self._all_sums = not any(self.largest)
        self.none: BoundCosts = (0,) * len(self.bounds)
        self.once: BoundCosts = (1,) * len(self.bounds)
        criteria = len(self.bounds) + len(self.factors)
        zeros = (0.0,) * len(self.bounds)
        self.nothing = Prospect((0,) * criteria, (self.none,) * criteria, 1.0, zeros, zeros, 1)
        """The prospect of an empty part."""

    def add(self, first: BoundCosts, second: BoundCosts) -> BoundCosts:
        """Return the costs of two parts in sequence."""
        if self._all_sums:
            return tuple(map(add, first, second))
        return tuple(
            max(one, other) if largest else one + other
            for one, other, largest in zip(first, second, self.largest, strict=True)
        )

    def sums_of(self, costs: BoundCosts) -> tuple[float, ...]:
        """Return the weighted sums of costs."""
        return tuple([sum(map(mul, factors, costs)) for factors in self.factors])

    def shifted(self, prospect: Prospect, costs: BoundCosts) -> Prospect:
        """Return the prospect with *costs* added to every way."""
        if costs == self.none:
            return prospect
        least, ways, mass, mean, variance, number = prospect
        own = (*costs, *self.sums_of(costs)) if self.factors else costs
        plus = self.add
        longer = tuple([plus(costs, way) for way in ways])
        return Prospect(self._sequence(least, own), longer, mass, tuple(map(add, mean, costs)), variance, number)

    def then(self, first: Prospect, second: Prospect) -> Prospect:
        """Return the prospect of two parts in sequence, which are derived independently."""
        return Prospect(
            self._sequence(first[0], second[0]),
            tuple(map(self.add, first[1], second[1])),
            first[2] * second[2],
            tuple(map(add, first[3], second[3])),
            tuple(map(add, first[4], second[4])),
            first[5] * second[5],
        )

    def either(self, first: Prospect, second: Prospect) -> Prospect:
        """Return the prospect of both together."""
        mass = first[2] + second[2]
        one = first[2] / mass if mass > 0 else 0.5
        other = 1.0 - one
        both = one * other
        least = tuple(map(min, first[0], second[0]))
        if least == first[0]:
            ways = first[1]
        elif least == second[0]:
            ways = second[1]
        else:
            pairs = zip(least, first[0], first[1], second[1], strict=True)
            ways = tuple([way if best == own else detour for best, own, way, detour in pairs])
        mean, variance = [], []
        for a, b, v, w in zip(first[3], second[3], first[4], second[4], strict=True):
            mean.append(one * a + other * b)
            variance.append(one * v + other * w + both * (a - b) * (a - b))
        return Prospect(least, ways, mass, tuple(mean), tuple(variance), first[5] + second[5])

    def scaled(self, prospect: Prospect, times: BoundCosts) -> Prospect:
        """Return the prospect of a part that stands several times in the network, taking the same decisions.

        Args:
            prospect: of the part once.
            times: how often each bound counts it; 1 where parts in sequence cost the larger of the two.
        """
        if times == self.once:
            return prospect
        own = tuple(map(mul, prospect.least, times))
        fewest = min((times[place] for place in self.sums), default=1)
        singly = self.sums_of(tuple(map(int, own)))
        together = prospect.least[len(self.bounds) :]
        return Prospect(
            (*own, *(max(alone, fewest * least) for alone, least in zip(singly, together, strict=True))),
            tuple([tuple(map(mul, way, times)) for way in prospect.ways]),
            prospect.mass,
            tuple(map(mul, prospect.mean, times)),
            tuple([variance * time * time for variance, time in zip(prospect.variance, times, strict=True)]),
            prospect.number,
        )

    def _sequence(self, first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
        if self._all_sums:
            return tuple(map(add, first, second))
        largest = (*self.largest, *(False for _ in self.factors))
        pairs = zip(first, second, largest, strict=True)
        return tuple(max(one, other) if larger else one + other for one, other, larger in pairs)
