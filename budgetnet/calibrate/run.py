"""`calibrate`: how well a brief training ranks networks, measured by training some of them briefly and in full."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace
from pathlib import Path

from budgetnet.calibrate.campaign import Ending, left_to_train, recorded_of, run_campaign
from budgetnet.calibrate.events import CalibrationListener
from budgetnet.calibrate.plan import LEAST, CalibrationPlan
from budgetnet.calibrate.record import CALIBRATION_FILE, CalibratedNetwork, CalibrationRun, Recorded
from budgetnet.errors import RequestError
from budgetnet.files.study import Study
from budgetnet.search.events import silent
from budgetnet.text import command_text

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
    fuller: str = ""
    """A command whose table takes in recorded trainings that this one leaves out; empty if there are none."""


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
        RequestError: there is no record, it was made with other settings, or it holds trainings that the plan leaves
            out, so that its table would replace a fuller one.
        SearchError: it is damaged.
    """
    folder = study.run_folder(out)
    path = folder / CALIBRATION_FILE
    recorded = recorded_of(study, plan, path, command="calibrate")
    found = _calibrated(study, plan, folder, recorded, ended="unfinished")
    if found.fuller:
        raise RequestError(
            f"a table must take in all that is recorded in {path}, but with {plan.options} it leaves trainings out; "
            f"run {found.fuller}"
        )
    return found


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
        fuller=_fuller(study, plan, folder, recorded),
    )


def _fuller(study: Study, plan: CalibrationPlan, folder: Path, recorded: Recorded) -> str:
    """Return the command that judges all that is recorded, if the plan does not.

    A record may hold several full lengths. A table is of one of them, so the others are not missed.
    """
    if not recorded.runs:
        return ""
    fulls = [run.schedule for run in recorded.runs if run.role == "full"]
    full = plan.full if plan.full in fulls or not fulls else statistics.mode(fulls)
    own = [run for run in recorded.runs if run.schedule == full or (run.role == "brief" and run.schedule < full)]
    brief = {run.schedule for run in own if run.role == "brief"}
    repeats = 1 + max((run.repeat for run in own), default=0)
    whole = replace(
        plan,
        networks=max(plan.networks, len(recorded.networks)),
        brief=tuple(sorted(brief | {epochs for epochs in plan.brief if epochs < full})),
        full=full,
        repeats=repeats,
    )
    if whole == plan:
        return ""
    exact = replace(whole, networks=max(LEAST, len(recorded.networks)), brief=tuple(sorted(brief)) or whole.brief)
    seed = [] if plan.seed == study.search.seed else ["--seed", plan.seed]
    place = [] if folder == study.run_folder() else ["--out", folder]
    return command_text("calibrate", study.path, *exact.options.split(), *seed, *place, "--only-table")
