"""Projection of a training that still runs: its accuracy at the end, from what was measured so far.

Validation accuracy at a high learning rate says little; the train loss often says more. How much each says is learned
from trainings of the same recipe that were completed: a Bayesian ridge regression of their last accuracy on what they
had shown after as many epochs (MacKay 1992, doi:10.1162/neco.1992.4.3.415), whose evidence sets its regularisation.

Dropout raises the train loss of a network that is no worse for it. Its rate is therefore a regressor of its own, and
where no completed training had as much of it, the train loss is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import BayesianRidge

__all__ = ["LEAST_COMPLETED", "Projection", "RungProgress", "project"]

LEAST_COMPLETED = 8
"""Completed trainings below which nothing is projected."""


@dataclass(frozen=True, slots=True)
class RungProgress:
    """Measurements of one training after some epochs, the same number for all that are compared."""

    accuracy: float
    """Validation accuracy, a fraction."""
    train_loss: float | None = None
    """In nats; None where it was not recorded."""
    dropout: float = 0.0
    """Sum of the network's dropout rates."""


@dataclass(frozen=True, slots=True)
class Projection:
    """Accuracy that is expected at a training's end."""

    mean: float
    """A fraction."""
    deviation: float
    by_loss: bool
    """True if the train loss was taken into account."""


def project(completed: Sequence[tuple[RungProgress, float]], now: RungProgress) -> Projection | None:
    """Return what a training is expected to come to; None if too few were completed.

    Args:
        completed: progress and last accuracy of trainings by the same recipe.
        now: progress of the training in question.

    Examples:
        >>> known = [(RungProgress(0.3 + 0.01 * place), 0.5 + 0.01 * place) for place in range(10)]
        >>> found = project(known, RungProgress(0.35))
        >>> round(found.mean, 2), found.by_loss
        (0.55, False)
    """
    if len(completed) < LEAST_COMPLETED:
        return None
    rates = [progress.dropout for progress, _ in completed]
    measured = all(progress.train_loss is not None for progress in (now, *(one for one, _ in completed)))
    by_loss = measured and min(rates) <= now.dropout <= max(rates)
    known = np.array([_columns(progress, by_loss=by_loss) for progress, _ in completed])
    last = np.array([accuracy for _, accuracy in completed])
    varies = known.std(axis=0) > 0
    centre, unit = known.mean(axis=0), np.where(varies, known.std(axis=0), 1.0)
    level, scale = float(last.mean()), max(float(last.std()), 1e-6)
    ridge = BayesianRidge(fit_intercept=True).fit(((known - centre) / unit)[:, varies], (last - level) / scale)
    asked = ((np.array([_columns(now, by_loss=by_loss)]) - centre) / unit)[:, varies]
    mean, deviation = ridge.predict(asked, return_std=True)
    return Projection(level + scale * float(mean[0]), scale * float(deviation[0]), by_loss)


def _columns(progress: RungProgress, *, by_loss: bool) -> NDArray[np.float64]:
    further = [progress.train_loss or 0.0, progress.dropout] if by_loss else []
    return np.array([progress.accuracy, *further])
