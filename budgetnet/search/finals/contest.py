"""Finalists as a contest: which network is trained in full next, and who wins.

The best few networks get one full training each, alternately the best by brief accuracy and the best by the study's
model, which learns from every full training on the way. Then the next seed goes to networks that can still win, those
whose chance of winning, in joint draws from the model's posterior, is at least `LEAST_CHANCE`.

A study of several budgets has as many finalists for each: among the networks that fit it and not the next tighter one,
so that each budget's best is among its own finalists or those of a tighter one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from budgetnet.files.study import Study
from budgetnet.records.finals.choice import BY_BRIEF, BY_MEAN, Winner
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.ranking import distinct, ranked
from budgetnet.records.trial import Record
from budgetnet.search.finals.winning import Objective
from budgetnet.search.model.surrogate import Observation
from budgetnet.search.study_model import BY_POSTERIOR, StudyModel
from budgetnet.text import counted, percent

__all__ = ["LEAST_CHANCE", "Contest"]

LEAST_CHANCE = 0.05
"""Chance of winning below which a network gets no further seed."""
JOINT_DRAWS = 400
"""Joint draws from the posterior that chances are estimated by."""
LIMIT_RANKED = 400
"""Networks of best brief accuracy that the model ranks."""


@dataclass
class Contest:
    """Decides about full trainings; keeps nothing but the model."""

    study: Study
    model: StudyModel
    why: str = ""
    """Reason for the latest decision, for people."""

    def next(
        self,
        records: Sequence[Record],
        finalists: Sequence[Finalist],
        running: Sequence[tuple[int, int]] = (),
        *,
        settled: int = 0,
    ) -> tuple[Record, int] | None:
        """Return the trial to train in full next, and with which of its seeds; None if nothing is left to find out.

        Args:
            records: every trial.
            finalists: every network trained in full so far.
            running: trials and numbers of the full trainings that run.
            settled: number of trials that an earlier choice was made from. Later ones may compete with its
                finalists, as many of them again, if they have a chance.
        """
        plan = self.study.finalists
        if plan.top < 2:
            return None  # nothing to choose between
        by_number = {record.number: record for record in records}
        taken = Counter({finalist.trial: len(finalist.full) for finalist in finalists if finalist.full})
        taken.update(trial for trial, _ in running)
        contenders = [by_number[trial] for trial in taken if trial in by_number]
        bands = self._bands()
        for low, high in sorted(bands, key=lambda band: sum(band[0] < _size(one) <= band[1] for one in contenders)):
            rivals = [record for record in contenders if low < _size(record) <= high]
            newcomer = self._newcomer(
                [one for one in records if low < _size(one) <= high], records, finalists, rivals, settled
            )
            if newcomer is not None:
                return newcomer, 0
        waiting: dict[int, tuple[int, float, int]] = {}
        hopeful: set[int] = set()
        for _, high in bands:
            rivals = [record for record in contenders if _size(record) <= high]
            chances = self.chances(rivals, records, finalists) if len(rivals) > 1 else {}
            able = [trial for trial, chance in chances.items() if chance >= LEAST_CHANCE]
            if len(able) > 1:
                hopeful.update(able)
                open_races = {
                    trial: (taken[trial], -chances[trial], trial) for trial in able if taken[trial] < plan.seeds
                }
                waiting |= {trial: min(rank, waiting.get(trial, rank)) for trial, rank in open_races.items()}
        if not waiting:
            return None
        chosen = min(waiting, key=lambda trial: waiting[trial])
        can_win = f"{counted(len(hopeful), 'network')} can still win"
        self.why = f"wins with a chance of {percent(-waiting[chosen][1], 0)} %; {can_win}"
        return by_number[chosen], self._free(chosen, finalists, running)

    def winners(self, records: Sequence[Record], finalists: Sequence[Finalist]) -> list[Winner]:
        """Return the winners so far, the main one first; none where no training was completed.

        The model's posterior judges full trainings if it ranks at least as well as brief accuracies, else their means.
        """
        by_number = {record.number: record for record in records}
        judged = [finalist for finalist in finalists if finalist.validation.n and finalist.trial in by_number]
        objective = Objective.of(self.study)
        best_first = self._best_first(records)
        accuracies = {record.number: record.accuracy or 0.0 for record in best_first}
        briefly = {record.number: record.params or 0 for record in best_first}
        unjudged = objective.winners(accuracies, briefly, BY_BRIEF) if accuracies else []
        if not judged:
            return unjudged
        worths, why = self.model.policy.worths(self.model.seen(records, finalists))
        means = {finalist.trial: finalist.validation.mean or 0.0 for finalist in judged}
        by_model = "posterior" in why and len(judged) > 1
        values = {trial: worths[by_number[trial].hash] if by_model else mean for trial, mean in means.items()}
        sizes = {trial: by_number[trial].params or 0 for trial in means}
        winners = objective.winners(values, sizes, BY_POSTERIOR if by_model else BY_MEAN)
        # A budget that nothing trained in full fits is answered by brief trainings.
        answered = {winner.limit for winner in winners}
        winners += [winner for winner in unjudged if winner.limit not in answered]
        return sorted(winners, key=lambda winner: -(winner.limit or 0))

    def chances(
        self, contenders: Sequence[Record], records: Sequence[Record], finalists: Sequence[Finalist]
    ) -> Mapping[int, float]:
        """Return each contender's chance of winning, by trial."""
        seen = self.model.seen(records, finalists)
        posterior = self.model.fitted(seen).posterior([record.hash for record in contenders])
        draws = posterior.draw(np.random.default_rng(len(seen)), JOINT_DRAWS)
        objective = replace(Objective.of(self.study), limits=())
        sizes = {record.number: record.params or 0 for record in contenders}
        won: Counter[int] = Counter()
        for values in draws:
            worths = {record.number: float(value) for record, value in zip(contenders, values, strict=True)}
            won.update(winner.trial for winner in objective.winners(worths, sizes, BY_POSTERIOR))
        return {record.number: won[record.number] / JOINT_DRAWS for record in contenders}

    def _bands(self) -> list[tuple[int, float]]:
        """Return the numbers of parameters, above the first and up to the second, that each have their finalists."""
        limits = self.study.limits
        return list(zip((*limits[1:], -1), limits, strict=True)) if limits else [(-1, inf)]

    def _newcomer(
        self,
        able: Sequence[Record],
        records: Sequence[Record],
        finalists: Sequence[Finalist],
        contenders: Sequence[Record],
        settled: int,
    ) -> Record | None:
        """Return a network without a full training that gets its first one; None if none may or there is none.

        Args:
            able: the trials that may get one.
            records: every trial.
            finalists: every network trained in full.
            contenders: those of *able* that have a full training.
            settled: see `next`.
        """
        top = self.study.finalists.top
        networks = {record.hash for record in contenders}
        waiting = [record for record in self._best_first(able) if record.hash not in networks]
        late = len(contenders) >= top
        if late:
            joined = sum(record.number >= settled for record in contenders)
            waiting = [record for record in waiting if record.number >= settled] if settled and joined < top else []
        if not waiting:
            return None
        by_accuracy = len(contenders) % 2 == 0
        found = waiting[0] if by_accuracy else self._likeliest(waiting[:LIMIT_RANKED], records, finalists)
        accuracy = f"{percent(found.accuracy, 1)} % after brief training"
        self.why = f"{'the best' if by_accuracy else 'the likeliest by the model'} of those left, {accuracy}"
        if late and self.chances([*contenders, found], records, finalists)[found.number] < LEAST_CHANCE:
            return None
        return found

    def _best_first(self, records: Sequence[Record]) -> list[Record]:
        """Return the networks by brief accuracy."""
        return distinct(ranked([one for one in records if one.scored], self.study.goal, self.study.target))

    def _likeliest(self, waiting: Sequence[Record], records: Sequence[Record], finalists: Sequence[Finalist]) -> Record:
        """Return the best network by the model."""
        means = self._means(waiting, self.model.seen(records, finalists))
        judged = [
            replace(record, outcome="completed", accuracy=mean) for record, mean in zip(waiting, means, strict=True)
        ]
        number = ranked(judged, self.study.goal, self.study.target)[0].number
        return next(record for record in waiting if record.number == number)

    def _means(self, records: Sequence[Record], seen: Sequence[Observation]) -> Sequence[float]:
        mean, _ = self.model.fitted(seen).moments([record.hash for record in records])
        return [float(value) for value in mean]

    @staticmethod
    def _free(trial: int, finalists: Sequence[Finalist], running: Sequence[tuple[int, int]]) -> int:
        """Return the first number of a training that neither is recorded nor runs."""
        used = {run.repeat for finalist in finalists if finalist.trial == trial for run in finalist.full}
        used |= {repeat for number, repeat in running if number == trial}
        return next(number for number in range(len(used) + 1) if number not in used)


def _size(record: Record) -> int:
    return record.params or 0
