"""The search itself: propose, hand out, record, until an end is reached. One process decides and writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import optuna
from sqlalchemy.exc import SQLAlchemyError

from budgetnet.errors import SearchError
from budgetnet.files.study import Study
from budgetnet.network.nodes import Node
from budgetnet.records.ledger import Ledger, Running
from budgetnet.records.process import host
from budgetnet.records.ranking import best, reaches
from budgetnet.records.storage import HEARTBEAT
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import TRAINED, Outcome, Record, training_attributes
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.events import (
    EndReason,
    EpochDone,
    SearchEnded,
    SearchListener,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
)
from budgetnet.workers.loop import JobLoop, Work
from budgetnet.workers.messages import Job, Result, Workers

__all__ = ["SearchLoop"]

LOOK = 5.0
"""Seconds between two looks for trials of other processes."""
LIMIT_FAILED_TRIALS = 10
"""Failed trials in a row after which something other than the networks must be wrong."""

_Trial = tuple[Running, Node]
"""A trial that this process answers for, and its network."""


@dataclass
class SearchLoop(Work[_Trial]):
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

    def __post_init__(self) -> None:
        self._begin = time.monotonic()
        self._beaten = self._looked = self._begin
        self._exhausted = False
        self._waited_for = 0
        self._records = self.ledger.records()
        self._reached = any(self._is_target(record) for record in self._records)

    def run(self) -> EndReason:
        """Search until an end is reached and nothing is running here any more; return why it ended.

        Raises:
            SearchError: nothing fits the budget, too many failures, or the workers cannot work.
        """
        loop = JobLoop(self.pool, self, interrupted=self.stopped)
        try:
            if self._end() is None:
                self.pool.start()  # workers load their libraries while the first network is proposed
            loop.run()
            self._give_up(loop.running, "the search was interrupted")
        except Exception as error:
            with suppress(optuna.exceptions.OptunaError, SQLAlchemyError):  # the database may be what failed
                self._give_up(loop.running, f"the search ended with an error: {str(error).splitlines()[0]}")
            raise
        reason = self._end()
        assert reason is not None
        self._refresh()
        self.listen(SearchEnded(reason, self._trained, self._best))
        return reason

    # --- when to end --------------------------------------------------------------------------------

    def _end(self) -> EndReason | None:
        """Why nothing further may be started, or None."""
        minutes = self.study.search.minutes
        if self.stopped():
            return "interrupted"
        if self.stop_at_target and self._reached:
            return "target"
        if self._trained + self._open >= self.study.search.trials:
            return "trials"
        if minutes is not None and time.monotonic() - self._begin >= 60 * minutes:
            return "minutes"
        return "exhausted" if self._exhausted else None

    def expects_more(self) -> bool:
        """Tell whether a network is still wanted, or other processes train what this study needs to be complete."""
        reason = self._end()
        if reason is None:
            return True
        others = self.ledger.others_running() if self.last and reason in ("trials", "exhausted") else 0
        if others and others != self._waited_for:
            self.listen(Waiting(others))
        self._waited_for = others
        return others > 0

    @property
    def _trained(self) -> int:
        return sum(record.outcome in TRAINED for record in self._records)

    @property
    def _open(self) -> int:
        return sum(record.outcome == "running" for record in self._records)

    @property
    def _best(self) -> Record | None:
        return best(self._records, self.study.goal, self.study.target)

    def _is_target(self, record: Record) -> bool:
        return self.study.target is not None and reaches(record, self.study.target)

    def _refresh(self) -> None:
        self._records = self.ledger.records()

    # --- starting trials ----------------------------------------------------------------------------

    def next(self) -> _Trial | None:
        """Return a network to train, first those that were interrupted."""
        return None if self._end() is not None else self.candidates.repeat() or self._new()

    def job(self, task: _Trial) -> Job:
        """Return what a worker is to do for a trial; it asks for leave after each epoch if there is a pruner."""
        trial, network = task
        ask = self.study.search.pruner.kind != "none"
        return Job(network=network, recipe=self.study.training, seed=trial.seed, ask=ask)

    def started(self, worker: int, task: _Trial) -> None:  # noqa: ARG002
        """Tell of a trial that has begun."""
        self._refresh()
        trial, counted = task[0], task[0].attributes
        epochs = self.study.training.epochs
        self.listen(TrialStarted(trial.number, counted["arch"], counted["params"], counted["flops"], epochs))

    def _new(self) -> _Trial | None:
        """A new network; None if the space has no other, or the one drawn could not be trained."""
        self._refresh()
        if self._failing():
            last = self._records[-1]
            raise SearchError(f"{LIMIT_FAILED_TRIALS} trials in a row failed, the last with: {last.reason}")
        found = self.candidates.new(self._records, self._done)
        self._exhausted = found == "exhausted"
        return None if isinstance(found, str) else found

    # --- what the workers say -----------------------------------------------------------------------

    def epoch(self, worker: int, task: _Trial, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        """Record an epoch; let the pruner decide whether the trial goes on."""
        trial = task[0]
        assert accuracy is not None
        self.ledger.report(trial, epoch, accuracy)
        self.listen(EpochDone(trial.number, epoch, accuracy))
        if self.study.search.pruner.kind == "none" or epoch >= self.study.training.epochs:
            return True
        return not self.ledger.should_stop(trial)

    def done(self, worker: int, task: _Trial, result: Result) -> None:
        """Record a trained trial."""
        run = TrainingRun.record(result, seed=task[0].seed, recipe=self.study.training)
        attributes = training_attributes(run)
        if run.outcome == "diverged":
            attributes["reason"] = run.diverged
        elif run.outcome == "stopped_early":
            attributes["reason"] = self._why_stopped(run)
        self._finish(worker, task, run.outcome, attributes)

    def failed(self, worker: int, task: _Trial, reason: str) -> None:
        """Record a trial without a result."""
        self._finish(worker, task, "failed", {"reason": reason})

    def crashed(self, worker: int, task: _Trial, error: str) -> None:
        """Record a trial that an error of the program ended."""
        self._finish(worker, task, "failed", {"reason": f"an error of the program: {error}"})

    def _why_stopped(self, run: TrainingRun) -> str:
        pruner = self.study.search.pruner
        rule = "below the median" if pruner.kind == "median" else f"not among the best 1/{pruner.reduction}"
        return f"{100 * (run.accuracy or 0):.2f} % after epoch {run.epochs} of {self.study.training.epochs}: {rule}"

    def _finish(self, worker: int, task: _Trial, outcome: Outcome, attributes: Mapping[str, Any]) -> None:
        record = self.ledger.finish(task[0], outcome, **attributes, worker=f"{host()}/{worker}")
        if record is not None:
            self._done(record)

    def _done(self, record: Record) -> None:
        self._refresh()
        self.listen(TrialDone(record, self._best, self._trained))
        if self._is_target(record) and not self._reached:
            self._reached = True
            assert self.study.target is not None
            self.listen(TargetReached(record, self.study.target))

    # --- housekeeping -------------------------------------------------------------------------------

    def look_around(self, running: Mapping[int, _Trial]) -> None:
        """Say that this process lives, and see what others do."""
        now = time.monotonic()
        if now - self._beaten >= HEARTBEAT:
            self._beaten = now
            self.ledger.beat([trial.id for trial, _ in running.values()])
        if now - self._looked >= LOOK:
            self._looked = now
            self.ledger.recover()
            self._refresh()

    def _give_up(self, running: Mapping[int, _Trial], reason: str) -> None:
        """Put what is running here in line for the next start."""
        for trial, _ in running.values():
            self.ledger.interrupt(trial, reason)

    def _failing(self) -> bool:
        ended = [record for record in self._records if record.outcome in (*TRAINED, "failed")][-LIMIT_FAILED_TRIALS:]
        return len(ended) == LIMIT_FAILED_TRIALS and all(record.outcome == "failed" for record in ended)
