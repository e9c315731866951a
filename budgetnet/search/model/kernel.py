"""The covariance of everything that is measured about a study's networks, as a kernel of scikit-learn.

A network with features x is worth f(x) in full training. A brief training measures ρ f(x) + b(x), with a mean of its
own: a bias that may depend on every feature that f depends on (so it can express that brief training favours small
networks). Both carry the noise of their seeds. Besides what the features explain, f has a share of its own for every
network.

    cov(full, full')   = k_f(x, x') + mean²
    cov(brief, full')  = ρ k_f(x, x')
    cov(brief, brief') = ρ² k_f(x, x') + bias² k(x, x') + lean² t(x, x') + mean²
    k_f(x, x')         = signal² k(x, x') + Σ trend² z z' + own² [same network]
    k(x, x')           = ½ linear + ½ squared exponential, each group of features with a relevance of its own
    t(x, x')           = Σ z z'

z are the few features that often lead (`budgetnet.search.model.matrix.TRENDS`): each has a slope whose size, up or
down, the evidence tells; none is preferred.

Rows handed to the kernel are standardised features (`budgetnet.search.model.matrix.FeatureScale`), the last of them
z, and two more columns: the number of the network, and 1 for a brief, 0 for a full training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from budgetnet.search.model.matrix import FloatMatrix

__all__ = ["PRIOR", "ViewsKernel", "observations"]

MEAN = 5.0
"""Deviation of the mean accuracy, of brief and of full trainings each, in deviations of the accuracies seen: free."""


@dataclass(frozen=True)
class Belief:
    """A normal belief about the logarithm of a hyperparameter."""

    centre: float
    spread: float


PRIOR: dict[str, Belief] = {
    "relevance": Belief(np.log(0.3), 1.5),
    "trend": Belief(np.log(0.3), 1.0),
    "signal": Belief(np.log(0.8), 0.6),
    "bias": Belief(np.log(0.8), 0.8),
    "lean": Belief(np.log(0.5), 0.8),
    "share": Belief(np.log(1.0), 0.6),
    "own": Belief(np.log(0.35), 0.6),
    "noise_brief": Belief(np.log(0.65), 0.25),
    "noise_full": Belief(np.log(0.6), 0.5),
}
"""Prior of the model, in deviations of the accuracies seen, of brief and of full trainings each. These are smaller than
among networks drawn at random, since a search trains the better ones; so noise is a larger part of them. Nothing but
the belief tells that of brief trainings from worth: none is repeated. Bias is believed to be as large as what brief
trainings see of the worth: their correlations with full ones range from 0.1 to 0.7."""


SCALARS = ("signal", "bias", "lean", "share", "own", "noise_brief", "noise_full")


def observations(features: FloatMatrix, network: NDArray[np.int64], brief: NDArray[np.bool_]) -> FloatMatrix:
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
        trend: tuple[float, ...] = (),
        signal: float = 0.8,
        bias: float = 0.5,
        lean: float = 0.3,
        share: float = 1.0,
        own: float = 0.3,
        noise_brief: float = 0.5,
        noise_full: float = 0.35,
    ) -> None:
        self.groups = groups
        self.relevance = relevance
        self.trend = trend
        self.signal = signal
        self.bias = bias
        self.lean = lean
        self.share = share
        self.own = own
        self.noise_brief = noise_brief
        self.noise_full = noise_full

    @property
    def names(self) -> tuple[str, ...]:
        """Return the hyperparameters' names, one for each value of `theta`."""
        return ("relevance",) * len(self.groups) + ("trend",) * len(self.trend) + SCALARS

    @property
    def hyperparameters(self) -> list[Hyperparameter]:
        """Return the hyperparameters as scikit-learn wants them."""
        return [Hyperparameter(f"h{place}", "numeric", np.array([[1e-3, 1e2]])) for place, _ in enumerate(self.names)]

    @property
    def theta(self) -> FloatMatrix:
        """Return the logarithms."""
        return np.log([*self.relevance, *self.trend, *(getattr(self, name) for name in SCALARS)])

    @theta.setter
    def theta(self, theta: FloatMatrix) -> None:
        values = [float(value) for value in np.exp(theta)]
        groups, trends = len(self.groups), len(self.trend)
        self.relevance = tuple(values[:groups])
        self.trend = tuple(values[groups : groups + trends])
        for name, value in zip(SCALARS, values[groups + trends :], strict=True):
            setattr(self, name, value)

    @property
    def bounds(self) -> FloatMatrix:
        """Return how far the logarithms may go."""
        return np.array([[np.log(1e-3), np.log(1e2)]] * len(self.names))

    def is_stationary(self) -> bool:
        """Return False: it depends on more than differences."""
        return False

    def __call__(
        self,
        X: FloatMatrix,  # noqa: N803 - scikit-learn's names
        Y: FloatMatrix | None = None,  # noqa: N803
        eval_gradient: bool = False,
    ) -> FloatMatrix | tuple[FloatMatrix, FloatMatrix]:
        """Return covariances of observations X (with Y, if given; with noise only within X), and their gradient."""
        if eval_gradient:
            return self.with_gradient(X)
        if Y is not None:
            return self.between(X, Y)
        found = self.between(X, X)
        found[np.diag_indices_from(found)] += self._noise(X)
        return found

    def between(self, left: FloatMatrix, right: FloatMatrix) -> FloatMatrix:
        """Return the covariances of what observations measure, without their noise: (len(left), len(right))."""
        return _Blocks(self, left, right).covariance()

    def with_gradient(self, rows: FloatMatrix) -> tuple[FloatMatrix, FloatMatrix]:
        """Return the covariances of observations, noise included, and (n, n, hyperparameters) how they change."""
        blocks = _Blocks(self, rows, rows)
        found = blocks.covariance()
        found[np.diag_indices_from(found)] += self._noise(rows)
        brief = rows[:, -1]
        further = [np.diag(2 * self.noise_brief**2 * brief), np.diag(2 * self.noise_full**2 * (1 - brief))]
        return found, np.dstack([*blocks.gradients(), *further])

    def _noise(self, rows: FloatMatrix) -> FloatMatrix:
        return np.where(rows[:, -1] > 0, self.noise_brief, self.noise_full) ** 2

    def diag(self, X: FloatMatrix) -> FloatMatrix:  # noqa: N803
        """Return the variances of what observations X measure, without their noise."""
        parts = _Scaled(self, X)
        shape = 0.5 * (np.square(parts.features).sum(axis=1) / self.total + 1.0)
        worth = self.signal**2 * shape + np.square(parts.trends).sum(axis=1) + self.own**2
        biased = self.bias**2 * shape + self.lean**2 * np.square(parts.plain).sum(axis=1)
        found: FloatMatrix = np.square(parts.share) * worth + parts.brief * biased + MEAN**2
        return found

    @property
    def total(self) -> float:
        """Return the sum of the groups' relevances."""
        return max(float(np.sum(self.relevance)), 1e-12)


class _Scaled:
    """Rows, with features scaled by their relevances and slopes."""

    def __init__(self, kernel: ViewsKernel, rows: FloatMatrix) -> None:
        count = rows.shape[1] - 2 - len(kernel.trend)
        root = np.empty(count)
        for relevance, group in zip(kernel.relevance, kernel.groups, strict=True):
            root[group] = np.sqrt(relevance)
        self.features: FloatMatrix = rows[:, :count] * root
        self.plain: FloatMatrix = rows[:, count:-2]
        self.trends: FloatMatrix = self.plain * np.array(kernel.trend)
        self.network: FloatMatrix = rows[:, -2]
        self.brief: FloatMatrix = rows[:, -1]
        self.share: FloatMatrix = 1.0 + (kernel.share - 1.0) * self.brief


class _Blocks:
    """The parts of which covariances and their gradients are made."""

    def __init__(self, kernel: ViewsKernel, left: FloatMatrix, right: FloatMatrix) -> None:
        self.kernel = kernel
        self.left, self.right = _Scaled(kernel, left), _Scaled(kernel, right)
        one, other = self.left, self.right
        self.scaled: FloatMatrix = np.outer(one.share, other.share)
        self.both: FloatMatrix = np.outer(one.brief, other.brief)
        self.same: FloatMatrix = (one.network[:, None] == other.network[None, :]).astype(float)
        product = one.features @ other.features.T
        self.linear: FloatMatrix = product / kernel.total
        squares = np.square(one.features).sum(axis=1)[:, None] + np.square(other.features).sum(axis=1)[None, :]
        self.curved: FloatMatrix = np.exp(-0.5 * np.maximum(squares - 2 * product, 0.0))
        self.shape: FloatMatrix = 0.5 * (self.linear + self.curved)
        self.worth: FloatMatrix = kernel.signal**2 * self.shape + one.trends @ other.trends.T
        self.worth += kernel.own**2 * self.same

    def covariance(self) -> FloatMatrix:
        """Return the covariances without noise."""
        kernel, one, other = self.kernel, self.left, self.right
        found = self.scaled * self.worth + MEAN**2 * (self.both + np.outer(1.0 - one.brief, 1.0 - other.brief))
        if self.both.any():
            found += self.both * (kernel.bias**2 * self.shape + kernel.lean**2 * (one.plain @ other.plain.T))
        return found

    def gradients(self) -> list[FloatMatrix]:
        """Return how they change with each logarithm but those of the noise."""
        kernel, one, other = self.kernel, self.left, self.right
        along_shape = 0.5 * (self.scaled * kernel.signal**2 + self.both * kernel.bias**2)
        found: list[FloatMatrix] = []
        for relevance, group in zip(kernel.relevance, kernel.groups, strict=True):
            mine, theirs = one.features[:, group], other.features[:, group]
            product = mine @ theirs.T
            apart = np.square(mine).sum(axis=1)[:, None] + np.square(theirs).sum(axis=1)[None, :] - 2 * product
            found.append(along_shape * ((product - relevance * self.linear) / kernel.total - 0.5 * apart * self.curved))
        found += [
            self.scaled * 2 * np.outer(mine, theirs) for mine, theirs in zip(one.trends.T, other.trends.T, strict=True)
        ]
        found.append(self.scaled * 2 * kernel.signal**2 * self.shape)
        found.append(self.both * 2 * kernel.bias**2 * self.shape)
        found.append(self.both * 2 * kernel.lean**2 * (one.plain @ other.plain.T))
        crossed = np.outer(one.brief, other.share) + np.outer(one.share, other.brief)
        found.append(kernel.share * crossed * self.worth)
        found.append(self.scaled * 2 * kernel.own**2 * self.same)
        return found
