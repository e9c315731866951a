"""The covariance of everything that is ever measured of a study's networks, as a kernel of scikit-learn.

A network with features x is worth f(x) in full training. A brief training sees ρ f(x) + b(x), of another mean: a bias
that may depend on every feature f depends on (so a brief training that favours small networks is one of the
things it can say). Both carry noise of their seeds. f has, beside what the features say, a share of its own for every
network.

    cov(full, full')   = k_f(x, x') + mean²
    cov(brief, full')  = ρ k_f(x, x')
    cov(brief, brief') = ρ² k_f(x, x') + bias² k(x, x') + mean²
    k_f(x, x')         = signal² k(x, x') + own² [same network]
    k(x, x')           = ½ linear + ½ squared exponential, each group of features with a relevance of its own

Rows handed to the kernel are standardised features (`budgetnet.search.model.matrix.Scale`) and two more columns: the
number of the network, and 1 for a brief, 0 for a full training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from budgetnet.search.model.matrix import Floats

__all__ = ["PRIOR", "ViewsKernel", "observations"]

MEAN = 20.0
"""Deviation of the mean accuracy, of brief and of full trainings each, in deviations of the accuracies seen: free."""


@dataclass(frozen=True)
class Belief:
    """A normal belief about the logarithm of a hyperparameter."""

    centre: float
    spread: float


PRIOR: dict[str, Belief] = {
    "relevance": Belief(np.log(0.3), 1.5),
    "signal": Belief(np.log(0.8), 0.6),
    "bias": Belief(np.log(0.5), 0.8),
    "share": Belief(np.log(1.0), 0.6),
    "own": Belief(np.log(0.3), 0.6),
    "noise_brief": Belief(np.log(0.5), 0.6),
    "noise_full": Belief(np.log(0.35), 0.5),
}
"""What is believed before anything is seen; lengths in deviations of the accuracies seen."""


def observations(features: Floats, network: NDArray[np.int64], brief: NDArray[np.bool_]) -> Floats:
    """Return rows for the kernel.

    Args:
        features: (n, columns), standardised.
        network: (n,) the number of each row's network; rows of the same network have equal numbers.
        brief: (n,) whether the row is a brief training.
    """
    return np.column_stack([features, network.astype(float), brief.astype(float)])


class ViewsKernel(Kernel):  # type: ignore[misc]
    """See the module. Hyperparameters are logarithms, in the order of `names`."""

    def __init__(
        self,
        groups: tuple[slice, ...] = (),
        relevance: tuple[float, ...] = (),
        signal: float = 0.8,
        bias: float = 0.4,
        share: float = 1.0,
        own: float = 0.25,
        noise_brief: float = 0.5,
        noise_full: float = 0.35,
    ) -> None:
        self.groups = groups
        self.relevance = relevance
        self.signal = signal
        self.bias = bias
        self.share = share
        self.own = own
        self.noise_brief = noise_brief
        self.noise_full = noise_full

    @property
    def names(self) -> tuple[str, ...]:
        """Return the hyperparameters' names, one for each value of `theta`."""
        return ("relevance",) * len(self.groups) + ("signal", "bias", "share", "own", "noise_brief", "noise_full")

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """Return the hyperparameters as scikit-learn wants them."""
        return [Hyperparameter(f"h{place}", "numeric", np.array([[1e-3, 1e2]])) for place, _ in enumerate(self.names)]

    @property
    def theta(self) -> Floats:
        """Return the logarithms."""
        scalars = (self.signal, self.bias, self.share, self.own, self.noise_brief, self.noise_full)
        return np.log([*self.relevance, *scalars])

    @theta.setter
    def theta(self, theta: Floats) -> None:
        values = [float(value) for value in np.exp(theta)]
        count = len(self.groups)
        self.relevance = tuple(values[:count])
        self.signal, self.bias, self.share, self.own, self.noise_brief, self.noise_full = values[count:]

    @property
    def bounds(self) -> Floats:
        """Return how far the logarithms may go."""
        return np.array([[np.log(1e-3), np.log(1e2)]] * len(self.names))

    def is_stationary(self) -> bool:
        """Return False: it depends on more than differences."""
        return False

    def __call__(
        self,
        X: Floats,
        Y: Floats | None = None,
        eval_gradient: bool = False,
    ) -> Floats | tuple[Floats, Floats]:
        """Return covariances of observations X (of Y, if given), with noise only within X."""
        other = X if Y is None else Y
        brief, brief_too = X[:, -1], other[:, -1]
        share = 1.0 + (self.share - 1.0) * brief
        share_too = 1.0 + (self.share - 1.0) * brief_too
        scaled = np.outer(share, share_too)
        both = np.outer(brief, brief_too)
        same = (X[:, -2][:, None] == other[:, -2][None, :]).astype(float)
        inner, apart = self._parts(X, other)
        weights = np.array(self.relevance)
        total = max(float(weights.sum()), 1e-12)
        linear = sum(weight * part for weight, part in zip(weights, inner, strict=True)) / total
        curved = np.exp(-0.5 * sum(weight * part for weight, part in zip(weights, apart, strict=True)))
        shape = 0.5 * (linear + curved)
        worth = self.signal**2 * shape + self.own**2 * same
        neither = np.outer(1.0 - brief, 1.0 - brief_too)
        found: Floats = scaled * worth + both * (self.bias**2 * shape + MEAN**2) + neither * MEAN**2
        noise = np.where(brief > 0, self.noise_brief, self.noise_full) ** 2
        if Y is None:
            found[np.diag_indices_from(found)] += noise
        if not eval_gradient:
            return found
        along_shape = scaled * self.signal**2 + both * self.bias**2
        gradient = [
            along_shape * 0.5 * weight * ((part - linear) / total - 0.5 * distance * curved)
            for weight, part, distance in zip(weights, inner, apart, strict=True)
        ]
        gradient.append(scaled * 2 * self.signal**2 * shape)
        gradient.append(both * 2 * self.bias**2 * shape)
        by_share = np.outer(brief, share_too) + np.outer(share, brief_too)
        gradient.append(self.share * by_share * worth)
        gradient.append(scaled * 2 * self.own**2 * same)
        gradient.append(np.diag(2 * self.noise_brief**2 * brief))
        gradient.append(np.diag(2 * self.noise_full**2 * (1 - brief)))
        return found, np.dstack(gradient)

    def diag(self, X: Floats) -> Floats:  # noqa: N803
        """Return the variances of what observations X measure, without their noise."""
        brief = X[:, -1]
        weights = np.array(self.relevance)
        total = max(float(weights.sum()), 1e-12)
        linear = sum(w * np.square(X[:, group]).sum(axis=1) for w, group in zip(weights, self.groups, strict=True))
        shape = 0.5 * (linear / total + 1.0)
        share = 1.0 + (self.share - 1.0) * brief
        worth = self.signal**2 * shape + self.own**2
        found: Floats = share**2 * worth + brief * self.bias**2 * shape + MEAN**2
        return found

    def _parts(self, X: Floats, other: Floats) -> tuple[list[Floats], list[Floats]]:  # noqa: N803
        """Return inner products and squared distances, by group."""
        inner: list[Floats] = []
        apart: list[Floats] = []
        for group in self.groups:
            left, right = X[:, group], other[:, group]
            product = left @ right.T
            inner.append(product)
            squares = np.square(left).sum(axis=1)[:, None] + np.square(right).sum(axis=1)[None, :] - 2 * product
            apart.append(np.maximum(squares, 0.0))
        return inner, apart
