"""The noise of seeds: how far full trainings of one network scatter that differ in their seed alone.

A process with a dozen hyperparameters explains a part of the noise as worth: on recorded tables and synthetic worlds
its evidence alone puts the noise at two thirds of what it is. So the noise is estimated from networks that were trained
with several seeds, and, while these are few, it leans on a log-normal belief.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import brentq

from budgetnet.search.model.matrix import FloatMatrix

__all__ = ["likely_noise"]

FARTHEST = 12.0
"""Logarithm that bounds how far an estimate may be from the belief's centre, either way."""


def likely_noise(repeated: Iterable[FloatMatrix], centre: float, spread: float) -> float:
    """Return the likeliest deviation of a training about its network's mean.

    Args:
        repeated: the accuracies of each network, (seeds,); networks with one say nothing.
        centre: what is believed without any, in the unit of the accuracies.
        spread: deviation of the belief's logarithm.

    Examples:
        >>> likely_noise([np.array([0.8])], centre=0.01, spread=0.5)
        0.01
        >>> round(likely_noise([np.array([0.80, 0.84])] * 30, centre=0.01, spread=0.5), 3)
        0.027
    """
    several = [np.asarray(accuracies) for accuracies in repeated if len(accuracies) > 1]
    if not several:
        return centre
    squares = sum(float(np.square(one - one.mean()).sum()) for one in several) / centre**2
    freedom = sum(len(one) - 1 for one in several)

    def slope(log: float) -> float:
        """Return the slope of the density's logarithm, at a logarithm of the noise over the centre."""
        return -log / spread**2 - freedom + squares * float(np.exp(-2 * log))

    return centre * float(np.exp(brentq(slope, -FARTHEST, FARTHEST)))
