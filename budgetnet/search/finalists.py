"""The finalists: the best networks, trained in full on train + validation images, tested once per run.

Which networks those are was decided on validation images. Each run is one attribute of the study in the database,
written as soon as it is there, so an interrupted final round goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from optuna.storages import BaseStorage

from budgetnet.files.study import Study
from budgetnet.records.ledger import trial_seed
from budgetnet.records.ranking import distinct, ranked
from budgetnet.records.training_run import Finalist, FinalRun, attribute
from budgetnet.records.trial import Record
from budgetnet.search.events import EpochDone, FinalistDone, FinalistsStarted, Listener
from budgetnet.search.propose import unanswered
from budgetnet.space.choosers import replay
from budgetnet.space.space import Space
from budgetnet.workers.environment import environment
from budgetnet.workers.messages import Broken, Bug, Done, Failed, Job, Lost, Message, Progress, Result, Workers

__all__ = ["FinalRound", "choose_finalists", "missing_runs", "train_finalists"]

TICK = 0.5
"""Seconds between two looks at signals while nothing is heard from the workers."""


def choose_finalists(records: Sequence[Record], study: Study) -> list[Record]:
    """Return the best completed trials by the study's goal, each network once. Validation images decide alone."""
    completed = [record for record in records if record.scored]
    return distinct(ranked(completed, study.goal, study.target))[: study.finalists.top]


def missing_runs(finalists: Sequence[Record], study: Study, done: Sequence[Finalist]) -> list[tuple[Record, int]]:
    """Return the runs still to do: all networks' first runs, then all second ones … Another recipe's do not count."""
    recipe = study.finalists.training.to_mapping()
    have = {(run.trial, run.run) for finalist in done for run in finalist.runs if run.recipe == recipe}
    wanted = [(record, run) for run in range(study.finalists.seeds) for record in finalists]
    return [(record, run) for record, run in wanted if (record.number, run) not in have]


@dataclass(frozen=True)
class FinalRound:
    """What the runs of one study's finalists have in common."""

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
            seed=trial_seed(self.study.search.seed, "finalist", record.number, run),
            final=True,
            weights=self.folder / self.file(record, run),
            label=f"{self.study.name}, trial {record.number}, run {run}",
        )

    @staticmethod
    def file(record: Record, run: int) -> str:
        """Return where the weights of a run go, relative to the run folder."""
        return f"finalists/trial-{record.number}-run-{run}.safetensors"

    def store(self, record: Record, run: int, job: Job, result: Result | None, failed: str | None = None) -> FinalRun:
        """Record a run under its trial and number."""
        found = FinalRun.record(
            result,
            seed=job.seed,
            recipe=job.recipe,
            failed=failed,
            weights=self.file(record, run),
            environment={} if result else environment(),
            trial=record.number,
            run=run,
            workers=self.workers,
        )
        study_id = self.storage.get_study_id_from_name(self.study.name)
        self.storage.set_study_user_attr(study_id, attribute(record.number, run), asdict(found))
        return found


def train_finalists(
    todo: Sequence[tuple[Record, int]],
    this: FinalRound,
    *,
    pool: Workers,
    listen: Listener,
    stopped: Callable[[], bool],
) -> None:
    """Train the runs in *todo* on the pool's workers, until all are done or a clean end is asked for.

    Raises:
        BudgetnetError: the workers cannot work.
    """
    waiting = list(todo)
    running: dict[int, tuple[Record, int, Job]] = {}
    numbers = tuple(dict.fromkeys(record.number for record, _ in todo))
    listen(FinalistsStarted(numbers, len(todo), this.study.finalists.training.epochs))
    while (waiting or running) and not stopped():
        for worker in pool.idle[: len(waiting)]:
            record, run = waiting.pop(0)
            running[worker] = (record, run, this.job(record, run))
            pool.submit(worker, running[worker][2])
        for message in pool.wait(TICK):
            _handle(message, this, running, listen)


def _handle(message: Message, this: FinalRound, running: dict[int, tuple[Record, int, Job]], listen: Listener) -> None:
    match message:
        case Progress(worker, epoch, accuracy):
            listen(EpochDone(running[worker][0].number, epoch, accuracy))
        case Done(worker, result):
            record, run, job = running.pop(worker)
            listen(FinalistDone(record.number, run, this.store(record, run, job, result)))
        case Failed(worker, reason) | Lost(worker, reason):
            record, run, job = running.pop(worker)
            listen(FinalistDone(record.number, run, this.store(record, run, job, None, reason)))
        case Bug(_, traceback):
            raise RuntimeError(f"a worker met an error of the program:\n{traceback}")
        case Broken(_, error):
            raise error
