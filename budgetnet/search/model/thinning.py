"""Keep a model of many trainings fast: which of them it takes in, and when its hyperparameters are fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from budgetnet.search.model.surrogate import Observation

__all__ = ["milestone", "thinned"]

LIMIT_SEEN = 200
"""Trainings that the model takes in; of more, all full ones, the best brief ones and an even sample of the others, so
that a proposal takes as long after 1,000 trials as after 200."""
FIRST_MILESTONE = 6
GROWTH = 1.4
"""Hyperparameters are fitted again when the trainings have grown by this factor."""


def thinned(seen: Sequence[Observation]) -> Sequence[Observation]:
    """Return at most about `LIMIT_SEEN` of them, in their order."""
    if len(seen) <= LIMIT_SEEN:
        return seen
    brief = [place for place, one in enumerate(seen) if one.brief]
    room = max(LIMIT_SEEN - (len(seen) - len(brief)), LIMIT_SEEN // 2)
    best = sorted(brief, key=lambda place: -seen[place].accuracy)
    rest = best[room // 2 :]
    step = max(1, -(-len(rest) // max(1, room - room // 2)))
    kept = {*best[: room // 2], *rest[::step]}
    return [one for place, one in enumerate(seen) if not one.brief or place in kept]


def milestone(seen: int) -> int:
    """Return the largest number of trainings, not above *seen*, at which hyperparameters are fitted."""
    at = FIRST_MILESTONE
    for _ in count():
        further = max(at + 1, round(at * GROWTH))
        if further > seen:
            return min(at, seen)
        at = further
    raise AssertionError
