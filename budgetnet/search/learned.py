"""Knowledge of a study's model: which features and decisions it believes in, and how far it can be trusted.

A search writes it into the study's attribute ``learned`` when it ends, so that listings need not work it out again;
`learn` works it out from any study's records, those of older versions included::

    found = learn(trials.study, trials.records, trials.finalists)
    if found is not None:
        found.features[0].name, found.features[0].effect, found.trust.model, found.warning
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.trial import Record
from budgetnet.search.model.features import FEATURES_VERSION, group_of
from budgetnet.search.model.matrix import FloatMatrix
from budgetnet.search.model.surrogate import Observation, Surrogate, fit_surrogate
from budgetnet.search.model.thinning import thinned
from budgetnet.search.model.trust import LEAST_NETWORKS, Trust, judge_model
from budgetnet.search.study_model import StudyModel

__all__ = ["FeatureEffect", "Learned", "Prediction", "learn"]

LEAST_TRAININGS = 6
"""Trainings below which nothing is said."""
POSTERIOR_DRAWS = 400
LIMIT_EFFECTS = 40
"""Effects kept of each kind, the strongest."""
LIMIT_NETWORKS = 200
"""Networks over which effects are taken: those trained last."""
INTERVAL = (5.0, 95.0)
"""Percentiles of the intervals, which hold 90 %."""


@dataclass(frozen=True, slots=True)
class FeatureEffect:
    """A feature or decision, and what networks with more of it are worth, the others being as they come."""

    name: str
    """As `budgetnet.search.model.features` explains it."""
    effect: float
    """Difference in full accuracy, a fraction: with against without where it is there or not, else for one standard
    deviation more."""
    low: float
    """End of the 90 % interval."""
    high: float
    binary: bool
    """True if it is there or not."""
    networks: int
    """Networks that have it."""

    @property
    def credible(self) -> bool:
        """True if the interval does not contain zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A network trained in full: what the model predicts without its own trainings, and what was measured."""

    trial: int
    predicted: float
    """Accuracy, a fraction."""
    deviation: float
    """Deviation of the prediction, seeds' noise included."""
    seen: float
    """Mean validation accuracy of its full trainings."""
    runs: int


@dataclass(frozen=True, slots=True)
class Learned:
    """Everything that a model has learned of one study. Accuracies and effects are fractions."""

    networks: int
    brief: int
    """Brief trainings taken in."""
    full: int
    """Full trainings taken in."""
    noise_brief: float
    """Deviation of a seed in brief training."""
    noise_full: float
    trust: Trust
    """Leave-one-out rank correlation with full training, of the model and of brief accuracies alone."""
    features: tuple[FeatureEffect, ...]
    """The strongest first, those whose interval does not contain zero before the others."""
    decisions: tuple[FeatureEffect, ...]
    predictions: tuple[Prediction, ...]
    """By measured accuracy, the best first."""
    warning: str | None
    """Reason not to rely on it; None if there is none."""

    def document(self) -> dict[str, Any]:
        """Return it as JSON holds it, with the version of the features."""
        return {"features_version": FEATURES_VERSION, **asdict(self)}


def learn(study: Study, records: Sequence[Record], finalists: Sequence[Finalist]) -> Learned | None:
    """Fit the model to a study's records and say what it believes; None if there are too few trainings.

    Args:
        study: the study.
        records: every trial.
        finalists: every network trained in full.
    """
    own = StudyModel(study, space_of(study))
    seen = own.seen(records, finalists)
    if len(seen) < LEAST_TRAININGS:
        return None
    model = own.fitted(seen)
    trust = judge_model(model, thinned(seen))
    features, decisions = _effects(model, seen)
    noise_brief, noise_full = model.noise
    full = sum(not one.brief for one in seen)
    return Learned(
        networks=len({one.key for one in seen}),
        brief=len(seen) - full,
        full=full,
        noise_brief=noise_brief,
        noise_full=noise_full,
        trust=trust,
        features=features,
        decisions=decisions,
        predictions=_predictions(model, seen, records),
        warning=_warning(trust, full, (*features, *decisions)),
    )


def _effects(
    model: Surrogate, seen: Sequence[Observation]
) -> tuple[tuple[FeatureEffect, ...], tuple[FeatureEffect, ...]]:
    """Return effects of features and of decisions, by joint draws from the posterior of the known networks."""
    keys = list(dict.fromkeys(one.key for one in reversed(seen)))[:LIMIT_NETWORKS]
    draws = model.posterior(keys).draw(np.random.default_rng(len(seen)), POSTERIOR_DRAWS)
    raw = model.matrix.take(keys)
    found: tuple[list[FeatureEffect], list[FeatureEffect]] = ([], [])
    for place, name in enumerate(model.matrix.names):
        column = raw[:, place]
        if np.ptp(column) > 0:
            found[group_of(name) == "decision"].append(_effect(name, column, draws))
    features, decisions = (sorted(side, key=lambda one: (not one.credible, -abs(one.effect))) for side in found)
    return tuple(features[:LIMIT_EFFECTS]), tuple(decisions[:LIMIT_EFFECTS])


def _effect(name: str, column: FloatMatrix, draws: FloatMatrix) -> FeatureEffect:
    """Return one effect; *draws* are worths, (draws, networks)."""
    binary = set(np.unique(column)) <= {0.0, 1.0}
    centred = column - column.mean()
    # The slope on a column of zeros and ones is the difference of the two means.
    slopes = draws @ centred / float(centred @ centred) * (1.0 if binary else float(column.std()))
    low, high = np.percentile(slopes, INTERVAL)
    return FeatureEffect(name, float(slopes.mean()), float(low), float(high), binary, int((column != 0).sum()))


def _predictions(model: Surrogate, seen: Sequence[Observation], records: Sequence[Record]) -> tuple[Prediction, ...]:
    """Predict each network that was trained in full from all trainings but its own."""
    trial = {record.hash: record.number for record in reversed(records)}
    full: dict[str, list[float]] = {}
    for one in seen:
        if not one.brief:
            full.setdefault(one.key, []).append(one.accuracy)
    found: list[Prediction] = []
    taken = thinned(seen)
    for key, accuracies in full.items():
        others = [one for one in taken if one.key != key]
        if len(others) < LEAST_TRAININGS or all(one.brief for one in others):
            continue  # without any other full training its level is unknown
        without = fit_surrogate(model.matrix, model.scale, others, model.kernel.theta, learn=False)
        mean, deviation = without.moments([key])
        spread = float(np.hypot(deviation[0], without.noise[1] / np.sqrt(len(accuracies))))
        found.append(Prediction(trial[key], float(mean[0]), spread, fmean(accuracies), len(accuracies)))
    return tuple(sorted(found, key=lambda one: -one.seen))


def _warning(trust: Trust, full: int, effects: Sequence[FeatureEffect]) -> str | None:
    """Say where the model knows nothing."""
    if not full:
        return "no network was trained in full, so the model knows brief accuracies only"
    if trust.model is None:
        return (
            f"fewer than {LEAST_NETWORKS} networks were trained in full, too few to tell whether the model ranks well"
        )
    if not trust.holds:
        return "the model ranks networks worse than brief accuracies alone, so it stepped back; do not rely on it"
    if not any(effect.credible for effect in effects):
        return "no feature and no decision stands out from the noise"
    return None
