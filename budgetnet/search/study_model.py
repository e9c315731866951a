"""The model of a real study: features of its networks and all its trainings, as the policy takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean

from budgetnet.files.study import Study
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.loading.settled import SettledTrials
from budgetnet.records.trial import Record
from budgetnet.search.model.features import features_of
from budgetnet.search.model.matrix import Matrix
from budgetnet.search.model.policy import Plan, Policy, PolicyTraining
from budgetnet.search.model.surrogate import Observation, Surrogate
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.space import Space
from budgetnet.training.recipe.reading import same_recipe

__all__ = ["BY_POSTERIOR", "StudyModel"]

BY_POSTERIOR = "the model's posterior"
"""How a choice names the model that judged full trainings."""


class StudyModel:
    """Learns from a study's records; networks are known by their canonical hashes."""

    def __init__(self, study: Study, space: Space, *, plan: Plan | None = None, reference: Sequence[str] = ()) -> None:
        """Know nothing yet.

        Args:
            study: the study.
            space: its space, of any budget.
            plan: how the epochs are divided; by default as many as the study's trials and finalists may take.
            reference: networks that features are standardised by; none: those trained so far.
        """
        self.study = study
        self.space = space
        self.matrix = Matrix()
        self.policy = Policy(plan or study_plan(study), self.matrix, reference)
        self._brief = _BriefTrainings()
        self._fitted: tuple[tuple[Observation, ...], Surrogate] | None = None

    def add(self, records: Iterable[Record]) -> None:
        """Make the features of networks known; each network's are worked out when they are first needed."""
        for record in records:
            if record.hash and record.decisions and record.hash not in self.matrix:
                self.matrix.promise(record.hash, partial(self._features, record))

    def _features(self, record: Record) -> dict[str, float]:
        network = self.space.expand(replay(record.decisions, unanswered)).network
        custom = self.space.custom
        return features_of(network, self.space.input_shape, decisions=record.decisions, custom=custom)

    def trainings(
        self,
        records: Sequence[Record],
        finalists: Sequence[Finalist],
        running: Iterable[tuple[Record, int]] = (),
    ) -> list[PolicyTraining]:
        """Return all trainings in the order in which they were started; features of their networks are then known.

        Args:
            records: every trial, by number.
            finalists: every network trained in full.
            running: full trainings that run: the trial, and the number of trials when they began.
        """
        placed, new = self._brief.placed(records)
        self.add(new)
        by_number = {record.number: record for record in records} if finalists else {}
        for finalist in finalists:
            for run in finalist.full:
                record = by_number[finalist.trial]
                if same_recipe(run.recipe, self.study.finalists.training) and record.hash in self.matrix:
                    accuracy = run.accuracy if run.outcome == "completed" else None
                    after = len(records) if run.after is None else run.after
                    placed.append((after - 0.5, PolicyTraining(record.hash, False, accuracy)))
        placed += [
            (after - 0.5, PolicyTraining(record.hash, False)) for record, after in running if record.hash in self.matrix
        ]
        return [training for _, training in sorted(placed, key=lambda entry: entry[0])]

    def seen(self, records: Sequence[Record], finalists: Sequence[Finalist]) -> list[Observation]:
        """Return the trainings that gave an accuracy."""
        return [
            Observation(one.key, one.accuracy, one.brief)
            for one in self.trainings(records, finalists)
            if one.accuracy is not None
        ]

    def fitted(self, seen: Sequence[Observation]) -> Surrogate:
        """Return the model of what was seen, at least one training."""
        if self._fitted is None or self._fitted[0] != tuple(seen):
            self._fitted = (tuple(seen), self.policy.model(seen))
        return self._fitted[1]


_TOLD = ("completed", "stopped_early", "diverged", "failed", "running", "waiting")
"""Outcomes that are trainings of their own; an interrupted one is represented by its repetition."""


def study_plan(study: Study) -> Plan:
    """Return the plan of a study: epochs for its trials and for the full trainings of its finalists."""
    brief, full = study.training.epochs, study.finalists.training.epochs
    runs = study.answers * study.finalists.top * study.finalists.seeds
    epochs = study.search.trials * brief + runs * full
    return Plan(brief=brief, full=full, epochs=epochs, seeds=study.finalists.seeds)


_Placed = tuple[float, PolicyTraining]
"""A training, and its place among all."""


@dataclass
class _Told:
    """Brief trainings, taken in one by one."""

    placed: list[_Placed] = field(default_factory=list)
    early: list[tuple[float, Record]] = field(default_factory=list)
    """Trials that were stopped early, and their places: what they would have reached changes with every other trial."""
    curves: list[tuple[float, ...]] = field(default_factory=list)
    """Those of completed trials."""

    def take(self, record: Record, records: Sequence[Record]) -> bool:
        """Take a trial in, if it is a training of its own."""
        if not (record.outcome in _TOLD or record.copied_from) or not (record.hash and record.decisions):
            return False
        place = _root(record, records)
        if record.outcome == "completed" and record.curve:
            self.curves.append(record.curve)
        if record.outcome == "stopped_early" and record.accuracy is not None:
            self.early.append((place, record))
        else:
            accuracy = record.accuracy if record.scored else None
            self.placed.append((place, PolicyTraining(record.hash, True, accuracy)))
        return True


class _BriefTrainings:
    """The brief trainings of a study. A trial that has ended is taken in once, however many there are."""

    def __init__(self) -> None:
        self._settled = SettledTrials()
        self._ended = _Told()

    def placed(self, records: Sequence[Record]) -> tuple[list[_Placed], list[Record]]:
        """Return the trainings of a study's trials, in no order, and the trials that are new or have not ended."""
        seen = self._settled.look(records)
        if seen.again:
            self._ended = _Told()
        later = _Told()
        new = [record for record in seen.ended if self._ended.take(record, records)]
        new += [record for record in seen.later if later.take(record, records)]
        early = [*self._ended.early, *later.early]
        gain = _gains([*self._ended.curves, *later.curves]) if early else {}
        guessed = [
            (place, PolicyTraining(record.hash, True, (record.accuracy or 0.0) + gain.get(record.epochs, 0.0)))
            for place, record in early
        ]
        return [*self._ended.placed, *later.placed, *guessed], new


def _root(record: Record, records: Sequence[Record]) -> int:
    """Return the number of the first of a chain of repetitions: where the training stands among all."""
    while record.redo_of is not None:
        number = record.redo_of
        there = number < len(records) and records[number].number == number
        earlier = records[number] if there else next((one for one in records if one.number == number), None)
        if earlier is None:
            break
        record = earlier
    return record.number


def _gains(curves: Sequence[tuple[float, ...]]) -> dict[int, float]:
    """Return by how much accuracies of completed trials rose, on average, from each epoch to their last one."""
    longest = max(map(len, curves), default=0)
    return {
        epoch: fmean(curve[-1] - curve[epoch - 1] for curve in curves if len(curve) >= epoch)
        for epoch in range(1, longest + 1)
    }
