"""The model of a study: what every network is worth in full training, given all trainings so far.

A Gaussian process (`budgetnet.search.model.kernel`) with hyperparameters of largest posterior density: the evidence,
times a weak belief that keeps few observations from being read as many; the noise of full trainings comes from repeated
ones alone (`budgetnet.search.model.seeds`). Fitted by scikit-learn.
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
from budgetnet.search.model.seeds import likely_noise

__all__ = ["Observation", "Posterior", "Surrogate", "fit_surrogate"]

LIMIT_FITTED = 100
"""Observations that hyperparameters are fitted to at most: all full trainings and the latest brief ones."""
MANY, LIMIT_OF_MANY = 150, 56
"""Number of observations from which the limit is lower: fits take longer then, and less is left to learn."""
FIT_STEPS = 25
"""Steps of the optimiser."""
LEAST_NOISE = 1e-2
"""Deviation below which seeds are not believed to agree, in deviations of the accuracies."""
JITTER = 1e-8
LEAST_UNIT = 1e-3
"""Deviation of accuracies below which all are taken as equal."""
LEANING = 3.0
"""Full trainings that the deviation of brief accuracies counts for, where that of full ones is estimated."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One training that was completed."""

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
    noise: float
    """Deviation of one full training about its network's mean."""
    crossing: FloatMatrix
    """(networks, networks that may be trained briefly) covariance of worths with the score of a brief training."""
    scores: FloatMatrix
    """(networks that may be trained briefly,) variance of that score."""

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


@dataclass(frozen=True, slots=True)
class Units:
    """How accuracies of one kind are standardised."""

    centre: float
    unit: float

    def apply(self, accuracies: FloatMatrix) -> FloatMatrix:
        """Return standardised accuracies."""
        return (accuracies - self.centre) / self.unit


@dataclass(frozen=True)
class Surrogate:
    """A fitted model."""

    matrix: Matrix
    scale: FeatureScale
    process: GaussianProcessRegressor
    numbers: dict[str, int]
    """The networks observed."""
    brief: Units
    full: Units

    @property
    def kernel(self) -> ViewsKernel:
        """Return the kernel with its fitted hyperparameters, in units of `unit`."""
        kernel: ViewsKernel = self.process.kernel_
        return kernel

    @property
    def noise(self) -> tuple[float, float]:
        """Return the deviation of seeds in brief and in full training, as accuracies."""
        return self.kernel.noise_brief * self.brief.unit, self.kernel.noise_full * self.full.unit

    def posterior(self, keys: Sequence[str], briefly: Sequence[str] = ()) -> Posterior:
        """Return what is known of networks, observed or not.

        Args:
            keys: the networks.
            briefly: networks (of any kind) that may be trained briefly.
        """
        kernel, rows, sights = self.kernel, self._rows(keys, brief=False), self._rows(briefly, brief=True)
        crossed = kernel.between(self.process.X_train_, rows)
        solved, solved_sights = self._solved(crossed), self._solved(kernel.between(self.process.X_train_, sights))
        mean = crossed.T @ self.process.alpha_
        covariance = kernel.between(rows, rows) - solved.T @ solved
        crossing = kernel.between(rows, sights) - solved.T @ solved_sights
        scores = kernel.diag(sights) - np.square(solved_sights).sum(axis=0) + kernel.noise_brief**2
        full, brief = self.full.unit, self.brief.unit
        return Posterior(
            mean * full + self.full.centre, covariance * full**2, self.noise[1],
            crossing * full * brief, np.maximum(scores, 1e-12) * brief**2,
        )  # fmt: skip

    def moments(self, keys: Sequence[str]) -> tuple[FloatMatrix, FloatMatrix]:
        """Return mean and deviation of networks' worth, without what they have in common; cheaper for many."""
        rows = self._rows(keys, brief=False)
        crossed = self.kernel.between(self.process.X_train_, rows)
        variance = self.kernel.diag(rows) - np.square(self._solved(crossed)).sum(axis=0)
        mean = crossed.T @ self.process.alpha_
        return mean * self.full.unit + self.full.centre, np.sqrt(np.maximum(variance, 0.0)) * self.full.unit

    def _solved(self, crossed: FloatMatrix) -> FloatMatrix:
        solved: FloatMatrix = solve_triangular(self.process.L_, crossed, lower=True, check_finite=False)
        return solved

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
        learn: False keeps *theta*, but for the noise of full trainings.
    """
    accuracies = np.array([one.accuracy for one in seen])
    brief = np.array([one.brief for one in seen])
    units = _units(accuracies, brief)
    numbers: dict[str, int] = {}
    network = np.array([numbers.setdefault(one.key, len(numbers)) for one in seen], dtype=np.int64)
    rows = observations(scale.apply(matrix.take([one.key for one in seen])), network, brief)
    kernel = ViewsKernel(
        groups=scale.groups,
        relevance=(float(np.exp(PRIOR["relevance"].centre)),) * len(scale.groups),
        trend=(float(np.exp(PRIOR["trend"].centre)),) * len(scale.trends),
    )
    if theta is not None and len(theta) == len(kernel.theta):
        kernel = kernel.clone_with_theta(theta)
    kernel.noise_full = _noise(seen, units[1])
    targets = np.where(brief, units[0].apply(accuracies), units[1].apply(accuracies))
    if learn:
        chosen = _chosen(brief)
        learner = GaussianProcessRegressor(kernel, alpha=JITTER, optimizer=_most_likely(kernel))
        learner.fit(rows[chosen], targets[chosen])
        kernel = learner.kernel_
    process = GaussianProcessRegressor(kernel, alpha=JITTER, optimizer=None).fit(rows, targets)
    return Surrogate(matrix, scale, process, numbers, *units)


def _noise(seen: Sequence[Observation], units: Units) -> float:
    """Return the noise of a full training in standardised accuracies."""
    repeated: dict[str, list[float]] = {}
    for one in seen:
        if not one.brief:
            repeated.setdefault(one.key, []).append(one.accuracy)
    belief = PRIOR["noise_full"]
    found = [units.apply(np.array(accuracies)) for accuracies in repeated.values()]
    return max(likely_noise(found, float(np.exp(belief.centre)), belief.spread), LEAST_NOISE)


def _units(accuracies: FloatMatrix, brief: NDArray[np.bool_]) -> tuple[Units, Units]:
    """Return how brief and full accuracies are standardised; while few are full, their deviation leans on the brief."""
    if not brief.any():
        alone = Units(float(accuracies.mean()), max(float(accuracies.std()), LEAST_UNIT))
        return alone, alone
    short, long = accuracies[brief], accuracies[~brief]
    first = Units(float(short.mean()), max(float(short.std()), LEAST_UNIT))
    if not len(long):
        return first, first
    squares = LEANING * first.unit**2 + float(np.square(long - long.mean()).sum())
    return first, Units(float(long.mean()), max(float(np.sqrt(squares / (LEANING + len(long) - 1))), LEAST_UNIT))


def _chosen(brief: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the observations that hyperparameters are fitted to."""
    limit = LIMIT_FITTED if len(brief) <= MANY else LIMIT_OF_MANY
    full = np.flatnonzero(~brief)[-limit // 2 :]
    rest = np.flatnonzero(brief)[-(limit - len(full)) :]
    return np.sort(np.concatenate([full, rest]))


def _most_likely(kernel: ViewsKernel) -> Callable[..., tuple[FloatMatrix, float]]:
    """Return an optimiser for scikit-learn that adds the belief to the evidence, and leaves known noise as it is."""
    centre = np.array([PRIOR[name].centre for name in kernel.names])
    spread = np.array([PRIOR[name].spread for name in kernel.names])
    known = np.array([name == "noise_full" for name in kernel.names])

    def optimiser(
        objective: Callable[..., tuple[float, FloatMatrix]], start: FloatMatrix, bounds: FloatMatrix
    ) -> tuple[FloatMatrix, float]:
        def penalised(theta: FloatMatrix) -> tuple[float, FloatMatrix]:
            value, gradient = objective(theta)
            off = (theta - centre) / spread
            return value + 0.5 * float(off @ off), np.where(known, 0.0, gradient + off / spread)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = optimize.minimize(
                penalised, start, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": FIT_STEPS}
            )
        return found.x, float(found.fun)

    return optimiser
