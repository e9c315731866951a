"""The loop over a pool of workers: hand out jobs, wait, pass on what the workers say, check for interruptions.

Everything that trains goes through it: trials of a search, finalists, calibrations, full trainings and repetitions of a
trial. They differ in where jobs come from and where results go, which is what `Work` asks for.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from budgetnet.workers.messages import (
    Broken,
    Bug,
    Done,
    EpochMeasures,
    EpochReport,
    Failed,
    Job,
    Lost,
    Message,
    Result,
    Workers,
)

__all__ = ["TICK", "TRIES", "JobLoop", "TaskList", "Work"]

TICK = 0.5
"""Seconds between two looks at clock, signals and other processes while nothing is heard from the workers."""
TRIES = 3
"""Attempts at a task whose worker dies (killed, out of memory) before it counts as failed."""

_Task = TypeVar("_Task")
"""Key by which those who hand out a job know it: a trial, a seed, a finalist's run …"""


class Work(ABC, Generic[_Task]):
    """Source of a loop's jobs, and destination of their results."""

    @abstractmethod
    def next(self) -> _Task | None:
        """Return the task to start next on an idle worker, or None if there is none now."""

    @abstractmethod
    def job(self, task: _Task) -> Job:
        """Return what a worker has to do for a task."""

    @abstractmethod
    def done(self, worker: int, task: _Task, result: Result) -> None:
        """Take the result of a task."""

    @abstractmethod
    def failed(self, worker: int, task: _Task, reason: str) -> None:
        """Take note that a task gave no result: an expected failure, or its worker died `TRIES` times."""

    def started(self, worker: int, task: _Task) -> None:
        """Take note that a worker has begun with a task."""

    def lost(self, worker: int, task: _Task, reason: str, tries: int) -> None:
        """Take note that a task's worker died, for the *tries*-th time, and that the task is tried again."""

    def epoch(self, worker: int, task: _Task, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        """Take note of an epoch, counted from 1; return whether to go on, which counts for jobs that ask."""
        return True

    def measured(self, worker: int, task: _Task, epoch: int, measures: EpochMeasures) -> None:
        """Take note of everything that was measured in an epoch, before `epoch` is called."""

    def crashed(self, worker: int, task: _Task, error: str) -> None:
        """Take note that an error of the program ended a task, before it is raised; *error* is its last line."""

    def look_around(self, running: Mapping[int, _Task]) -> None:
        """Do the housekeeping of every round; *running* has the task of each busy worker."""

    def expects_more(self) -> bool:
        """Return whether there may be another task later, although none runs and none could be started."""
        return False


class TaskList(Work[_Task]):
    """Work that is known from the start: a list of tasks, started in its order."""

    def __init__(self, tasks: Iterable[_Task]) -> None:
        self.waiting = list(tasks)
        """Tasks not started yet."""

    def next(self) -> _Task | None:
        """Return the first of the tasks that wait."""
        return self.waiting.pop(0) if self.waiting else None


@dataclass
class JobLoop(Generic[_Task]):
    """Keeps a pool of workers busy until the work is done or a clean end is asked for."""

    pool: Workers
    work: Work[_Task]
    interrupted: Callable[[], bool] = lambda: False
    """Tells whether a clean end was asked for."""
    grace: float = 0.0
    """Seconds that running tasks have to finish after a clean end was asked for."""
    running: dict[int, _Task] = field(default_factory=dict)
    """The task of each busy worker."""
    _jobs: dict[int, Job] = field(default_factory=dict)
    _deaths: dict[int, int] = field(default_factory=dict)
    """By worker: how many workers have died of its task."""
    _again: list[tuple[_Task, int]] = field(default_factory=list)
    """Tasks to be tried again, with the number of workers that have died of them."""

    def run(self) -> None:
        """Go on until nothing runs and nothing further is expected, or a clean end is asked for.

        Raises:
            BudgetnetError: the workers cannot work, or the work itself raised it.
            RuntimeError: a worker met an error of the program.
        """
        while not self.interrupted():
            self._hand_out()
            if not self.running and not self._again and not self.work.expects_more():
                return
            for message in self.pool.wait(TICK):
                self._handle(message)
            self.work.look_around(self.running)
        end = time.monotonic() + self.grace
        while self.running and time.monotonic() < end:
            for message in self.pool.wait(TICK):
                self._handle(message)
            self.work.look_around(self.running)

    @property
    def cut_off(self) -> list[_Task]:
        """The tasks that have been started and are not finished."""
        return [*self.running.values(), *(task for task, _ in self._again)]

    def _hand_out(self) -> None:
        for worker in self.pool.idle:
            task, deaths = self._again.pop(0) if self._again else (self.work.next(), 0)
            if task is None:
                return
            self.running[worker] = task  # before anything can go wrong, so that it is among what was cut off
            self._deaths[worker] = deaths
            self._jobs[worker] = self.work.job(task)
            self.pool.submit(worker, self._jobs[worker])
            if not deaths:
                self.work.started(worker, task)

    def _handle(self, message: Message) -> None:
        match message:
            case Broken(_, error):
                raise error
            case Bug(worker, traceback):
                if worker in self.running:
                    self.work.crashed(worker, self.running.pop(worker), traceback.strip().splitlines()[-1])
                raise RuntimeError(f"a worker met an error of the program:\n{traceback}")
            case EpochReport(worker, epoch, accuracy, measures):
                if measures is not None:
                    self.work.measured(worker, self.running[worker], epoch, measures)
                go_on = self.work.epoch(worker, self.running[worker], epoch, accuracy)
                if self._jobs[worker].ask:
                    self.pool.answer(worker, go_on=go_on)
            case Done(worker, result):
                self.work.done(worker, self.running.pop(worker), result)
            case Failed(worker, reason):
                if worker in self.running:
                    self.work.failed(worker, self.running.pop(worker), reason)
            case Lost(worker, reason):
                if worker in self.running:
                    self._bury(worker, reason)

    def _bury(self, worker: int, reason: str) -> None:
        """Queue the task of a dead worker again, or give it up."""
        task, tries = self.running.pop(worker), self._deaths[worker] + 1
        if tries < TRIES:
            self._again.append((task, tries))
            self.work.lost(worker, task, reason, tries)
        else:
            self.work.failed(worker, task, f"{reason}, {tries} times")
