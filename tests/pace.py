"""How fast this machine runs Python now, so that a bound on time holds on a slow, loaded or traced one, too.

A bound in seconds is meant for an idle core. A busy neighbour or an old processor slows the test and the reference work
below alike, so a bound times `pace` still finds what it is there for: work that grows out of hand. A tracer, such as
coverage, slows some texts three times and others fifteen times, so then nothing is bounded.
"""

from __future__ import annotations

import math
import random
import sys
from time import process_time

from budgetnet.space.judge import draw
from tests.space.spaces import FLAGSHIP, space_of

__all__ = ["pace"]

REFERENCE = 0.05
"""Seconds of processor time of the reference work that the bounds are meant for; an idle core of an AMD EPYC of 2021
at 2.4 GHz takes 0.075."""


def pace() -> float:
    """Return how many times slower than `REFERENCE` the package's own Python runs now; at least 1."""
    if sys.gettrace() is not None:
        return math.inf
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000)
    rng = random.Random(0)
    begun = process_time()
    for _ in range(40):
        draw(space, rng)
    return max(1.0, (process_time() - begun) / REFERENCE)
