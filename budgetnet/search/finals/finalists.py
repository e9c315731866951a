"""The final round: full trainings choose the winner, which is then trained on all images and tested once per run.

Full trainings on the train split are judged by validation images (`budgetnet.search.finals.contest`). Only what they
chose is trained on train and validation images together, and only that reads test images, when nothing is left to
choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from budgetnet.files.study import Study
from budgetnet.records.finals.choice import Winner, choose_from_records
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.ledger import Ledger
from budgetnet.records.trial import Record
from budgetnet.search.events import (
    EpochDone,
    FinalistDone,
    FinalistsStarted,
    FullTrainingDone,
    SearchListener,
    WinnerChosen,
    WorkerLost,
)
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.full_runs import FullRuns, FullTask
from budgetnet.search.finals.winning import Objective
from budgetnet.search.time_budget import TimeBudget
from budgetnet.workers.loop import JobLoop, TaskList, Work
from budgetnet.workers.messages import Job, Result, Workers

__all__ = ["FinalRound", "chosen_in_search", "missing_finals"]

LIMIT_CLAIMS = 20
"""Trainings in a row that other processes may claim first before this one waits for another round."""


def missing_finals(
    winners: Sequence[Winner], study: Study, records: Sequence[Record], done: Sequence[Finalist]
) -> list[FullTask]:
    """Return the trainings of winners on all images still to do: first runs of all, then second ones, and so on."""
    by_number = {record.number: record for record in records}
    have = {(finalist.trial, run.repeat) for finalist in done for run in finalist.runs}
    trials = dict.fromkeys(winner.trial for winner in winners)
    wanted = [(trial, run) for run in range(study.finalists.winner_seeds) for trial in trials]
    return [FullTask(by_number[trial], run, final=True) for trial, run in wanted if (trial, run) not in have]


def chosen_in_search(study: Study, done: Sequence[Finalist]) -> bool:
    """Tell whether full trainings were part of the search itself, so that none are left for the final round."""
    return study.search.sampler == "model" and any(finalist.validation.n for finalist in done)


@dataclass
class FinalRound:
    """The final round of one study, in one process."""

    study: Study
    ledger: Ledger
    runs: FullRuns
    contest: Contest
    pool: Workers
    listen: SearchListener
    stopped: Callable[[], bool]
    """Tells whether a clean end was asked for."""
    time: TimeBudget | None = None
    """The minutes that everything has to fit into; None: no limit."""
    grace: float = 0.0
    """Seconds that what runs may take to its end after a clean end was asked for."""

    def run(self) -> None:
        """Let full trainings choose, write the choice down, and train what was chosen on all images.

        Nothing is done again that is recorded. An interrupted round leaves an earlier choice as it is.

        Raises:
            BudgetnetError: the workers cannot work.
        """
        plan = self.study.finalists
        if not plan.top:
            return
        judging = _Judging(self)
        if not chosen_in_search(self.study, self.runs.read()) and (judging.wanted() or judging.expects_more()):
            top = plan.top * self.study.answers
            self.listen(FinalistsStarted(top, top * plan.seeds, plan.training.epochs))
            JobLoop(self.pool, judging, interrupted=self.stopped, grace=self.grace).run()
        if self.stopped():
            return
        records, finalists = self.ledger.records(), self.runs.read()
        winners = self.contest.winners(records, finalists)
        if not winners:
            return
        self.runs.write_choice(winners, len(records))
        todo = missing_finals(winners, self.study, records, finalists)
        if todo:
            study = self.study
            choices = choose_from_records(
                records, finalists, winners, goal=study.goal, target=study.target, limits=study.limits
            )
            self.listen(WinnerChosen(choices, len(todo), plan.training.epochs))
            JobLoop(self.pool, _FinalRuns(todo, self), interrupted=self.stopped, grace=self.grace).run()


@dataclass
class _Judging(Work[FullTask]):
    """Full trainings on the train split, one after the other as the contest asks for them."""

    round: FinalRound
    _running: list[tuple[int, int]] = field(default_factory=list)
    _ready: FullTask | None = None

    def wanted(self) -> bool:
        """Tell whether there is anything to train."""
        self._ready = self._ready or self._next()
        return self._ready is not None

    def next(self) -> FullTask | None:
        """Return the training to start next."""
        task, self._ready = self._ready or self._next(), None
        if task is not None:
            self._running.append((task.record.number, task.repeat))
        return task

    def _next(self) -> FullTask | None:
        this, plan = self.round, self.round.study.finalists
        clock = this.time
        if clock is not None and not clock.fits(plan.training.epochs, full=True, reserve=clock.final):
            return None
        for _ in range(LIMIT_CLAIMS):
            records, running = this.ledger.records(), [*self._running, *this.runs.elsewhere()]
            found = this.contest.next(records, this.runs.read(), running, settled=this.runs.settled)
            if found is None:
                return None
            task = FullTask(*found, after=len(records), why=this.contest.why)
            if this.runs.claim(task):
                return task
        return None

    def expects_more(self) -> bool:
        """Tell whether other processes are at work on what the choice waits for."""
        return bool(self.round.runs.elsewhere())

    def look_around(self, running: Mapping[int, FullTask]) -> None:  # noqa: ARG002
        """Say that this process lives."""
        self.round.runs.beat()

    def job(self, task: FullTask) -> Job:
        """Return what a worker has to do."""
        return self.round.runs.job(task)

    def started(self, worker: int, task: FullTask) -> None:
        """Announce a training that begins."""
        if self.round.time is not None:
            self.round.time.started(worker, self.round.study.finalists.training.epochs, full=True)
        self.round.listen(self.round.runs.started(task))

    def epoch(self, worker: int, task: FullTask, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        """Announce an epoch."""
        self.round.listen(EpochDone(task.record.number, epoch, accuracy))
        return True

    def lost(self, worker: int, task: FullTask, reason: str, tries: int) -> None:  # noqa: ARG002
        """Announce that a training is tried again."""
        self.round.listen(WorkerLost(task.record.number, reason, tries))

    def done(self, worker: int, task: FullTask, result: Result) -> None:
        """Record a training."""
        if self.round.time is not None:
            self.round.time.ended(worker, result.epochs, result.seconds)
        self._over(task, result)

    def failed(self, worker: int, task: FullTask, reason: str) -> None:  # noqa: ARG002
        """Record a training without a result."""
        self._over(task, None, reason)

    def _over(self, task: FullTask, result: Result | None, reason: str | None = None) -> None:
        self._running.remove((task.record.number, task.repeat))
        run = self.round.runs.store(task, result, reason)
        self.round.listen(FullTrainingDone(task.record.number, task.repeat, run))
        if self.round.time is not None:
            objective = Objective.of(self.round.study)
            self.round.time.winners = objective.count(self.round.ledger.records(), self.round.runs.read())


class _FinalRuns(TaskList[FullTask]):
    """Trainings of the winners on all images, each recorded as soon as it is over."""

    def __init__(self, todo: Sequence[FullTask], this: FinalRound) -> None:
        super().__init__(todo)
        self._round = this

    def next(self) -> FullTask | None:
        """Return the first training that waits and that no other process does or has done."""
        self.waiting = [task for task in self.waiting if not self._round.runs.recorded(task)]
        for task in self.waiting:
            if self._round.runs.claim(task):
                self.waiting.remove(task)
                return task
        return None

    def expects_more(self) -> bool:
        """Tell whether other processes do some of these trainings; what they leave behind is done here."""
        return bool(self.waiting)

    def look_around(self, running: Mapping[int, FullTask]) -> None:  # noqa: ARG002
        """Say that this process lives."""
        self._round.runs.beat()

    def job(self, task: FullTask) -> Job:
        return self._round.runs.job(task)

    def started(self, worker: int, task: FullTask) -> None:  # noqa: ARG002
        self._round.listen(self._round.runs.started(task))

    def epoch(self, worker: int, task: FullTask, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        self._round.listen(EpochDone(task.record.number, epoch, accuracy))
        return True

    def lost(self, worker: int, task: FullTask, reason: str, tries: int) -> None:  # noqa: ARG002
        self._round.listen(WorkerLost(task.record.number, reason, tries))

    def done(self, worker: int, task: FullTask, result: Result) -> None:  # noqa: ARG002
        self._over(task, result)

    def failed(self, worker: int, task: FullTask, reason: str) -> None:  # noqa: ARG002
        self._over(task, None, reason)

    def _over(self, task: FullTask, result: Result | None, reason: str | None = None) -> None:
        run = self._round.runs.store(task, result, reason)
        self._round.listen(FinalistDone(task.record.number, task.repeat, run))
