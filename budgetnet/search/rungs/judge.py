"""A rung that asks the study's model: a training ends where its network is unlikely to be among the best.

After a rung's epoch the training is projected to its end (`budgetnet.search.rungs.projection`). The study's model then
takes the projection as a brief training, together with all others, brief and full, and with the networks' features; of
joint draws from its posterior, so many put the network among the best share of those trained. Where the model ranks
worse than brief accuracies (`budgetnet.search.model.trust`), the projection alone is compared with theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from budgetnet.files.study import Study
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.pruning import rungs
from budgetnet.records.trial import Record
from budgetnet.search.model.surrogate import Observation, fit_surrogate
from budgetnet.search.model.thinning import thinned
from budgetnet.search.model.trust import judge_model
from budgetnet.search.rungs.projection import LEAST_COMPLETED, Projection, RungProgress, project
from budgetnet.search.study_model import StudyModel

__all__ = ["UNLIKELY", "RungJudge", "RungVerdict"]

UNLIKELY = 0.1
"""Probability of being among the best below which a training is stopped."""
JUDGE_DRAWS = 1000
DROPOUT = "op.dropout.rate"
"""The feature that holds the sum of a network's dropout rates."""


@dataclass(frozen=True, slots=True)
class RungVerdict:
    """Judgement of a training at a rung."""

    chance: float
    """Probability that its network is among the best 1/`reduction` of its rivals."""
    by_model: bool
    """False if the projection alone was compared."""
    by_loss: bool
    """True if the train loss was taken into account."""

    @property
    def stops(self) -> bool:
        """Return whether the training is to end."""
        return self.chance < UNLIKELY


class RungJudge:
    """Judges the trainings of one study."""

    def __init__(self, study: Study, model: StudyModel) -> None:
        """Know nothing yet.

        Args:
            study: the study, with the pruner's rungs and reduction.
            model: learns from its records.
        """
        self.study = study
        self.model = model
        self._rungs = rungs(study.search.pruner, study.training.epochs)

    def verdict(
        self,
        records: Sequence[Record],
        finalists: Sequence[Finalist],
        number: int,
        epoch: int,
        accuracy: float,
        train_loss: float | None = None,
    ) -> RungVerdict | None:
        """Return the judgement of a trial after an epoch; None where there is no rung or too little to go by.

        Args:
            records: every trial, the running one included.
            finalists: every network trained in full.
            number: of the trial.
            epoch: counted from 1.
            accuracy: validation accuracy after it, a fraction.
            train_loss: of it, in nats.
        """
        found = {record.number: record for record in records}
        if epoch not in self._rungs or number not in found or not found[number].hash:
            return None
        record = found[number]
        self.model.add(records)
        completed = [
            (self._progress(one.hash, one.curve[epoch - 1], _loss(one, epoch)), one.accuracy)
            for one in records
            if one.outcome == "completed" and len(one.curve) >= epoch and one.hash and one.accuracy is not None
        ]
        projected = project(completed, self._progress(record.hash, accuracy, train_loss))
        if projected is None:
            return None
        seen = thinned(self.model.seen(records, finalists))
        rivals = self._rivals(record, records, seen)
        if len(rivals) < LEAST_COMPLETED:
            return None
        return self._judged(record, projected, seen, rivals)

    def _judged(
        self, record: Record, projected: Projection, seen: Sequence[Observation], rivals: Sequence[str]
    ) -> RungVerdict:
        reduction = self.study.search.pruner.reduction
        model = self.model.fitted(seen)
        if not judge_model(model, seen).holds:
            among = set(rivals)
            brief = [one.accuracy for one in seen if one.brief and one.key in among]
            bar = float(np.quantile(brief, 1 - 1 / reduction)) if brief else 0.0
            chance = float(norm.sf(bar, projected.mean, max(projected.deviation, 1e-9)))
            return RungVerdict(chance, by_model=False, by_loss=projected.by_loss)
        supposed = [*seen, Observation(record.hash, projected.mean, brief=True)]
        with_it = fit_surrogate(model.matrix, model.scale, supposed, model.kernel.theta, learn=False)
        draws = with_it.posterior([record.hash, *rivals]).draw(np.random.default_rng(record.number), JUDGE_DRAWS)
        better = (draws[:, 1:] > draws[:, :1]).sum(axis=1)
        places = math.ceil((len(rivals) + 1) / reduction)
        return RungVerdict(float((better < places).mean()), by_model=True, by_loss=projected.by_loss)

    def _progress(self, key: str, accuracy: float, train_loss: float | None) -> RungProgress:
        matrix = self.model.matrix
        rate = float(matrix.column(DROPOUT, [key])[0]) if key in matrix else 0.0
        return RungProgress(accuracy, train_loss, rate)

    def _rivals(self, record: Record, records: Sequence[Record], seen: Sequence[Observation]) -> list[str]:
        """Return the networks that it is compared with: all trained, or those no larger where small ones count too."""
        study = self.study
        smaller = study.goal != "accuracy" or bool(study.limits)
        params = {one.hash: one.params or 0 for one in records if one.hash}
        limit = record.params or 0
        keys = dict.fromkeys(one.key for one in seen if one.key != record.hash)
        return [key for key in keys if not smaller or params.get(key, 0) <= limit]


def _loss(record: Record, epoch: int) -> float | None:
    losses = () if record.training is None else record.training.train_losses
    return losses[epoch - 1] if len(losses) >= epoch else None
