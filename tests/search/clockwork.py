"""Workers on a pretended clock: trainings take as long as a machine says, and searches of hours take seconds."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.text import network_text
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.director import Director
from budgetnet.search.events import PlannedInTime, SearchEvent
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.finalists import FinalRound
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.search.study_model import StudyModel
from budgetnet.search.time_budget import TimeBudget
from budgetnet.workers.messages import Done, EpochReport, Job, Message, Result
from tests.search.helpers import open_ledger

__all__ = ["Clockwork", "Machine", "TimedSearch", "timed_search"]


@dataclass(frozen=True, kw_only=True)
class Machine:
    """How long an epoch takes."""

    seconds: float = 1.0
    """Of an epoch of a network of the budget's FLOPs."""
    least: float = 0.3
    """Share of that for a network without any."""
    startup: float = 3.0
    """Seconds of each worker before its first epoch."""
    tail: float = 0.5
    """Epochs that a training takes at its end, for evaluation."""
    noise: float = 0.1
    """Deviation of the logarithm of each epoch's time."""
    slowdown: Callable[[float], float] = lambda _: 1.0
    """Factor of an epoch's time that begins at a time."""


@dataclass
class Clockwork:
    """See `budgetnet.workers.messages.Workers`; calling it gives the time."""

    study: Study
    machine: Machine
    count: int = 1
    now: float = 0.0
    _ahead: list[tuple[float, int, Message]] = field(default_factory=list)
    _busy: set[int] = field(default_factory=set)
    _started: set[int] = field(default_factory=set)
    _numbers: int = 0

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.now

    @property
    def idle(self) -> list[int]:
        """The workers without a job."""
        return [worker for worker in range(self.count) if worker not in self._busy]

    def start(self) -> None:
        """Nothing is to be started."""

    def stop(self) -> None:
        """Nothing is to be stopped."""

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Nobody asks."""

    def submit(self, worker: int, job: Job) -> None:
        """Work out when each epoch of a job will end."""
        self._busy.add(worker)
        machine, rng = self.machine, random.Random(f"{job.seed}:{job.final}")
        space = space_of(self.study)
        flops = cost(job.network, space.input_shape).flops / (self.study.budget.flops or 1)
        pace = machine.seconds * (machine.least + (1 - machine.least) * flops)
        pace /= 1 - self.study.validation if job.final else 1.0
        begun = at = self.now + (0.0 if worker in self._started else machine.startup)
        self._started.add(worker)
        epochs = job.recipe.epochs
        for epoch in range(1, epochs + 1):
            at += pace * machine.slowdown(at) * math.exp(rng.gauss(0, machine.noise))
            self._push(at, EpochReport(worker, epoch, self._accuracy(job, epoch)))
        at += machine.tail * pace * machine.slowdown(at)
        accuracies = tuple(self._accuracy(job, epoch) for epoch in range(1, epochs + 1))
        known = {"test_accuracy": accuracies[-1]} if job.final else {"validation_accuracies": accuracies}
        self._push(at, Done(worker, Result(epochs=epochs, seconds=at - begun, **known)))

    def wait(self, timeout: float) -> list[Message]:
        """Go on to what happens next, or to the end of the timeout."""
        if not self._ahead or self._ahead[0][0] > self.now + timeout:
            self.now += timeout
            return []
        self.now, _, message = heapq.heappop(self._ahead)
        if isinstance(message, Done):
            self._busy.discard(message.worker)
        return [message]

    def _push(self, at: float, message: Message) -> None:
        self._numbers += 1
        heapq.heappush(self._ahead, (at, self._numbers, message))

    def _accuracy(self, job: Job, epoch: int) -> float:
        worth = 0.5 + 0.2 * random.Random(network_text(job.network)).random() + 0.2 * (1 - 1 / (1 + epoch))
        return worth + random.Random(f"{job.seed}:{epoch}").gauss(0, 0.01)


@dataclass(frozen=True, kw_only=True)
class TimedSearch:
    """Outcome of a search in time."""

    seconds: float
    """When everything was done."""
    plans: tuple[PlannedInTime, ...]
    """Told on the way."""
    events: tuple[SearchEvent, ...]


def timed_search(study: Study, folder: Path, machine: Machine, *, workers: int) -> TimedSearch:
    """Run a study with `minutes` to its end."""
    assert study.search.minutes is not None
    space = space_of(study)
    ledger = open_ledger(study, folder)
    pool = Clockwork(study, machine, workers)
    events: list[SearchEvent] = []
    runs = FullRuns(study, space, ledger.storage, folder, workers=workers)
    model = StudyModel(study, space)
    clock = TimeBudget(study, study.search.minutes, workers, pool)
    directed = study.search.sampler == "model"
    SearchLoop(
        study=study,
        ledger=ledger,
        candidates=CandidateSource(space, ledger, make_sampler(study, space), study.search.seed),
        pool=pool,
        listen=events.append,
        stopped=lambda: False,
        director=Director(study, model, runs, time=clock) if directed else None,
        time=clock,
    ).run()
    FinalRound(study, ledger, runs, Contest(study, model), pool, events.append, lambda: False, clock).run()
    plans = tuple(event for event in events if isinstance(event, PlannedInTime))
    return TimedSearch(seconds=pool.now, plans=plans, events=tuple(events))
