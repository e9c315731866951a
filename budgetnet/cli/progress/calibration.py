"""Progress of a calibration or a comparison of recipes: trainings done, and the remaining time."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, TextIO

from rich.console import RenderableType

from budgetnet.calibrate.events import (
    CalibrationEnded,
    CalibrationEvent,
    CalibrationListener,
    CalibrationStarted,
    RolesDecided,
    RunDone,
    RunEpoch,
    RunFailed,
    RunStarted,
)
from budgetnet.cli.progress.view import View, bar, packing_line, show_progress
from budgetnet.search.events import DataDescribed, Packing
from budgetnet.text import counted, duration, short_count

__all__ = ["CalibrationProgress", "show_calibration"]


def show_calibration(stream: TextIO | None = None) -> AbstractContextManager[CalibrationListener]:
    """Show a calibration on *stream* (stderr if None): live if it is a terminal, else a line per training."""
    return show_progress(CalibrationProgress(), stream)


@dataclass
class CalibrationProgress(View[CalibrationEvent]):
    """The state of a calibration's view."""

    lasting: ClassVar[tuple[type[Any], ...]] = (RunFailed, RolesDecided, CalibrationEnded, DataDescribed)

    phase: str = "training"
    roles: bool = False
    """True where trainings differ by more than their length, so that each is named."""
    runs: int = 0
    done: int = 0
    work: int = 0
    """Epochs times FLOPs of what was to do when this process began."""
    worked: int = 0
    """The part of it that is done."""

    def __call__(self, event: CalibrationEvent) -> None:
        """Take an event in."""
        match event:
            case CalibrationStarted():
                self.study, self.runs, self.done = event.study, event.runs, event.done
                self.work, self.begin = event.work, self.clock()
                self.phase, self.roles = event.campaign, event.campaign != "calibration"
            case RunStarted(worker, network, schedule):
                self.starts(worker, network.arch, network.params, schedule)
            case RunEpoch(worker, epoch, accuracy):
                self.advances(worker, epoch, accuracy)
            case RunDone(worker, run):
                self.done += 1
                self.worked += run.schedule * run.flops
                self.running.pop(worker, None)
            case RunFailed(worker):
                self.running.pop(worker, None)
            case RolesDecided(_, work, runs):
                self.work -= work
                self.runs -= runs
            case CalibrationEnded():
                self.running.clear()
            case Packing(done, total):
                self.packs(done, total)

    @property
    def left(self) -> float | None:
        """Seconds until all is trained, at the pace so far (epochs times FLOPs); None before the first training."""
        return self.elapsed / self.worked * max(0, self.work - self.worked) if self.worked else None

    def rows(self) -> Iterable[tuple[str, RenderableType]]:
        """Return the bar of trainings."""
        yield "trainings", bar(self.done, self.runs)

    def line(self, event: CalibrationEvent) -> str | None:
        """Return one line about an event, or None for those that say too little."""
        match event:
            case CalibrationStarted():
                return (
                    f"{event.campaign} of {event.study}: {counted(event.networks, 'network')}, {event.done} of "
                    f"{counted(event.runs, 'training')} "
                    f"done, {counted(event.workers, 'worker')}; {event.folder}"
                )
            case RunStarted() | RunEpoch():
                return None
            case RunDone(_, run):
                score = "no result" if run.accuracy is None else f"{100 * run.accuracy:.2f} %"
                note = f" (given up: {run.diverged})" if run.diverged else ""
                recipe = f", {run.role}" if self.roles else ""
                left = f"; about {duration(self.left)} left" if self.left else ""
                return (
                    f"[{self.done} of {self.runs}] network {run.index}, {short_count(run.params)} parameters, "
                    f"{_epochs(run.schedule)}{recipe}: {score} on validation images, "
                    f"{duration(run.seconds)}{note}{left}"
                )
            case RunFailed(_, network, schedule, reason):
                return f"network {network.index}, {_epochs(schedule)}: failed, {reason}"
            case RolesDecided(names, _, runs):
                return f"decided: {', '.join(names)}; {counted(runs, 'training')} saved"
            case CalibrationEnded(campaign, why, missing):
                return f"{campaign} ended: {why}" + (f"; {counted(missing, 'training')} missing" if missing else "")
            case Packing(done, total):
                return packing_line(done, total)
            case DataDescribed(data):
                return "\n".join(data.lines)


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"
