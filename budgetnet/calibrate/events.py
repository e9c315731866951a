"""What happens during a calibration, as frozen values, and how it is shown. Both ways go to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from budgetnet.calibrate.record import Network, Run
from budgetnet.cli.progress.tally import count_text, duration_text
from budgetnet.search.events import Packing

__all__ = [
    "CalibrationEnded",
    "CalibrationEvent",
    "CalibrationListener",
    "CalibrationProgress",
    "CalibrationStarted",
    "RunDone",
    "RunEpoch",
    "RunFailed",
    "RunStarted",
    "calibration_line",
    "show_calibration",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationStarted:
    """The record is open, the networks are drawn."""

    study: str
    folder: str
    networks: int
    runs: int
    """Trainings in all."""
    done: int
    """Trainings that the record holds already."""
    work: int
    """Epochs times FLOPs of the trainings still to do."""
    workers: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A network went to a worker."""

    worker: int
    network: Network
    schedule: int


@dataclass(frozen=True, slots=True)
class RunEpoch:
    """An epoch is over."""

    worker: int
    epoch: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class RunDone:
    """A training is recorded."""

    worker: int
    run: Run


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A training gave no result; the next start tries it again."""

    worker: int
    network: Network
    schedule: int
    reason: str


@dataclass(frozen=True, slots=True)
class CalibrationEnded:
    """No further training will start."""

    why: str
    missing: int
    """Trainings still to do."""


CalibrationEvent = CalibrationStarted | RunStarted | RunEpoch | RunDone | RunFailed | CalibrationEnded | Packing

CalibrationListener = Callable[[CalibrationEvent], None]


@dataclass
class CalibrationProgress:
    """The state of a progress view."""

    clock: Callable[[], float] = time.monotonic
    study: str = ""
    runs: int = 0
    done: int = 0
    work: int = 0
    worked: int = 0
    begin: float = 0.0
    running: dict[int, str] = field(default_factory=dict)
    status: dict[int, str] = field(default_factory=dict)
    schedules: dict[int, int] = field(default_factory=dict)
    packing: tuple[int, int] | None = None

    def __call__(self, event: CalibrationEvent) -> None:
        """Take an event in."""
        match event:
            case CalibrationStarted():
                self.study, self.runs, self.done = event.study, event.runs, event.done
                self.work, self.begin = event.work, self.clock()
            case RunStarted(worker, network, schedule):
                self.running[worker] = f"{count_text(network.params)} parameters: {network.arch}"
                self.status[worker], self.schedules[worker] = "starting", schedule
            case RunEpoch(worker, epoch, accuracy):
                score = "" if accuracy is None else f" {100 * accuracy:.2f} %"
                self.status[worker] = f"epoch {epoch}/{self.schedules.get(worker, '?')}{score}"
            case RunDone(worker, run):
                self.done += 1
                self.worked += run.schedule * run.flops
                self.running.pop(worker, None)
            case RunFailed(worker):
                self.running.pop(worker, None)
            case CalibrationEnded():
                self.running.clear()
            case Packing(done, total):
                self.packing = (done, total) if done < total else None

    @property
    def elapsed(self) -> float:
        """Seconds since this process began to train."""
        return self.clock() - self.begin if self.begin else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until all is trained, at the pace so far (epochs times FLOPs); None before the first training."""
        return self.elapsed / self.worked * max(0, self.work - self.worked) if self.worked else None

    def render(self) -> Group:
        """Return the live view."""
        facts = Table.grid(padding=(0, 2), expand=True)
        facts.add_column(style="dim", no_wrap=True, width=max(12, min(len(self.study), 24)))
        facts.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        left = f", about {duration_text(self.left)} left" if self.left else ""
        facts.add_row(self.study, f"calibrating · {duration_text(self.elapsed)} elapsed{left}")
        for name, pair in (("images", self.packing), ("trainings", (self.done, self.runs))):
            if pair is not None:
                bar = Table.grid(padding=(0, 1))
                bar.add_row(ProgressBar(total=max(pair[1], 1), completed=pair[0], width=30), f"{pair[0]} of {pair[1]}")
                facts.add_row(name, bar)
        for worker, network in sorted(self.running.items()):
            facts.add_row(f"  {worker}", f"{self.status.get(worker, ''):<20} {network}")
        return Group(facts)


@contextmanager
def show_calibration(stream: TextIO | None = None) -> Iterator[CalibrationListener]:
    """Show a calibration on *stream* (stderr if None): live if it is a terminal, else a line per training."""
    stream = stream or sys.stderr
    state = CalibrationProgress()
    console = Console(file=stream)
    if not console.is_terminal:

        def write(event: CalibrationEvent) -> None:
            state(event)
            line = calibration_line(event, state)
            if line:
                print(line, file=stream, flush=True)

        yield write
        return
    with Live(console=console, refresh_per_second=4, get_renderable=state.render):

        def show(event: CalibrationEvent) -> None:
            state(event)
            if isinstance(event, RunFailed | CalibrationEnded) and (line := calibration_line(event, state)):
                console.print(line, highlight=False)

        yield show


def calibration_line(event: CalibrationEvent, state: CalibrationProgress) -> str | None:
    """Return one line about an event, or None for those that say too little."""
    match event:
        case CalibrationStarted():
            return (
                f"calibration of {event.study}: {event.networks} networks, {event.done} of {event.runs} trainings "
                f"done, {event.workers} workers; {event.folder}"
            )
        case RunStarted() | RunEpoch():
            return None
        case RunDone(_, run):
            score = "no result" if run.accuracy is None else f"{100 * run.accuracy:.2f} %"
            note = f" (given up: {run.diverged})" if run.diverged else ""
            left = f"; about {duration_text(state.left)} left" if state.left else ""
            return (
                f"[{state.done} of {state.runs}] network {run.index}, {count_text(run.params)} parameters, "
                f"{_epochs(run.schedule)}: {score} on validation images, {duration_text(run.seconds)}{note}{left}"
            )
        case RunFailed(_, network, schedule, reason):
            return f"network {network.index}, {_epochs(schedule)}: failed, {reason}"
        case CalibrationEnded(why, missing):
            return f"calibration ended: {why}" + (f"; {missing} trainings are missing" if missing else "")
        case Packing(done, total):
            return f"packing images, once: {done:,} of {total:,}"


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"
