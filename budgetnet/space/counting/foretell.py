"""A lower estimate of the number of a space's states, from a few of its derivations.

A search for states that will come to its limit should end before it: there, seconds have passed for nothing. States
that few of the derivations visit tell of others that none did. With f1 states that were visited once and f2 that were
visited twice, there are about f1²/2f2 more, or rather more than that: A. Chao, Nonparametric estimation of the number
of classes in a population, Scandinavian Journal of Statistics 11 (1984), in the form without bias.
"""

from __future__ import annotations

import random
from collections import Counter

from budgetnet.space.counting.shortest_paths import ShortestPaths

__all__ = ["fewest_states"]

VISITS = 3000
"""Visits to states after which no derivation is begun: enough to tell numbers up to a million from small ones."""


def fewest_states(paths: ShortestPaths, *, visits: int = VISITS, seed: int = 0) -> float:
    """Return a lower estimate of the number of states within the bound of a search's axis.

    Args:
        paths: the search; what is looked into here need not be looked into again.
        visits: number of visits to states, or a few more.
        seed: of the derivations, which are drawn from the grammar's prior and end above the bound.

    Raises:
        NotAlike: a tied part is not as its ties say.
    """
    rng = random.Random(seed)  # noqa: S311 (no secret)
    seen: Counter[int] = Counter()
    made = 0
    while made < visits:
        target, costs = paths.start
        spent = costs[0]
        made += 1  # also where the start is the end
        while target >= 0 and spent <= paths.bound:
            seen[target] += 1
            made += 1
            node = paths.peek(target)
            edge = rng.choices(node.edges, node.weights)[0] if any(node.weights) else None
            if edge is None:
                break
            target, spent = edge[0], spent + edge[1][0]
    often = Counter(seen.values())
    return len(seen) + often[1] * (often[1] - 1) / (2 * (often[2] + 1))
