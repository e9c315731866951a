"""What a viewer knows of a search: counts and bests, kept up to date by events."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from budgetnet.records.ranking import best
from budgetnet.records.trial import Record
from budgetnet.search.events import (
    EpochDone,
    Event,
    FinalistDone,
    FinalistsStarted,
    Packing,
    SearchEnded,
    SearchStarted,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
)

__all__ = ["Tally", "best_text", "count_text", "duration_text", "record_text"]


@dataclass
class Tally:
    """The state of a progress view."""

    clock: Callable[[], float] = time.monotonic
    study: str = ""
    trials: int = 0
    trained: int = 0
    before: int = 0
    """Networks that had been trained when this process began."""
    begin: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    """Draws that were not trained, by reason: recorded ones and those only counted."""
    running: dict[int, str] = field(default_factory=dict)
    """The network of each running trial, by number."""
    status: dict[int, str] = field(default_factory=dict)
    """How far it is."""
    epochs: dict[int, int] = field(default_factory=dict)
    """How many epochs its recipe has."""
    best: Record | None = None
    phase: str = "starting"
    packing: tuple[int, int] | None = None
    """Images packed and in all, while that goes on."""
    finals: int = 0
    finals_done: int = 0

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case SearchStarted():
                self.study, self.trials, self.begin = event.study, event.trials, self.clock()
                for record in event.records:
                    self._count(record)
                self.trained = self.before = sum(record.trained for record in event.records)
                self.best = best(event.records, event.goal, event.target)
                self.phase = "searching"
            case TrialStarted(number, arch, params, _, epochs):
                self.running[number] = f"{count_text(params)} parameters: {arch}"
                self.status[number] = "starting"
                self.epochs[number] = epochs
            case EpochDone(number, epoch, accuracy):
                score = "" if accuracy is None else f" {100 * accuracy:.2f} %"
                self.running.setdefault(number, "finalist")
                self.status[number] = f"epoch {epoch}/{self.epochs.get(number, '?')}{score}"
            case TrialDone(record, leader, trained):
                self._count(record)
                self.running.pop(record.number, None)
                self.best, self.trained = leader, trained
            case TargetReached():
                self.phase = "searching (target reached)"
            case Packing(done, total):
                self.packing = (done, total) if done < total else None
            case Waiting(number):
                self.phase = f"waiting for {number} trials of other processes"
            case SearchEnded(reason):
                self.running.clear()
                self.phase = f"search ended: {reason}"
            case FinalistsStarted(_, runs, epochs):
                self.finals, self.phase = runs, f"training the finalists, {epochs} epochs each"
                self.epochs = dict.fromkeys(event.trials, epochs)
            case FinalistDone(number, _, _):
                self.finals_done += 1
                self.running.pop(number, None)

    def _count(self, record: Record) -> None:
        if record.final:
            self.outcomes[record.outcome] += 1
        self.rejections.update(dict(record.rejected_before))
        if record.outcome == "over_budget":
            self.rejections.update(list(record.constraints) or ["over budget"])
        elif record.outcome == "duplicate":
            self.rejections["duplicate"] += 1

    @property
    def elapsed(self) -> float:
        """Seconds since this process began to search."""
        return self.clock() - self.begin if self.begin else 0.0

    @property
    def left(self) -> float | None:
        """Seconds until the number of trials is reached, at the pace so far; None before the first trial."""
        done = self.trained - self.before
        return self.elapsed / done * max(0, self.trials - self.trained) if done else None


def record_text(record: Record) -> str:
    """Return one line about a finished trial."""
    parts = [f"trial {record.number}: {record.outcome.replace('_', ' ')}"]
    if record.accuracy is not None:
        parts.append(f"{100 * record.accuracy:.2f} %")
    if record.params is not None and record.outcome != "over_budget":  # the reason says it
        parts.append(f"{record.params:,} parameters")
    if record.seconds is not None:
        parts.append(duration_text(record.seconds))
    if record.reason:
        parts.append(" ".join(record.reason.split()))
    if record.origin:
        parts.append(f"from {record.origin}")
    parts.append(record.arch)
    return ", ".join(parts)


def best_text(record: Record) -> str:
    """Return one line about the best trial."""
    assert record.accuracy is not None
    flops = f", {count_text(record.flops)} FLOPs" if record.flops is not None else ""
    return (
        f"{100 * record.accuracy:.2f} % on validation images, {record.params or 0:,} parameters{flops} "
        f"(trial {record.number}: {record.arch})"
    )


def count_text(value: float) -> str:
    """Return a count with a unit: ``213440`` is ``"213k"``."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= 0.9995 * limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def duration_text(seconds: float) -> str:
    """Return seconds as ``"4.1 s"``, ``"3 min 20 s"`` or ``"2 h 05 min"``."""
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
