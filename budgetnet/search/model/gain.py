"""The worth of a further training: how far it is expected to raise the accuracy of the network chosen in the end.

The knowledge gradient with correlated beliefs (Frazier, Powell and Dayanik 2009, doi:10.1287/ijoc.1080.0314): a
training moves the posterior means of all networks together, μ → μ + s·Z with Z standard normal, and is worth
E[max(μ + s·Z)] − max μ. Divided by its epochs, brief and full trainings compete on one scale, and so do first and
further seeds. Since one noisy training alone may never change the choice, while several of them do, a training also
counts as the first of several of its network (KG(*), Frazier and Powell 2010, doi:10.1287/deca.1100.0196), whichever
gives more an epoch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from budgetnet.search.model.matrix import FloatMatrix
from budgetnet.search.model.surrogate import Posterior

__all__ = ["gain_of_brief", "gain_of_full"]

NODES = norm.ppf((np.arange(24) + 0.5) / 24)
"""Values of Z, equally likely; symmetric, so that a training of no influence gains nothing. They end at two deviations:
less likely outcomes are ignored."""
REPEATS = (1, 2, 4, 8)
"""Trainings of one network that are looked ahead."""


def gain_of_full(posterior: Posterior, places: NDArray[np.int64], left: float, price: float) -> FloatMatrix:
    """Return the gain per epoch of one more full training of networks, (len(places),).

    Args:
        posterior: of all networks that may be chosen.
        places: of the networks in question.
        left: epochs left.
        price: of a full training.
    """
    variance = np.maximum(np.diag(posterior.covariance)[places], 0.0)
    return _best(posterior, posterior.covariance[:, places], variance, posterior.noise**2, left, price)


def gain_of_brief(
    posterior: Posterior, places: NDArray[np.int64], left: float, price: float, noise: float
) -> FloatMatrix:
    """Return the same of brief trainings.

    Args:
        posterior: of all networks that may be chosen.
        places: positions among the networks that may be trained briefly.
        left: epochs left.
        price: of a brief training.
        noise: deviation of a brief training's seeds.
    """
    variance = np.maximum(posterior.scores[places] - noise**2, 0.0)
    return _best(posterior, posterior.crossing[:, places], variance, noise**2, left, price)


def _best(
    posterior: Posterior, crossing: FloatMatrix, variance: FloatMatrix, noise: float, left: float, price: float
) -> FloatMatrix:
    rates = np.zeros(crossing.shape[1])
    highest = posterior.mean.max()
    for repeats in REPEATS:
        if repeats > 1 and repeats * price > left:
            break
        moves = crossing / np.sqrt(np.maximum(variance + noise / repeats, 1e-18))
        reached = np.full((len(NODES), crossing.shape[1]), -np.inf)
        for place, node in enumerate(NODES):
            reached[place] = (posterior.mean[:, None] + node * moves).max(axis=0)
        rates = np.maximum(rates, (reached.mean(axis=0) - highest) / (repeats * price))
    return rates
