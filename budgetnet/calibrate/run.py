"""`calibrate`: how well a brief training ranks networks, measured by training some of them briefly and in full.

Every training has a worker of one thread to itself, as in a search, and is recorded when it ends. Networks are judged
on the validation images; the test images are not read.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from budgetnet.calibrate.events import (
    CalibrationEnded,
    CalibrationListener,
    CalibrationStarted,
)
from budgetnet.calibrate.plan import CalibrationPlan, CalibrationTask, check_header, draw_for_calibration, header_of
from budgetnet.calibrate.record import (
    CALIBRATION_FILE,
    CalibratedNetwork,
    CalibrationRun,
    Recorded,
    Writer,
    read_calibration,
)
from budgetnet.calibrate.trainings import CalibrationTrainings
from budgetnet.errors import RequestError
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.search.events import Packing, silent
from budgetnet.search.run import crew
from budgetnet.text import command_text
from budgetnet.training.data.load import load_dataset
from budgetnet.training.device import choose_device
from budgetnet.workers.interruption import Interruption
from budgetnet.workers.loop import JobLoop
from budgetnet.workers.messages import Setup
from budgetnet.workers.pool import Pool

__all__ = ["Calibrated", "recorded_so_far", "run_calibration"]

Ending = Literal["complete", "minutes", "interrupted", "unfinished"]
"""minutes: the time was up. unfinished: read without training, while trainings are missing."""

_ENDINGS: dict[Ending, str] = {
    "complete": "all trainings are done",
    "minutes": "the time is up; start again to continue",
    "interrupted": "interrupted; start again to continue",
    "unfinished": "some trainings gave no result; start again to repeat them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """The part of a record that belongs to a plan."""

    study: Study
    plan: CalibrationPlan
    folder: Path
    networks: tuple[CalibratedNetwork, ...]
    runs: tuple[CalibrationRun, ...]
    """The plan's trainings that are done; others the record may hold are left out."""
    missing: int
    """The plan's trainings still to do."""
    ended: Ending


def run_calibration(
    study: Study,
    plan: CalibrationPlan,
    *,
    out: Path | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    listen: CalibrationListener = silent,
) -> Calibrated:
    """Train a plan's networks, or continue; return everything that is recorded for the plan.

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
    path = folder / CALIBRATION_FILE
    where = choose_device(device)
    space = space_of(study)
    count, devices = crew(workers or study.search.workers, where, torch.cuda.device_count())
    with Interruption() as asked, Writer.opened(path) as writer:
        recorded = read_calibration(path)
        if recorded.header is not None:
            check_header(recorded.header, study, plan, str(path))
        networks = draw_for_calibration(space, plan, recorded)
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
            prepare=lambda: load_dataset(study.dataset, progress=lambda done, total: listen(Packing(done, total))),
        )
        limit = math.inf if minutes is None else time.monotonic() + 60 * minutes
        trainings = CalibrationTrainings(todo, space=space, writer=writer, workers=count, listen=listen, late=late)
        try:
            JobLoop(pool, trainings, interrupted=lambda: asked.given).run()
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
    """Return what is recorded for a plan, without training anything; another process may be at work on it.

    Raises:
        RequestError: there is no record, or it was made with other settings.
        SearchError: it is damaged.
    """
    folder = study.run_folder(out)
    path = folder / CALIBRATION_FILE
    recorded = read_calibration(path)
    if recorded.header is None:
        raise RequestError(f"nothing is recorded in {path}; run first: {command_text('calibrate', study.path)}")
    check_header(recorded.header, study, plan, str(path))
    found = _calibrated(study, plan, folder, recorded, end="unfinished")
    brief = {run.schedule for run in recorded.runs if run.role == "brief"}
    if brief and not brief.intersection(plan.brief):
        raise RequestError(
            f"{path} must hold trainings of {_lengths(plan.brief)} epochs, but it holds those of {_lengths(brief)}; "
            f"add --epochs-brief {','.join(map(str, sorted(brief)))}"
        )
    return found


def _lengths(epochs: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(epochs)))


def _left(tasks: Sequence[CalibrationTask], runs: Sequence[CalibrationRun]) -> list[CalibrationTask]:
    """The tasks that no recorded training has done."""
    by_hash: dict[str, list[CalibrationRun]] = {}
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
