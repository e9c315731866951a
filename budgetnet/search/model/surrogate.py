"""The model of a study: what every network is worth in full training, given all trainings so far.

A Gaussian process (`budgetnet.search.model.kernel`) with hyperparameters of largest posterior density: the evidence,
times a weak belief that keeps few observations from being read as many. Fitted by scikit-learn.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.linalg import solve_triangular
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor

from budgetnet.search.model.kernel import PRIOR, ViewsKernel, observations
from budgetnet.search.model.matrix import FeatureScale, FloatMatrix, Matrix

__all__ = ["Observation", "Posterior", "Surrogate", "fit_surrogate"]

LIMIT_FITTED = 100
"""Observations that hyperparameters are fitted to at most: all full trainings and the latest brief ones."""
FIT_STEPS = 25
"""Steps of the optimiser."""
JITTER = 1e-8


@dataclass(frozen=True, slots=True)
class Observation:
    """One training that came to its end."""

    key: str
    """The network."""
    accuracy: float
    brief: bool


@dataclass(frozen=True)
class Posterior:
    """Known results of networks: accuracies in full training, the mean over seeds."""

    mean: FloatMatrix
    """(networks,)"""
    covariance: FloatMatrix
    """(networks, networks)"""

    @property
    def deviation(self) -> FloatMatrix:
        """Return the deviation of each, (networks,)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    def draw(self, rng: np.random.Generator, count: int = 1) -> FloatMatrix:
        """Return joint draws, (count, networks)."""
        size = len(self.mean)
        jitter = JITTER + 1e-6 * float(np.trace(self.covariance)) / max(size, 1)
        root = np.linalg.cholesky(self.covariance + jitter * np.eye(size))
        return self.mean + rng.standard_normal((count, size)) @ root.T


@dataclass(frozen=True)
class Surrogate:
    """A fitted model."""

    matrix: Matrix
    scale: FeatureScale
    process: GaussianProcessRegressor
    numbers: dict[str, int]
    """The networks observed."""
    centre: float
    """Accuracies are handed to the process less this, …"""
    unit: float
    """… and divided by this."""

    @property
    def kernel(self) -> ViewsKernel:
        """Return the kernel with its fitted hyperparameters, in units of `unit`."""
        kernel: ViewsKernel = self.process.kernel_
        return kernel

    @property
    def noise(self) -> tuple[float, float]:
        """Return the deviation of seeds in brief and in full training, as accuracies."""
        return self.kernel.noise_brief * self.unit, self.kernel.noise_full * self.unit

    def posterior(self, keys: Sequence[str]) -> Posterior:
        """Return what is known of networks, observed or not."""
        rows = self._rows(keys, brief=False)
        mean, covariance = self.process.predict(rows, return_cov=True)
        # scikit-learn's convention counts the noise of a new training in; the worth has none.
        covariance[np.diag_indices_from(covariance)] -= self.kernel.noise_full**2
        return Posterior(mean * self.unit + self.centre, covariance * self.unit**2)

    def moments(self, keys: Sequence[str]) -> tuple[FloatMatrix, FloatMatrix]:
        """Return mean and deviation of networks' worth, without what they have in common; cheaper for many."""
        rows = self._rows(keys, brief=False)
        mean, deviation = self.process.predict(rows, return_std=True)
        return mean * self.unit + self.centre, deviation * self.unit

    def learns(self, keys: Sequence[str]) -> tuple[FloatMatrix, FloatMatrix]:
        """Return by which share one more brief, or one more full, training lowers the variance of each's worth."""
        worth, sight = self._rows(keys, brief=False), self._rows(keys, brief=True)
        process, kernel = self.process, self.kernel
        solved_worth = _solve(process, kernel.between(process.X_train_, worth))
        solved_sight = _solve(process, kernel.between(process.X_train_, sight))
        prior = kernel.diag(worth)
        crossing = np.array([kernel.between(worth[i : i + 1], sight[i : i + 1])[0, 0] for i in range(len(keys))])
        worths = np.maximum(prior - np.square(solved_worth).sum(axis=0), 1e-12)
        sights = kernel.diag(sight) - np.square(solved_sight).sum(axis=0) + kernel.noise_brief**2
        between = crossing - (solved_worth * solved_sight).sum(axis=0)
        return between**2 / (worths * sights), worths / (worths + kernel.noise_full**2)

    def _rows(self, keys: Sequence[str], *, brief: bool) -> FloatMatrix:
        features = self.scale.apply(self.matrix.take(keys))
        fresh = len(self.numbers)
        network = np.array([self.numbers.get(key, fresh + place) for place, key in enumerate(keys)], dtype=np.int64)
        return observations(features, network, np.full(len(keys), brief))


def fit_surrogate(
    matrix: Matrix,
    scale: FeatureScale,
    seen: Sequence[Observation],
    theta: FloatMatrix | None = None,
    *,
    learn: bool = True,
) -> Surrogate:
    """Fit the model.

    Args:
        matrix: holds all networks in question.
        scale: of its features.
        seen: every training so far, at least one.
        theta: hyperparameters to begin with.
        learn: False keeps *theta*.
    """
    accuracies = np.array([one.accuracy for one in seen])
    brief = np.array([one.brief for one in seen])
    judged = accuracies[brief] if brief.any() else accuracies
    centre = float(judged.mean())
    unit = max(float(judged.std()), 1e-4)
    numbers: dict[str, int] = {}
    network = np.array([numbers.setdefault(one.key, len(numbers)) for one in seen], dtype=np.int64)
    rows = observations(scale.apply(matrix.take([one.key for one in seen])), network, brief)
    kernel = ViewsKernel(groups=scale.groups, relevance=(float(np.exp(PRIOR["relevance"].centre)),) * len(scale.groups))
    if theta is not None and len(theta) == len(kernel.theta):
        kernel = kernel.clone_with_theta(theta)
    targets = (accuracies - centre) / unit
    if learn:
        chosen = _chosen(brief)
        learner = GaussianProcessRegressor(kernel, alpha=JITTER, optimizer=_most_likely(kernel))
        learner.fit(rows[chosen], targets[chosen])
        kernel = learner.kernel_
    process = GaussianProcessRegressor(kernel, alpha=JITTER, optimizer=None).fit(rows, targets)
    return Surrogate(matrix, scale, process, numbers, centre, unit)


def _chosen(brief: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the observations that hyperparameters are fitted to."""
    full = np.flatnonzero(~brief)[-LIMIT_FITTED // 2 :]
    rest = np.flatnonzero(brief)[-(LIMIT_FITTED - len(full)) :]
    return np.sort(np.concatenate([full, rest]))


def _most_likely(kernel: ViewsKernel) -> Callable[..., tuple[FloatMatrix, float]]:
    """Return an optimiser for scikit-learn that adds the belief to the evidence."""
    centre = np.array([PRIOR[name].centre for name in kernel.names])
    spread = np.array([PRIOR[name].spread for name in kernel.names])

    def optimiser(
        objective: Callable[..., tuple[float, FloatMatrix]], start: FloatMatrix, bounds: FloatMatrix
    ) -> tuple[FloatMatrix, float]:
        def penalised(theta: FloatMatrix) -> tuple[float, FloatMatrix]:
            value, gradient = objective(theta)
            off = (theta - centre) / spread
            return value + 0.5 * float(off @ off), gradient + off / spread

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = optimize.minimize(
                penalised, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": FIT_STEPS}
            )
        return found.x, float(found.fun)

    return optimiser


def _solve(process: GaussianProcessRegressor, crossing: FloatMatrix) -> FloatMatrix:
    solved: FloatMatrix = solve_triangular(process.L_, crossing, lower=True)
    return solved
