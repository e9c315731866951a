"""`calibrate`: how well a brief training ranks networks, measured by training some of them briefly and in full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from budgetnet.calibrate.campaign import Ending, left_to_train, recorded_of, run_campaign
from budgetnet.calibrate.events import CalibrationListener
from budgetnet.calibrate.plan import CalibrationPlan
from budgetnet.calibrate.record import CALIBRATION_FILE, CalibratedNetwork, CalibrationRun, Recorded
from budgetnet.errors import RequestError
from budgetnet.files.study import Study
from budgetnet.search.events import silent

__all__ = ["Calibrated", "recorded_so_far", "run_calibration"]


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

    Args:
        study: the study.
        plan: what to train (`budgetnet.calibrate.plan.plan_of`).
        out: the run folder; ``runs/NAME`` if None. The record is ``calibration.jsonl`` in it.
        workers: see `run_campaign`, as for what follows.
        minutes: start no further training after this time.
        device: ``auto``, ``cpu``, ``cuda`` …
        listen: receives every event.

    Raises:
        RequestError, SearchError, DataError: as `run_campaign` says.
    """
    folder = study.run_folder(out)
    recorded, ended = run_campaign(
        study, plan, folder / CALIBRATION_FILE, workers=workers, minutes=minutes, device=device, listen=listen
    )
    return _calibrated(study, plan, folder, recorded, ended=ended)


def recorded_so_far(study: Study, plan: CalibrationPlan, *, out: Path | None = None) -> Calibrated:
    """Return what is recorded for a plan, without training anything; another process may be at work on it.

    Raises:
        RequestError: there is no record, or it was made with other settings.
        SearchError: it is damaged.
    """
    folder = study.run_folder(out)
    path = folder / CALIBRATION_FILE
    recorded = recorded_of(study, plan, path, command="calibrate")
    found = _calibrated(study, plan, folder, recorded, ended="unfinished")
    brief = {run.schedule for run in recorded.runs if run.role == "brief"}
    if brief and not brief.intersection(plan.brief):
        raise RequestError(
            f"{path} must hold trainings of {_lengths(plan.brief)} epochs, but it holds those of {_lengths(brief)}; "
            f"add --epochs-brief {','.join(map(str, sorted(brief)))}"
        )
    return found


def _lengths(epochs: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(epochs)))


def _calibrated(study: Study, plan: CalibrationPlan, folder: Path, recorded: Recorded, *, ended: Ending) -> Calibrated:
    networks = recorded.networks[: plan.networks]
    tasks = plan.tasks(networks)
    done = [run for run in recorded.runs if any(task.is_done_by(run) for task in tasks)]
    missing = len(left_to_train(tasks, recorded.runs))
    return Calibrated(
        study=study,
        plan=plan,
        folder=folder,
        networks=networks,
        runs=tuple(done),
        missing=missing,
        ended=ended if missing else "complete",
    )
