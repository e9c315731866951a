"""`calibrate`: how well a brief training ranks networks, measured by training some of them briefly and in full.

Every training has a worker of one thread to itself, as in a search, and is recorded when it ends. Networks are judged
on the validation images; the test images are not read.
"""

from __future__ import annotations

import datetime
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from budgetnet.calibrate.events import (
    CalibrationEnded,
    CalibrationListener,
    CalibrationStarted,
    RunDone,
    RunEpoch,
    RunFailed,
    RunStarted,
)
from budgetnet.calibrate.plan import CalibrationPlan, Task, check_header, draw_networks, header_of
from budgetnet.calibrate.record import FILE, Network, Recorded, Run, Writer, read_calibration
from budgetnet.errors import SearchError
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.nodes import Node
from budgetnet.search.events import Packing
from budgetnet.search.propose import unanswered
from budgetnet.search.run import crew
from budgetnet.space.choosers import replay
from budgetnet.space.space import Space
from budgetnet.training.data.load import load
from budgetnet.training.device import choose_device
from budgetnet.workers.environment import environment
from budgetnet.workers.interruption import Interruption
from budgetnet.workers.messages import Broken, Bug, Done, Failed, Job, Lost, Message, Progress, Result, Setup, Workers
from budgetnet.workers.pool import Pool

__all__ = ["Calibrated", "calibrate", "recorded_so_far"]

TICK = 0.5
"""Seconds between two looks at clock and signals while nothing is heard from the workers."""
LIMIT_FAILURES = 5
"""Trainings in a row without a result after which something other than the networks must be wrong."""

Ending = Literal["complete", "minutes", "interrupted", "unfinished"]
"""minutes: the time was up. unfinished: looked at without training, while trainings are missing."""

_ENDINGS: dict[Ending, str] = {
    "complete": "all trainings are done",
    "minutes": "the time is up; start again to go on",
    "interrupted": "interrupted; start again to go on",
    "unfinished": "some trainings gave no result; start again to try them once more",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """What a record holds of a plan."""

    study: Study
    plan: CalibrationPlan
    folder: Path
    networks: tuple[Network, ...]
    runs: tuple[Run, ...]
    """The plan's trainings that are done; others the record may hold are left out."""
    missing: int
    """The plan's trainings still to do."""
    ended: Ending


def calibrate(
    study: Study,
    plan: CalibrationPlan,
    *,
    out: Path | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    listen: CalibrationListener,
) -> Calibrated:
    """Train a plan's networks, or go on with it; return all that is recorded of it.

    Ctrl-C (or SIGTERM) ends it cleanly, and even a kill loses only the trainings that run.

    Args:
        study: the study.
        plan: what to train (`budgetnet.calibrate.plan.plan_of`).
        out: the run folder; ``runs/NAME`` if None. The record is ``calibration.jsonl`` in it.
        workers: processes that train at once, with one thread each; see `budgetnet.search.run.crew`.
        minutes: start no further training after this time.
        device: ``auto``, ``cpu``, ``cuda`` …
        listen: told everything that happens.

    Raises:
        RequestError: the record was made with other settings, or there is no such device.
        SearchError: the record cannot be written, too few networks fit, or trainings keep failing.
        DataError: the data set is missing or damaged.
    """
    folder = study.run_folder(out)
    path = folder / FILE
    where = choose_device(device)
    space = space_of(study)
    count, devices = crew(workers or study.search.workers, where, torch.cuda.device_count())
    with Interruption() as asked, Writer.opened(path) as writer:
        recorded = read_calibration(path)
        if recorded.header is not None:
            check_header(recorded.header, study, plan, str(path))
        networks = draw_networks(space, plan, recorded)
        new = networks[len(recorded.networks) :]
        if recorded.header is None:
            writer.write(header_of(study, plan), *new)
        elif new:
            writer.write(*new)
        tasks = plan.tasks(networks)
        todo = _left(tasks, recorded.runs)
        listen(
            CalibrationStarted(
                study=study.name,
                folder=str(folder),
                networks=len(networks),
                runs=len(tasks),
                done=len(tasks) - len(todo),
                work=sum(task.work for task in todo),
                workers=count,
            )
        )
        setup = Setup(
            dataset=study.dataset,
            validation=study.validation,
            seed=study.search.seed,
            device=device,
            plugins=study.plugins.files,
        )

        def late() -> bool:
            return time.monotonic() >= limit

        pool = Pool(
            setup,
            max(1, min(count, len(todo))),
            devices=devices,
            prepare=lambda: load(study.dataset, progress=lambda done, total: listen(Packing(done, total))),
        )
        limit = math.inf if minutes is None else time.monotonic() + 60 * minutes
        trainings = Trainings(
            space=space,
            writer=writer,
            pool=pool,
            workers=count,
            listen=listen,
            stopped=lambda: asked.given,
            late=late,
        )
        try:
            trainings.through(todo)
        finally:
            pool.stop()
        found = _calibrated(
            study,
            plan,
            folder,
            read_calibration(path),
            end="interrupted" if asked.given else "minutes" if late() else "unfinished",
        )
    listen(CalibrationEnded(_ENDINGS[found.ended], found.missing))
    return found


def recorded_so_far(study: Study, plan: CalibrationPlan, *, out: Path | None = None) -> Calibrated:
    """Return what is recorded of a plan, without training anything; another process may be at work on it.

    Raises:
        RequestError: the record was made with other settings.
        SearchError: there is no record, or it is damaged.
    """
    folder = study.run_folder(out)
    recorded = read_calibration(folder / FILE)
    if recorded.header is None:
        raise SearchError(f"nothing is recorded in {folder / FILE}; run budgetnet calibrate {study.path} first")
    check_header(recorded.header, study, plan, str(folder / FILE))
    return _calibrated(study, plan, folder, recorded, end="unfinished")


def _left(tasks: Sequence[Task], runs: Sequence[Run]) -> list[Task]:
    """The tasks that no recorded training has done."""
    by_hash: dict[str, list[Run]] = {}
    for run in runs:
        by_hash.setdefault(run.hash, []).append(run)
    return [task for task in tasks if not any(map(task.is_done_by, by_hash.get(task.network.hash, [])))]


def _calibrated(study: Study, plan: CalibrationPlan, folder: Path, recorded: Recorded, *, end: Ending) -> Calibrated:
    networks = recorded.networks[: plan.networks]
    tasks = plan.tasks(networks)
    done = [run for run in recorded.runs if any(task.is_done_by(run) for task in tasks)]
    missing = len(_left(tasks, recorded.runs))
    return Calibrated(
        study=study,
        plan=plan,
        folder=folder,
        networks=networks,
        runs=tuple(done),
        missing=missing,
        ended=end if missing else "complete",
    )


@dataclass
class Trainings:
    """The trainings of one call."""

    space: Space
    writer: Writer
    pool: Workers
    workers: int
    listen: CalibrationListener
    stopped: Callable[[], bool]
    """Whether a clean end was asked for."""
    late: Callable[[], bool]
    """Whether nothing further may be started."""

    def __post_init__(self) -> None:
        self._running: dict[int, Task] = {}
        self._failures = 0

    def through(self, todo: Sequence[Task]) -> None:
        """Train until all is done, the time is up, or a clean end is asked for.

        Raises:
            SearchError: trainings keep failing.
        """
        waiting = list(todo)
        while (waiting or self._running) and not self.stopped():
            if self.late():
                waiting.clear()
            for worker in self.pool.idle[: len(waiting)]:
                task = waiting.pop(0)
                job = Job(network=self._network(task), recipe=task.recipe, seed=task.seed)
                self._running[worker] = task
                self.pool.submit(worker, job)
                self.listen(RunStarted(worker, task.network, task.recipe.epochs))
            for message in self.pool.wait(TICK) if self._running else ():
                self._handle(message)

    def _network(self, task: Task) -> Node:
        """The network of a task, derived again as it was recorded.

        Raises:
            SearchError: it comes out as another one.
        """
        network = self.space.expand(replay(task.network.decisions, unanswered)).network
        if canonical_hash(network) != task.network.hash:
            raise SearchError(
                f"network {task.network.index} of the record cannot be derived again: this version of budgetnet reads "
                "the grammar in another way; choose another folder with --out to start anew"
            )
        return network

    def _handle(self, message: Message) -> None:
        match message:
            case Progress(worker, epoch, accuracy):
                self.listen(RunEpoch(worker, epoch, accuracy))
            case Done(worker, result):
                task = self._running.pop(worker)
                self._failures = 0
                run = self._run(task, result)
                self.writer.write(run)
                self.listen(RunDone(worker, run))
            case Failed(worker, reason) | Lost(worker, reason):
                if worker in self._running:
                    self._fail(worker, self._running.pop(worker), reason)
            case Bug(_, traceback):
                raise RuntimeError(f"a worker met an error of the program:\n{traceback}")
            case Broken(_, error):
                raise error

    def _fail(self, worker: int, task: Task, reason: str) -> None:
        self.listen(RunFailed(worker, task.network, task.recipe.epochs, reason))
        self._failures += 1
        if self._failures >= LIMIT_FAILURES:
            raise SearchError(f"{self._failures} trainings in a row gave no result, the last one: {reason}")

    def _run(self, task: Task, result: Result) -> Run:
        network = task.network
        return Run(
            index=network.index,
            hash=network.hash,
            arch=network.arch,
            network=network.network,
            params=network.params,
            flops=network.flops,
            role=task.role,
            repeat=task.repeat,
            schedule=task.recipe.epochs,
            epochs=result.epochs,
            seed=task.seed,
            train_losses=list(result.losses),
            train_accuracies=list(result.train_accuracies),
            validation_losses=list(result.validation_losses),
            validation_accuracies=list(result.curve),
            diverged=result.diverged,
            seconds=round(result.seconds, 3),
            images=result.images,
            device=result.device,
            precision=result.precision,
            threads=result.threads,
            workers=self.workers,
            recipe=task.recipe.to_mapping(),
            environment=environment(),
            finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )
