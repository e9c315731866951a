"""The finalists: the best networks, trained in full on train + validation images, tested once per run.

Which networks those are was decided on validation images. Each run is one attribute of the study in the database,
written as soon as it is there, so an interrupted final round goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.storages import BaseStorage

from budgetnet.files.study import Study
from budgetnet.records.finals.finalist import Finalist, final_run_attribute, final_run_document
from budgetnet.records.ledger import trial_seed
from budgetnet.records.ranking import distinct, ranked
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.events import EpochDone, FinalistDone, FinalistsStarted, SearchListener
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.space import Space
from budgetnet.training.recipe.reading import with_defaults
from budgetnet.workers.environment import environment
from budgetnet.workers.loop import JobLoop, TaskList
from budgetnet.workers.messages import Job, Result, Workers

__all__ = ["FinalRound", "FinalTask", "choose_finalists", "missing_runs", "train_finalists"]

FinalTask = tuple[Record, int]
"""A trial, and which of its network's runs, from 0."""


def choose_finalists(records: Sequence[Record], study: Study) -> list[Record]:
    """Return the best completed trials by the study's goal, each network once. Validation images decide alone."""
    completed = [record for record in records if record.scored]
    return distinct(ranked(completed, study.goal, study.target))[: study.finalists.top]


def missing_runs(finalists: Sequence[Record], study: Study, done: Sequence[Finalist]) -> list[FinalTask]:
    """Return the runs still to do: all networks' first runs, then all second ones … Another recipe's do not count."""
    recipe = study.finalists.training.to_mapping()
    have = {
        (finalist.trial, run.repeat)
        for finalist in done
        for run in finalist.runs
        if with_defaults(run.recipe) == recipe
    }
    wanted = [(record, run) for run in range(study.finalists.seeds) for record in finalists]
    return [(record, run) for record, run in wanted if (record.number, run) not in have]


@dataclass(frozen=True, slots=True)
class FinalRound:
    """Everything that the runs of one study's finalists have in common."""

    study: Study
    space: Space
    storage: BaseStorage
    folder: Path
    """The run folder."""
    workers: int

    def job(self, record: Record, run: int) -> Job:
        """Return what a worker is to do for a run."""
        network = self.space.expand(replay(record.decisions, unanswered)).network
        return Job(
            network=network,
            recipe=self.study.finalists.training,
            seed=self.seed(record, run),
            final=True,
            weights=self.folder / self.file(record, run),
            label=f"{self.study.name}, trial {record.number}, run {run}",
        )

    def seed(self, record: Record, run: int) -> int:
        """Return the seed of a run."""
        return trial_seed(self.study.search.seed, "finalist", record.number, run)

    @staticmethod
    def file(record: Record, run: int) -> str:
        """Return where the weights of a run go, relative to the run folder."""
        return f"finalists/trial-{record.number}-run-{run}.safetensors"

    def store(self, record: Record, run: int, result: Result | None, failed: str | None = None) -> TrainingRun:
        """Record a run under its trial and number."""
        found = TrainingRun.record(
            result,
            seed=self.seed(record, run),
            recipe=self.study.finalists.training,
            failed=failed,
            weights=self.file(record, run),
            environment=None if result else environment(),
            repeat=run,
            workers=self.workers,
        )
        study_id = self.storage.get_study_id_from_name(self.study.name)
        name = final_run_attribute(record.number, run)
        self.storage.set_study_user_attr(study_id, name, final_run_document(record.number, found))
        return found


class _FinalRuns(TaskList[FinalTask]):
    """The runs of one call, each recorded as soon as it is over."""

    def __init__(self, todo: Sequence[FinalTask], this: FinalRound, listen: SearchListener) -> None:
        super().__init__(todo)
        self._round = this
        self._listen = listen

    def job(self, task: FinalTask) -> Job:
        return self._round.job(*task)

    def epoch(self, worker: int, task: FinalTask, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        self._listen(EpochDone(task[0].number, epoch, accuracy))
        return True

    def done(self, worker: int, task: FinalTask, result: Result) -> None:  # noqa: ARG002
        self._listen(FinalistDone(task[0].number, task[1], self._round.store(*task, result)))

    def failed(self, worker: int, task: FinalTask, reason: str) -> None:  # noqa: ARG002
        self._listen(FinalistDone(task[0].number, task[1], self._round.store(*task, None, reason)))


def train_finalists(
    todo: Sequence[FinalTask],
    this: FinalRound,
    *,
    pool: Workers,
    listen: SearchListener,
    stopped: Callable[[], bool],
) -> None:
    """Train the runs in *todo* on the pool's workers, until all are done or a clean end is asked for.

    Raises:
        BudgetnetError: the workers cannot work.
    """
    numbers = tuple(dict.fromkeys(record.number for record, _ in todo))
    listen(FinalistsStarted(numbers, len(todo), this.study.finalists.training.epochs))
    JobLoop(pool, _FinalRuns(todo, this, listen), interrupted=stopped).run()
