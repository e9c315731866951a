"""The search itself: propose, hand out, record, until an end is reached. One process decides and writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

import optuna
from sqlalchemy.exc import SQLAlchemyError

from budgetnet.errors import SearchError
from budgetnet.files.study import Study
from budgetnet.network.nodes import Node
from budgetnet.records.ledger import Ledger, Running
from budgetnet.records.loading.settled import TrialTally
from budgetnet.records.process import host
from budgetnet.records.ranking import reaches
from budgetnet.records.storage import HEARTBEAT
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import TRAINED, Outcome, Record, training_attributes
from budgetnet.search.candidates import MOST_COPIES, CandidateSource
from budgetnet.search.director import Director
from budgetnet.search.events import (
    EndReason,
    EpochDone,
    EpochsPlanned,
    FullTrainingDone,
    SearchEnded,
    SearchListener,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
    WorkerLost,
)
from budgetnet.search.finals.full_runs import FullRuns, FullTask
from budgetnet.search.finals.winning import Objective
from budgetnet.search.reasons import trial_reason
from budgetnet.search.rungs.judge import RungJudge
from budgetnet.search.time_budget import TimeBudget, plan_in_time
from budgetnet.workers.loop import JobLoop, Work
from budgetnet.workers.messages import EpochMeasures, Job, Result, Workers

__all__ = ["SearchLoop"]

LOOK = 5.0
"""Seconds between two looks for trials of other processes."""
CHANGED_PACE = 0.3
"""Share by which the pace must have changed before the plan is told again."""
LIMIT_FAILED_TRIALS = 10
"""Failed trials in a row after which something other than the networks must be wrong."""

_COMPLETE: tuple[EndReason, ...] = ("trials", "epochs", "exhausted")
"""Ends after which what other processes have begun is waited for, and repeated where they give it back."""

_Trial = tuple[Running, Node]
"""A trial that this process is responsible for, and its network."""
_Task = _Trial | FullTask
"""Work of a search: a brief training, or a full one where the sampler asks for it."""


@dataclass
class SearchLoop(Work[_Task]):
    """One process's part in a search; its fields are what it works with."""

    study: Study
    ledger: Ledger
    candidates: CandidateSource
    pool: Workers
    listen: SearchListener
    stopped: Callable[[], bool]
    """Tells whether a clean end was asked for."""
    stop_at_target: bool = False
    last: bool = True
    """True to stay until no other process trains for this study any more."""
    time: TimeBudget | None = None
    """The minutes that everything has to fit into; None: no limit."""
    director: Director | None = None
    """Decides what to train, with the sampler ``model``; None leaves it to the candidates' sampler."""
    grace: float = 0.0
    """Seconds that what runs may take to its end after a clean end was asked for."""
    rung: RungJudge | None = None
    """Judges trials at rungs, with the pruner ``model``."""

    def __post_init__(self) -> None:
        self._begin = time.monotonic()
        self._beaten = self._looked = self._begin
        self._exhausted = False
        self._spent = False
        self._told: float | None = None
        self._waited_for = 0
        self._tally = TrialTally(self.study.goal, self.study.target)
        self._refresh()
        self._reasons: dict[int, str] = {}
        self._losses: dict[int, float] = {}
        """By trial: train loss of its latest epoch."""
        self._verdicts: dict[int, str] = {}
        """By trial: why the model stopped it."""
        self._reached = any(self._is_target(record) for record in self._records)

    def run(self) -> EndReason:
        """Search until an end is reached and nothing is running here any more; return why it ended.

        Raises:
            SearchError: nothing fits the budget, too many failures, or the workers cannot work.
        """
        loop = JobLoop(self.pool, self, interrupted=self.stopped, grace=self.grace)
        try:
            if self._end() is None:
                self.pool.start()  # workers load their libraries while the first network is proposed
            loop.run()
            self._give_up(loop.cut_off, "the search was interrupted")
        except Exception as error:
            with suppress(optuna.exceptions.OptunaError, SQLAlchemyError):  # the database may be what failed
                self._give_up(loop.cut_off, f"the search ended with an error: {_first_line(error)}")
            raise
        reason = self._end()
        assert reason is not None
        self._refresh()
        self.listen(SearchEnded(reason, self._tally.trained, self._tally.best))
        return reason

    # --- when to end --------------------------------------------------------------------------------

    def _end(self) -> EndReason | None:
        """Why nothing further may be started, or None."""
        if self.stopped():
            return "interrupted"
        if self.stop_at_target and self._reached:
            return "target"
        if self._spent:
            return "epochs"
        if self.director is None and self._tally.trained + self._tally.running >= self.study.search.trials:
            return "trials"
        if self.time is not None and self._late(self.time):
            return "minutes"
        return "exhausted" if self._exhausted else None

    def _late(self, clock: TimeBudget) -> bool:
        """Tell whether another training would take the time that the finalists need."""
        judging = clock.judging if self.director is None else 0.0
        return not clock.fits(self.study.training.epochs, full=False, reserve=clock.final + judging)

    def expects_more(self) -> bool:
        """Tell whether a network is still wanted, or other processes train what this study needs to be complete."""
        reason = self._end()
        if reason is None:
            return True
        others = self._others() if self.last and reason in _COMPLETE else 0
        if others and others != self._waited_for:
            self.listen(Waiting(others))
        self._waited_for = others
        return others > 0

    def _others(self) -> int:
        """Count the trainings of other processes."""
        return self.ledger.others_running() + (0 if self.director is None else len(self.director.runs.elsewhere()))

    def _is_target(self, record: Record) -> bool:
        return self.study.target is not None and reaches(record, self.study.target)

    def _refresh(self) -> None:
        self._records = self.ledger.records()
        self._tally.update(self._records)

    # --- starting trials ----------------------------------------------------------------------------

    def next(self) -> _Task | None:
        """Return a network to train, first those that were interrupted, even if nothing new is wanted any more."""
        reason = self._end()
        if reason not in (None, *_COMPLETE):
            return None
        again = self.candidates.repeat()
        if again is not None or reason is not None:
            return again
        return self._new() if self.director is None else self._directed(self.director)

    def job(self, task: _Task) -> Job:
        """Return what a worker is to do for a task; in a trial it asks for leave if there is a pruner."""
        if isinstance(task, FullTask):
            return self._full.job(task)
        trial, network = task
        ask = self.study.search.pruner.kind != "none"
        return Job(network=network, recipe=self.study.training, seed=trial.seed, ask=ask)

    def started(self, worker: int, task: _Task) -> None:
        """Announce a training that has begun."""
        self._refresh()
        if self.time is not None:
            full = isinstance(task, FullTask)
            self.time.started(worker, self.job(task).recipe.epochs, full=full)
        if isinstance(task, FullTask):
            self.listen(self._full.started(task))
        else:
            trial, counted = task[0], task[0].attributes
            epochs = self.study.training.epochs
            costs = counted["params"], counted["flops"]
            why = self._reasons.get(trial.number) or trial_reason(counted, self.study.search.sampler, self._tally.best)
            self.listen(TrialStarted(trial.number, counted["arch"], *costs, epochs, why))
        if self.director is not None:
            self.listen(EpochsPlanned(*self.director.spent(self._records)))

    def _directed(self, director: Director) -> _Task | None:
        """Return what the model decides; None if the epochs are spent, or the network could not be trained."""
        for _ in range(MOST_COPIES):
            self._refresh()
            self._check_failures()
            found = self.candidates.start(self._records, self._done)
            if found is None:
                decided = director.next(self._records)
                if decided == "done":
                    return self._without_model()
                if isinstance(decided, FullTask):
                    if not self._full.claim(decided):
                        continue
                    director.running.append(decided)
                    return decided
                found = self.candidates.begin(decided.candidate, decided.hash, decided.dropped, self._done)
                if not isinstance(found, str):
                    self._reasons[found[0].number] = decided.why
            if found != "copied":
                return None if found == "refused" else found
        return None

    def _without_model(self) -> _Trial | None:
        """End the search; if nothing was ever trained, a plain proposal says why not."""
        if not any(record.trained or record.scored for record in self._records):
            return self._new()
        self._spent = True
        return None

    def _new(self) -> _Trial | None:
        """A new network; None if the space has no other, or the one drawn could not be trained."""
        self._refresh()
        self._check_failures()
        queued = any(record.outcome == "waiting" and record.redo_of is not None for record in self._records)
        if queued or self._end() is not None:
            return None  # since this process looked, another one has begun the last trial, or given one back
        found = self.candidates.new(self._records, self._done)
        self._exhausted = found == "exhausted"
        return None if isinstance(found, str) else found

    # --- what the workers say -----------------------------------------------------------------------

    def lost(self, worker: int, task: _Task, reason: str, tries: int) -> None:  # noqa: ARG002
        """Announce that a training is tried again."""
        number = task.record.number if isinstance(task, FullTask) else task[0].number
        self.listen(WorkerLost(number, reason, tries))

    def measured(self, worker: int, task: _Task, epoch: int, measures: EpochMeasures) -> None:  # noqa: ARG002
        """Keep the train loss for the rung."""
        if not isinstance(task, FullTask):
            self._losses[task[0].number] = measures.train_loss

    def epoch(self, worker: int, task: _Task, epoch: int, accuracy: float | None) -> bool:
        """Record an epoch of a trial; let the pruner decide whether it goes on."""
        if self.time is not None:
            self.time.epoch(worker, epoch)
            if self._told is None:
                self._tell_plan(self.time)
        if isinstance(task, FullTask):
            self.listen(EpochDone(task.record.number, epoch, accuracy))
            return True
        trial = task[0]
        assert accuracy is not None
        self.ledger.report(trial, epoch, accuracy)
        self.listen(EpochDone(trial.number, epoch, accuracy))
        if self.study.search.pruner.kind == "none" or epoch >= self.study.training.epochs:
            return True
        if self.rung is None:
            return not self.ledger.should_stop(trial)
        return self._can_win(self.rung, trial, epoch, accuracy)

    def _can_win(self, rung: RungJudge, trial: Running, epoch: int, accuracy: float) -> bool:
        """Ask the model whether a trial goes on."""
        finalists = () if self.director is None else self.director.runs.read()
        loss = self._losses.get(trial.number)
        verdict = rung.verdict(self._records, finalists, trial.number, epoch, accuracy, loss)
        if verdict is None or not verdict.stops:
            return True
        best = f"among the best 1/{self.study.search.pruner.reduction}"
        self._verdicts[trial.number] = f"{100 * verdict.chance:.0f} % likely to be {best}, by the model"
        return False

    def done(self, worker: int, task: _Task, result: Result) -> None:
        """Record a training."""
        if self.time is not None:
            self.time.ended(worker, result.epochs, result.seconds)
            self._tell_plan(self.time)
        if isinstance(task, FullTask):
            self._finish_full(task, result)
            return
        run = TrainingRun.record(result, seed=task[0].seed, recipe=self.study.training)
        attributes = training_attributes(run)
        if run.outcome == "diverged":
            attributes["reason"] = run.diverged
        elif run.outcome == "stopped_early":
            attributes["reason"] = self._why_stopped(task[0].number, run)
        self._finish(worker, task, run.outcome, attributes)

    def failed(self, worker: int, task: _Task, reason: str) -> None:
        """Record a training without a result."""
        if isinstance(task, FullTask):
            self._finish_full(task, None, reason)
            return
        self._finish(worker, task, "failed", {"reason": reason})

    def crashed(self, worker: int, task: _Task, error: str) -> None:
        """Record a training that an error of the program ended."""
        self.failed(worker, task, f"an error of the program: {error}")

    def _tell_plan(self, clock: TimeBudget) -> None:
        """Say what fits into the time, when the pace is known, and again when it has changed by much."""
        pace = clock.pace(full=False)
        if pace is None or (self._told is not None and abs(pace / self._told - 1) < CHANGED_PACE):
            return
        self._told = pace
        self.listen(plan_in_time(self.study, clock, pace))

    @property
    def _full(self) -> FullRuns:
        assert self.director is not None  # who else asks for full trainings
        return self.director.runs

    def _finish_full(self, task: FullTask, result: Result | None, reason: str | None = None) -> None:
        assert self.director is not None
        self.director.running.remove(task)
        self.listen(FullTrainingDone(task.record.number, task.repeat, self._full.store(task, result, reason)))
        if self.time is not None:
            self.time.winners = Objective.of(self.study).count(self._records, self._full.read())

    def _why_stopped(self, number: int, run: TrainingRun) -> str:
        pruner = self.study.search.pruner
        rule = self._verdicts.get(number) or (
            "below the median" if pruner.kind == "median" else f"not among the best 1/{pruner.reduction}"
        )
        return f"{100 * (run.accuracy or 0):.2f} % after epoch {run.epochs} of {self.study.training.epochs}: {rule}"

    def _finish(self, worker: int, task: _Trial, outcome: Outcome, attributes: Mapping[str, Any]) -> None:
        record = self.ledger.finish(task[0], outcome, **attributes, worker=f"{host()}/{worker}")
        if record is not None:
            self._done(record)

    def _done(self, record: Record) -> None:
        self._refresh()
        self.listen(TrialDone(record, self._tally.best, self._tally.trained))
        if self._is_target(record) and not self._reached:
            self._reached = True
            assert self.study.target is not None
            self.listen(TargetReached(record, self.study.target))

    # --- housekeeping -------------------------------------------------------------------------------

    def look_around(self, running: Mapping[int, _Task]) -> None:
        """Say that this process lives, and see what others do."""
        now = time.monotonic()
        if now - self._beaten >= HEARTBEAT:
            self._beaten = now
            self.ledger.beat([task[0].id for task in running.values() if not isinstance(task, FullTask)])
            if self.director is not None:
                self.director.runs.beat()
        if now - self._looked >= LOOK:
            self._looked = now
            self.ledger.check_current()
            self.ledger.recover()
            self._refresh()

    def _give_up(self, running: Iterable[_Task], reason: str) -> None:
        """Queue what is running here for the next start."""
        for task in running:
            if not isinstance(task, FullTask):  # full trainings are decided on again
                self.ledger.interrupt(task[0], reason)

    def _check_failures(self) -> None:
        """Raise an error where so many trials failed that something other than the networks must be wrong."""
        counts = (record for record in reversed(self._records) if record.outcome in (*TRAINED, "failed"))
        ended = list(islice(counts, LIMIT_FAILED_TRIALS))
        if len(ended) == LIMIT_FAILED_TRIALS and all(record.outcome == "failed" for record in ended):
            last = self._records[-1]
            raise SearchError(f"{LIMIT_FAILED_TRIALS} trials in a row failed, the last with: {last.reason}")


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
