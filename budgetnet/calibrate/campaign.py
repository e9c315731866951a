"""One run of a campaign: draw its networks, train what its record lacks, keep each training as soon as it ends.

Every training has a worker of one thread to itself, as in a search. Networks are judged on the validation images; the
test images are not read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from budgetnet.calibrate.draw import draw_for_calibration
from budgetnet.calibrate.events import CalibrationEnded, CalibrationListener, CalibrationStarted
from budgetnet.calibrate.header import check_header, check_images, header_of
from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun, Recorded, Writer, read_calibration
from budgetnet.calibrate.tasks import CalibrationTask, CampaignPlan
from budgetnet.calibrate.trainings import CalibrationTrainings
from budgetnet.errors import RequestError
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.search.preparation.data import open_images
from budgetnet.search.run import crew
from budgetnet.text import command_text
from budgetnet.training.data.identity import DataIdentity
from budgetnet.training.device import choose_device
from budgetnet.workers.interruption import Interruption
from budgetnet.workers.loop import JobLoop
from budgetnet.workers.messages import Setup
from budgetnet.workers.pool import Pool

__all__ = ["ENDINGS", "Decided", "Ending", "everything", "left_to_train", "recorded_of", "run_campaign"]

Ending = Literal["complete", "minutes", "interrupted", "unfinished"]
"""minutes: the time was up. unfinished: read without training, while trainings are missing."""

ENDINGS: dict[Ending, str] = {
    "complete": "all trainings are done",
    "minutes": "the time is up; start again to continue",
    "interrupted": "interrupted; start again to continue",
    "unfinished": "some trainings gave no result; start again to repeat them",
}

Decided = Callable[[Sequence[CalibratedNetwork], Sequence[CalibrationRun]], frozenset[str]]
"""Tells from a record's networks and trainings which roles need no further training."""


def everything(networks: Sequence[CalibratedNetwork], runs: Sequence[CalibrationRun]) -> frozenset[str]:  # noqa: ARG001
    """Decide nothing early: every training of the plan is done."""
    return frozenset()


@dataclass(frozen=True, slots=True)
class _Clock:
    """The end of the time that a campaign has."""

    limit: float

    def late(self) -> bool:
        return time.monotonic() >= self.limit


def run_campaign(
    study: Study,
    plan: CampaignPlan,
    path: Path,
    *,
    decided: Decided = everything,
    workers: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    listen: CalibrationListener,
) -> tuple[Recorded, Ending]:
    """Train a plan's networks, or continue; return everything that is recorded, and why it ended.

    Ctrl-C (or SIGTERM) ends it cleanly, and even a kill loses only the trainings that run.

    Args:
        study: the study.
        plan: what to train.
        path: the record.
        decided: tells which roles need no further training.
        workers: processes that train at once, with one thread each; see `budgetnet.search.run.crew`.
        minutes: start no further training after this time.
        device: ``auto``, ``cpu``, ``cuda`` …
        listen: receives every event.

    Raises:
        RequestError: the record was made with other settings, or there is no such device.
        StudyError: the images are not those of the record.
        SearchError: the record cannot be written, too few networks fit, or trainings keep failing.
        DataError: the data set is missing or damaged.
    """
    where = choose_device(device)
    space = space_of(study)
    count, devices = crew(workers or study.search.workers, where, torch.cuda.device_count())
    with Interruption() as asked, Writer.opened(path) as writer:
        recorded = read_calibration(path)
        if recorded.header is not None:
            check_header(recorded.header, study, plan, str(path))
        networks = draw_for_calibration(space, plan, recorded)
        new = networks[len(recorded.networks) :]
        identity: DataIdentity | None = None
        if recorded.header is None:
            identity = open_images(study, listen)
            writer.write(header_of(study, plan, identity), *new)
        elif new:
            writer.write(*new)
        tasks = plan.tasks(networks)
        todo = left_to_train(tasks, recorded.runs, decided(networks, recorded.runs))
        listen(
            CalibrationStarted(
                campaign=plan.campaign,
                study=study.name,
                folder=str(path.parent),
                networks=len(networks),
                runs=len(tasks),
                done=len(tasks) - len(todo),
                work=sum(task.work for task in todo),
                workers=count,
            )
        )
        if identity is None and todo:
            identity = open_images(study, listen)
            assert recorded.header is not None
            check_images(recorded.header, identity, str(path))
        setup = Setup.of(study, device=device, digests=None if identity is None else identity.digests)
        pool = Pool(setup, max(1, min(count, len(todo))), devices=devices)
        clock = _Clock(math.inf if minutes is None else time.monotonic() + 60 * minutes)
        trainings = CalibrationTrainings(
            todo,
            space=space,
            writer=writer,
            workers=count,
            listen=listen,
            late=clock.late,
            decided=lambda runs: decided(networks, (*recorded.runs, *runs)),
        )
        try:
            JobLoop(pool, trainings, interrupted=lambda: asked.given).run()
        finally:
            pool.stop()
        recorded = read_calibration(path)
        left = left_to_train(tasks, recorded.runs, decided(networks, recorded.runs))
        ended: Ending = "interrupted" if asked.given else "minutes" if clock.late() else "unfinished"
    ended = ended if left else "complete"
    listen(CalibrationEnded(plan.campaign, ENDINGS[ended], len(left)))
    return recorded, ended


def recorded_of(study: Study, plan: CampaignPlan, path: Path, *, command: str) -> Recorded:
    """Return what is recorded of a plan, without training anything; another process may be at work on it.

    Args:
        study: the study.
        plan: the plan.
        path: the record.
        command: the command that makes the record.

    Raises:
        RequestError: there is no record, or it was made with other settings.
        SearchError: it is damaged.
    """
    recorded = read_calibration(path)
    if recorded.header is None:
        raise RequestError(f"nothing is recorded in {path}; run first: {command_text(command, study.path)}")
    check_header(recorded.header, study, plan, str(path))
    return recorded


def left_to_train(
    tasks: Sequence[CalibrationTask], runs: Sequence[CalibrationRun], decided: frozenset[str] = frozenset()
) -> list[CalibrationTask]:
    """Return the tasks that no recorded training has done, without those of decided roles."""
    by_hash: dict[str, list[CalibrationRun]] = {}
    for run in runs:
        by_hash.setdefault(run.hash, []).append(run)
    return [
        task
        for task in tasks
        if task.role not in decided and not any(map(task.is_done_by, by_hash.get(task.network.hash, [])))
    ]
