"""The sampler ``model``: decides what a search trains next, briefly or in full, by a model of all its trainings.

The decisions are those of `budgetnet.search.model.policy`; here they are applied to a real study: its records, its
space, and full trainings that run. Everything follows from the records and the seed, so a search that is resumed
decides as if it had never stopped.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Literal

import numpy as np

from budgetnet.errors import SearchError
from budgetnet.files.study import Goal, Study
from budgetnet.records.trial import Record
from budgetnet.search.finals.full_runs import FullRuns, FullTask
from budgetnet.search.model.policy import Offered, Plan, PolicyTraining, TrainBriefly, TrainInFull
from budgetnet.search.offers import Offers
from budgetnet.search.reasons import decision_reason
from budgetnet.search.study_model import StudyModel, study_plan
from budgetnet.search.time_budget import TimeBudget
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from budgetnet.space.space import Space

__all__ = ["BriefTask", "Director"]

UNAFFORDABLE = 1e9
"""Price of a full training, in epochs, where none is to be done."""
TIGHTER = (2, 4, 8, 16)
"""Divisors of the bound on parameters; for goals that ask for small networks, candidates are drawn under each."""


@dataclass(frozen=True, slots=True)
class BriefTask:
    """A new network to train briefly."""

    candidate: Candidate
    hash: str
    dropped: Counter[str]
    """Draws since the decision before that did not fit, by reason."""
    why: str
    """Reason for it, for people."""


@dataclass
class Director:
    """Decides for one process of a search."""

    study: Study
    model: StudyModel
    runs: FullRuns
    salt: str = ""
    """Differs between processes that search the same study, so that they do not decide alike."""
    full: bool = True
    """False trains briefly only, as many networks as the study has trials; full trainings are other processes'."""
    time: TimeBudget | None = None
    """The minutes that everything has to fit into; they, not the number of trials, then set the epochs."""
    running: list[FullTask] = field(default_factory=list)
    """Full trainings that this process runs."""

    def __post_init__(self) -> None:
        space, tighter = self.model.space, self.study.tighter
        proposers = [Proposer(space), *(Proposer(replace(space, budget=budget)) for budget in tighter)]
        mutate = len(proposers)
        proposers += _tighter(space, self.study.goal)
        self._offers = Offers(proposers, self.model.matrix, self.study.search.seed, self.salt, mutate)
        self._ready = False

    def next(self, records: Sequence[Record]) -> BriefTask | FullTask | Literal["done"]:
        """Return what to train next; ``done`` if the epochs are spent or nothing is left.

        Args:
            records: every trial.

        Raises:
            SearchError: nothing fits the budget.
        """
        if not self._ready:
            self.model.policy.reference = self._offers.reference()
            self._ready = True
        trainings = self.trainings(records)
        by_hash: dict[str, Record] = {}
        for record in records:
            if record.hash and record.outcome != "over_budget":
                by_hash.setdefault(record.hash, record)

        rng = np.random.default_rng([self.study.search.seed, len(trainings), zlib.crc32(self.salt.encode())])
        limit = self._limit(trainings, by_hash, rng)

        def small(key: str) -> bool:
            return limit is None or self._params(key, by_hash) <= limit

        def offer(favourites: Sequence[str]) -> Offered:
            found = self._offers.offer(trainings, by_hash, favourites)
            fits = Offered([key for key in found.plain if small(key)], [key for key in found.others if small(key)])
            exhausted = self.study.tighter and not (fits.plain or fits.others)
            return found if exhausted else fits

        policy = self.model.policy
        policy.plan = self._plan(records, trainings)
        owed = self._owed(trainings, by_hash, policy.plan)
        if owed is not None:
            why = "nothing within its budget was trained in full yet"
            return FullTask(owed, self._free(owed.number), after=len(records), why=why)
        policy.eligible = None if limit is None else small
        match policy.next(trainings, offer, rng):
            case TrainBriefly(key, why):
                return self._briefly(key, decision_reason(why, key, trainings, policy.latest))
            case TrainInFull(key, _, why) if key not in by_hash:
                # every network of a study begins as a trial
                return self._briefly(key, decision_reason(f"{why}, in full afterwards", key, trainings, policy.latest))
            case TrainInFull(key, _, why):
                record = by_hash[key]
                reason = decision_reason(why, key, trainings, policy.latest)
                return FullTask(record, self._free(record.number), after=len(records), why=reason)
            case _:
                return "done"

    def _briefly(self, key: str, why: str) -> BriefTask:
        dropped, self._offers.dropped = self._offers.dropped, Counter()
        return BriefTask(self._offers.candidates[key], key, dropped, why)

    def trainings(self, records: Sequence[Record]) -> list[PolicyTraining]:
        """Return all trainings so far, as the policy takes them."""
        running = [*self.running, *self._elsewhere(records)]
        return self.model.trainings(records, self.runs.read(), [(one.record, one.after or 0) for one in running])

    def _elsewhere(self, records: Sequence[Record]) -> list[FullTask]:
        """Return the full trainings that other processes do."""
        found = self.runs.elsewhere()
        by_number = {record.number: record for record in records} if found else {}
        return [FullTask(by_number[trial], repeat) for trial, repeat in found if trial in by_number]

    def spent(self, records: Sequence[Record]) -> tuple[float, float]:
        """Return the epochs of the trainings so far, and those of the plan; brief ones only, if no others are done."""
        trainings = self.trainings(records)
        plan = self._plan(records, trainings)
        full = sum(not one.brief for one in trainings)
        brief = plan.brief * (len(trainings) - full)
        return (
            (brief, plan.epochs - full * UNAFFORDABLE)
            if plan.full == UNAFFORDABLE
            else (brief + full * plan.full, plan.epochs)
        )

    def _limit(
        self, trainings: Sequence[PolicyTraining], records: Mapping[str, Record], rng: np.random.Generator
    ) -> float | None:
        """Return the number of parameters that competitors for the next training may have; None for any number.

        Several budgets take turns. With the goal ``pareto`` it is drawn for each decision, evenly on a
        logarithmic scale; with ``smallest`` it is below the smallest network that reaches the target in full training.
        """
        if self.study.limits:
            return self.study.limits[len(trainings) % len(self.study.limits)]
        sizes = [records[one.key].params or 1 for one in trainings if one.key in records]
        match self.study.goal:
            case "pareto" if sizes:
                largest = self.study.budget.params or max(sizes)
                return float(np.exp(rng.uniform(np.log(min(sizes)), np.log(max(largest, min(sizes) + 1)))))
            case "smallest":
                full: dict[str, list[float]] = {}
                for one in trainings:
                    if not one.brief and one.accuracy is not None:
                        full.setdefault(one.key, []).append(one.accuracy)
                there = [
                    records[key].params or 1
                    for key, accuracies in full.items()
                    if key in records and fmean(accuracies) >= (self.study.target or 0)
                ]
                return min(there) - 1 if there else None
            case _:
                return None

    def _owed(self, trainings: Sequence[PolicyTraining], records: Mapping[str, Record], plan: Plan) -> Record | None:
        """Return the network of a budget that no full training answers yet, when there are epochs for just these."""
        limits = self.study.limits
        fully = [records[one.key].params or 0 for one in trainings if not one.brief and one.key in records]
        unanswered = [limit for limit in limits if not any(params <= limit for params in fully)]
        left = plan.epochs - sum(plan.brief if one.brief else plan.full for one in trainings)
        if not unanswered or not plan.full <= left < plan.full * (len(unanswered) + 1):
            return None
        fitting = [one for one in records.values() if one.scored and (one.params or 0) <= unanswered[-1]]
        return max(fitting, key=lambda one: (one.accuracy or 0.0, -one.number), default=None)

    def _params(self, key: str, records: Mapping[str, Record]) -> int:
        if key in records:
            return records[key].params or 0
        return self._offers.candidates[key].cost.params

    def _plan(self, records: Sequence[Record], trainings: Sequence[PolicyTraining]) -> Plan:
        """Return the plan, with the epochs that were saved: of trials stopped early, and scores of other studies."""
        plan = study_plan(self.study)
        if not self.full or not self.study.finalists.top:
            full = sum(not one.brief for one in trainings)
            plan = replace(plan, full=UNAFFORDABLE, epochs=plan.brief * self.study.search.trials + full * UNAFFORDABLE)
        saved = sum(
            plan.brief - record.epochs if record.outcome == "stopped_early" else plan.brief
            for record in records
            if record.outcome == "stopped_early" or record.copied_from
        )
        affordable = None if self.time is None else self.time.affordable
        if affordable is None or self.time is None or plan.full == UNAFFORDABLE:
            return replace(plan, epochs=plan.epochs + saved)
        spent = sum(plan.brief if one.brief else plan.full for one in trainings)
        ends_in_time = self.time.fits(int(plan.full), full=True, reserve=self.time.final)
        if not ends_in_time and any(not one.brief for one in trainings):
            affordable = 0.0  # what only brief trainings would still show, no full one could confirm
        return replace(plan, epochs=spent + affordable)

    def _free(self, trial: int) -> int:
        """Return the first number of a full training of a network that neither is recorded nor runs."""
        used = {run.repeat for one in self.runs.read() if one.trial == trial for run in one.full}
        used |= {task.repeat for task in self.running if task.record.number == trial}
        used |= {repeat for number, repeat in self.runs.elsewhere() if number == trial}
        return next(number for number in range(len(used) + 1) if number not in used)


def _tighter(space: Space, goal: Goal) -> list[Proposer]:
    """Return proposers of tighter bounds on parameters, for goals that ask for small networks."""
    bound = space.budget.params
    if goal == "accuracy" or bound is None:
        return []
    found: list[Proposer] = []
    for divisor in TIGHTER:
        proposer = Proposer(replace(space, budget=replace(space.budget, params=bound // divisor)))
        try:
            fits = isinstance(proposer.draw(random.Random(0)), Candidate)  # noqa: S311
        except SearchError:
            break
        if fits:
            found.append(proposer)
    return found
