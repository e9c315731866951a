"""How far a study's model can be trusted: every network predicted from all others, against what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve
from scipy.stats import spearmanr, t

from budgetnet.search.model.matrix import FloatMatrix
from budgetnet.search.model.surrogate import Observation, Surrogate

__all__ = ["LEAST_NETWORKS", "Trust", "judge_model"]

LEAST_NETWORKS = 5
"""Networks trained both briefly and in full below which nothing is judged."""
COVERAGE_LEVEL = 0.9
"""Level of the intervals whose coverage is measured."""
BELIEF_IN_SCALE = 8.0
"""Full trainings that the belief counts for that the model's own deviations are right."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Results of leaving each network out in turn."""

    networks: int
    """Networks trained briefly and in full."""
    model: float | None
    """Spearman correlation of their full accuracies with what the model says of each without its own trainings; None
    where fewer than `LEAST_NETWORKS` are known, or one of the two is constant."""
    brief: float | None
    """The same of their brief accuracies."""
    coverage: float | None
    """Share of all full trainings that lie in the 90 % interval of them, each network left out in turn, of the model's
    fit and of `scale`."""
    scale: float = 1.0
    """Factor by which the model's deviations are too small for the networks left out: the root mean square of what full
    trainings were off, in deviations of the model, leaning towards 1 (an inverse gamma belief about the variance)."""
    trainings: int = 0
    """Full trainings that `scale` was learned from."""

    @property
    def holds(self) -> bool:
        """Return False where the model ranks worse than brief accuracies alone, so that it must step back.

        The model is handicapped: it does not see the network's own brief training, so it has to lose clearly.
        """
        if self.model is None or self.brief is None:
            return True
        return self.model >= self.brief - 1.0 / sqrt(self.networks)

    def half_width(self, level: float = COVERAGE_LEVEL) -> float:
        """Return half the width of an interval of a worth or a training, in deviations as the model gives them.

        The scale is known from so many trainings only, so the interval is Student's. It only widens: the networks that
        were left out are those that the search went for, so where it did not look the model may be less good.
        """
        return _half_width(self.scale, self.trainings, level)


def judge_model(model: Surrogate, seen: Sequence[Observation]) -> Trust:
    """Leave every network out in turn and compare.

    Args:
        model: fitted to *seen*.
        seen: every training that gave an accuracy.
    """
    process = model.process
    inverse = cho_solve((process.L_, True), np.eye(len(seen)))
    weighted = inverse @ process.y_train_
    of_network: dict[str, list[int]] = {}
    for place, one in enumerate(seen):
        of_network.setdefault(one.key, []).append(place)
    off_by: list[FloatMatrix] = []
    predicted: list[float] = []
    briefly: list[float] = []
    fully: list[float] = []
    for places in of_network.values():
        full = [place for place in places if not seen[place].brief]
        if not full:
            continue
        covariance = np.linalg.inv(inverse[np.ix_(places, places)])
        off = covariance @ weighted[places]
        positions = [places.index(place) for place in full]
        off_by.append(off[positions] / np.sqrt(np.diag(covariance)[positions]))
        brief = [seen[place].accuracy for place in places if seen[place].brief]
        if brief:
            predicted.append(float(process.y_train_[full[0]] - off[positions[0]]))
            briefly.append(float(np.mean(brief)))
            fully.append(float(np.mean([seen[place].accuracy for place in full])))
    inside = [
        np.abs(mine) <= _half_width(*_scale([*off_by[:place], *off_by[place + 1 :]]), COVERAGE_LEVEL)
        for place, mine in enumerate(off_by)
    ]
    scale, trainings = _scale(off_by)
    return Trust(
        networks=len(fully),
        model=_correlation(np.array(predicted), np.array(fully)),
        brief=_correlation(np.array(briefly), np.array(fully)),
        coverage=float(np.mean(np.concatenate(inside))) if inside else None,
        scale=scale,
        trainings=trainings,
    )


def _scale(off_by: Sequence[FloatMatrix]) -> tuple[float, int]:
    """Return `Trust.scale` and `Trust.trainings` of what full trainings were off, in deviations, by network."""
    off = np.concatenate(off_by) if off_by else np.zeros(0)
    return float(np.sqrt((BELIEF_IN_SCALE + np.square(off).sum()) / (BELIEF_IN_SCALE + len(off)))), len(off)


def _half_width(scale: float, trainings: int, level: float) -> float:
    return max(1.0, scale) * float(t.ppf(0.5 + level / 2, BELIEF_IN_SCALE + trainings))


def _correlation(left: NDArray[Any], right: NDArray[Any]) -> float | None:
    if len(left) < LEAST_NETWORKS or np.ptp(left) == 0 or np.ptp(right) == 0:
        return None
    return float(spearmanr(left, right).statistic)
