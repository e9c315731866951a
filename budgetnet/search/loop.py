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
from budgetnet.records.trial import TRAINED, Outcome, Record
from budgetnet.search.candidates import Intake
from budgetnet.search.events import (
    EndReason,
    EpochDone,
    Listener,
    SearchEnded,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
)
from budgetnet.workers.messages import Broken, Bug, Done, Failed, Job, Lost, Message, Progress, Workers

__all__ = ["Campaign"]

TICK = 0.5
"""Seconds between two looks at clock, signals and other processes while nothing is heard from the workers."""
LOOK = 5.0
"""Seconds between two looks for trials of other processes."""
LIMIT_FAILURES = 10
"""Failed trials in a row after which something other than the networks must be wrong."""


@dataclass
class Campaign:
    """One process's part in a search; its fields are what it works with."""

    study: Study
    ledger: Ledger
    intake: Intake
    pool: Workers
    listen: Listener
    stopped: Callable[[], bool]
    """Whether a clean end was asked for."""
    stop_at_target: bool = False
    last: bool = True
    """Whether to stay until no other process trains for this study any more."""

    def __post_init__(self) -> None:
        self._running: dict[int, Running] = {}
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
        try:
            if self._end() is None:
                self.pool.start()  # workers load their libraries while the first network is proposed
            while True:
                reason = self._end()
                if reason == "interrupted":
                    self._give_up("the search was interrupted")
                    break
                if reason is None:
                    self._fill()
                elif not self._running and not self._must_wait(reason):
                    break
                for message in self.pool.wait(TICK):
                    self._handle(message)
                self._look_around()
        except Exception as error:
            with suppress(optuna.exceptions.OptunaError, SQLAlchemyError):  # the database may be what failed
                self._give_up(f"the search ended with an error: {str(error).splitlines()[0]}")
            raise
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

    def _must_wait(self, reason: EndReason) -> bool:
        """Whether other processes still train what this study needs to be complete."""
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

    def _fill(self) -> None:
        """Give every idle worker a network, first those that were interrupted."""
        for worker in self.pool.idle:
            if self._end() is not None:
                return
            found = self.intake.repeat() or self._next()
            if found is None:
                return  # exhausted, or the candidate could not be trained: the next round sees
            trial, network = found
            recipe = self.study.training
            self._running[worker] = trial
            self._refresh()
            ask = self.study.search.pruner.kind != "none"
            self.pool.submit(worker, Job(network=network, recipe=recipe, seed=trial.seed, ask=ask))
            counted = trial.attributes
            self.listen(TrialStarted(trial.number, counted["arch"], counted["params"], counted["flops"], recipe.epochs))

    def _next(self) -> tuple[Running, Node] | None:
        """A new network; None if the space has no other."""
        self._refresh()
        if self._failing():
            last = self._records[-1]
            raise SearchError(f"{LIMIT_FAILURES} trials in a row failed, the last with: {last.reason}")
        found = self.intake.new(self._records, self._done)
        self._exhausted = found == "exhausted"
        return None if isinstance(found, str) else found

    # --- what the workers say -----------------------------------------------------------------------

    def _handle(self, message: Message) -> None:
        match message:
            case Progress(worker, epoch, accuracy):
                self._epoch(worker, epoch, accuracy)
            case Done(worker, result):
                curve = list(result.curve)
                attributes = {
                    "curve": curve,
                    "epochs": result.epochs,
                    "seconds": round(result.seconds, 3),
                    "worker": f"{host()}/{worker}",
                    "training": result.conditions(self.study.training),
                }
                if curve:
                    attributes["accuracy"] = curve[-1]
                outcome: Outcome = "completed"
                if result.diverged is not None:
                    outcome, attributes["reason"] = "diverged", result.diverged
                elif result.stopped:
                    outcome, attributes["reason"] = "stopped_early", self._why_stopped(result.epochs, curve)
                self._finish(worker, outcome, attributes)
            case Failed(worker, reason) | Lost(worker, reason):
                if worker in self._running:
                    self._finish(worker, "failed", {"reason": reason, "worker": f"{host()}/{worker}"})
            case Bug(worker, traceback):
                if worker in self._running:
                    last = traceback.strip().splitlines()[-1]
                    self._finish(worker, "failed", {"reason": f"an error of the program: {last}"})
                raise RuntimeError(f"a worker met an error of the program:\n{traceback}")
            case Broken(_, error):
                raise error

    def _epoch(self, worker: int, epoch: int, accuracy: float | None) -> None:
        trial = self._running[worker]
        assert accuracy is not None
        self.ledger.report(trial, epoch, accuracy)
        if self.study.search.pruner.kind != "none":
            last = epoch >= self.study.training.epochs
            self.pool.answer(worker, go_on=last or not self.ledger.should_stop(trial))
        self.listen(EpochDone(trial.number, epoch, accuracy))

    def _why_stopped(self, epochs: int, curve: list[float]) -> str:
        pruner = self.study.search.pruner
        rule = "below the median" if pruner.kind == "median" else f"not among the best 1/{pruner.reduction}"
        return f"{100 * curve[-1]:.2f} % after epoch {epochs} of {self.study.training.epochs}: {rule}"

    def _finish(self, worker: int, outcome: Outcome, attributes: Mapping[str, Any]) -> None:
        record = self.ledger.finish(self._running.pop(worker), outcome, **attributes)
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

    def _look_around(self) -> None:
        now = time.monotonic()
        if now - self._beaten >= HEARTBEAT:
            self._beaten = now
            self.ledger.beat([trial.id for trial in self._running.values()])
        if now - self._looked >= LOOK:
            self._looked = now
            self.ledger.recover()
            self._refresh()

    def _give_up(self, reason: str) -> None:
        """Put what is running here in line for the next start."""
        for trial in self._running.values():
            self.ledger.interrupt(trial, reason)
        self._running.clear()

    def _failing(self) -> bool:
        ended = [record for record in self._records if record.outcome in (*TRAINED, "failed")][-LIMIT_FAILURES:]
        return len(ended) == LIMIT_FAILURES and all(record.outcome == "failed" for record in ended)
