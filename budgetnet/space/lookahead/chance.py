"""Probability that a sum of many costs stays within a bound, estimated from its least value, mean and variance."""

from __future__ import annotations

from math import inf, lgamma, log, sqrt

__all__ = ["log_chance"]

_MOST_TERMS = 10_000


def log_chance(least: float, mean: float, variance: float, room: float) -> float:
    """Return the logarithm of the probability that a cost is at most *room*.

    The cost above its least is taken to follow a gamma distribution of the same mean and variance: it has a least
    value, a long upper tail, and is exact for a cost that does not vary.

    Args:
        least: no cost is lower.
        mean: of the cost.
        variance: of the cost.
        room: the bound.

    Returns:
        At most 0; minus infinity where the room is below the least.

    >>> round(log_chance(0, 1, 1, 1), 4)  # an exponential distribution: log(1 - 1/e)
    -0.4587
    """
    above, width = room - least, mean - least
    if above < 0:
        return -inf
    if variance <= 0 or width <= 0:
        return 0.0
    shape, x = width * width / variance, above * width / variance
    if x > shape + 12 * sqrt(shape) + 40:
        return 0.0
    if x <= 0:
        return -shape * log(2 + shape) - lgamma(shape + 1)  # at the least itself: small, and smaller for more choices
    term = total = 1.0
    for place in range(1, _MOST_TERMS):
        term *= x / (shape + place)
        total += term
        if term < total * 1e-9:
            break
    return min(0.0, shape * log(x) - x - lgamma(shape + 1) + log(total))
