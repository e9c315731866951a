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

Rows handed to the kernel are standardised features (`budgetnet.search.model.matrix.FeatureScale`) and two more columns:
the number of the network, and 1 for a brief, 0 for a full training.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from budgetnet.search.model.matrix import FloatMatrix

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
"""Prior of the model; lengths in deviations of the accuracies seen."""


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
    def theta(self) -> FloatMatrix:
        """Return the logarithms."""
        scalars = (self.signal, self.bias, self.share, self.own, self.noise_brief, self.noise_full)
        return np.log([*self.relevance, *scalars])

    @theta.setter
    def theta(self, theta: FloatMatrix) -> None:
        values = [float(value) for value in np.exp(theta)]
        count = len(self.groups)
        self.relevance = tuple(values[:count])
        self.signal, self.bias, self.share, self.own, self.noise_brief, self.noise_full = values[count:]

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
        brief = X[:, -1]
        weights = np.array(self.relevance)
        total = max(float(weights.sum()), 1e-12)
        linear = sum(w * np.square(X[:, group]).sum(axis=1) for w, group in zip(weights, self.groups, strict=True))
        shape = 0.5 * (linear / total + 1.0)
        share = 1.0 + (self.share - 1.0) * brief
        worth = self.signal**2 * shape + self.own**2
        found: FloatMatrix = share**2 * worth + brief * self.bias**2 * shape + MEAN**2
        return found


class _Blocks:
    """The parts of which covariances and their gradients are made."""

    def __init__(self, kernel: ViewsKernel, left: FloatMatrix, right: FloatMatrix) -> None:
        self.kernel = kernel
        brief, brief_too = left[:, -1], right[:, -1]
        share, share_too = (1.0 + (kernel.share - 1.0) * side for side in (brief, brief_too))
        self.scaled: FloatMatrix = np.outer(share, share_too)
        self.sides = brief, share, brief_too, share_too
        self.both: FloatMatrix = np.outer(brief, brief_too)
        self.neither: FloatMatrix = np.outer(1.0 - brief, 1.0 - brief_too)
        self.same: FloatMatrix = (left[:, -2][:, None] == right[:, -2][None, :]).astype(float)
        self.inner: list[FloatMatrix] = [left[:, group] @ right[:, group].T for group in kernel.groups]
        self.apart: list[FloatMatrix] = []
        for group, product in zip(kernel.groups, self.inner, strict=True):
            squares = np.square(left[:, group]).sum(axis=1)[:, None] + np.square(right[:, group]).sum(axis=1)[None, :]
            self.apart.append(np.maximum(squares - 2 * product, 0.0))
        self.weights = np.array(kernel.relevance)
        self.total = max(float(self.weights.sum()), 1e-12)
        self.linear: FloatMatrix = np.tensordot(self.weights, np.array(self.inner), axes=1) / self.total
        self.curved: FloatMatrix = np.exp(-0.5 * np.tensordot(self.weights, np.array(self.apart), axes=1))
        self.shape: FloatMatrix = 0.5 * (self.linear + self.curved)
        self.worth: FloatMatrix = kernel.signal**2 * self.shape + kernel.own**2 * self.same

    def covariance(self) -> FloatMatrix:
        """Return the covariances without noise."""
        bias = self.kernel.bias**2 * self.shape
        return self.scaled * self.worth + self.both * (bias + MEAN**2) + self.neither * MEAN**2

    def gradients(self) -> list[FloatMatrix]:
        """Return how they change with each logarithm but those of the noise."""
        kernel = self.kernel
        along_shape = self.scaled * kernel.signal**2 + self.both * kernel.bias**2
        found: list[FloatMatrix] = [
            along_shape * 0.5 * weight * ((product - self.linear) / self.total - 0.5 * distance * self.curved)
            for weight, product, distance in zip(self.weights, self.inner, self.apart, strict=True)
        ]
        found.append(self.scaled * 2 * kernel.signal**2 * self.shape)
        found.append(self.both * 2 * kernel.bias**2 * self.shape)
        brief, share, brief_too, share_too = self.sides
        found.append(kernel.share * (np.outer(brief, share_too) + np.outer(share, brief_too)) * self.worth)
        found.append(self.scaled * 2 * kernel.own**2 * self.same)
        return found
