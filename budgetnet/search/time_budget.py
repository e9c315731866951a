"""Time as a budget: what still fits into the minutes of a search, its finalists and the winner's training included.

The pace is measured while the search runs: seconds of an epoch, between two reports of one training at first, then
over all trainings that were completed here, separately for brief and full ones. From it follow the epochs that are
affordable, when the search has to leave room for its finalists, and when it will end.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

from budgetnet.files.study import Study
from budgetnet.search.events import PlannedInTime
from budgetnet.text import duration

__all__ = ["TimeBudget", "plan_in_time"]

LATEST = 20
"""Trainings of each kind that the pace is taken from: networks change as a search goes on."""


@dataclass
class _Running:
    begun: float
    epochs: int
    full: bool
    last: tuple[int, float] | None = None
    """The last epoch that was reported, and when."""


@dataclass
class TimeBudget:
    """The clock of one start of a search. All times are seconds."""

    study: Study
    minutes: float
    workers: int
    clock: Callable[[], float] = time.monotonic
    winners: int = 1
    """Networks that would be chosen at this moment; a front can have several."""
    _paces: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})
    """Seconds of an epoch, of brief (False) and of full trainings."""
    _intervals: list[float] = field(default_factory=list)
    """The same between two reports, which count before any training has ended."""
    _running: dict[int, _Running] = field(default_factory=dict)
    """By worker."""

    def __post_init__(self) -> None:
        self._begin = self.clock()

    # --- what happens -----------------------------------------------------------------------------------

    def started(self, worker: int, epochs: int, *, full: bool) -> None:
        """Take note of a training that begins."""
        self._running[worker] = _Running(self.clock(), epochs, full)

    def epoch(self, worker: int, epoch: int) -> None:
        """Take note of an epoch, counted from 1."""
        running = self._running.get(worker)
        if running is None:
            return
        now = self.clock()
        if running.last is not None:
            self._intervals.append((now - running.last[1]) / max(1, epoch - running.last[0]))
        running.last = (epoch, now)

    def ended(self, worker: int, epochs: int, seconds: float) -> None:
        """Take note of a training's end: epochs it trained, and seconds that it took by its own account."""
        running = self._running.pop(worker, None)
        if running is not None and epochs:
            self._paces[running.full] = [*self._paces[running.full], seconds / epochs][-LATEST:]

    # --- what follows -----------------------------------------------------------------------------------

    @property
    def left(self) -> float:
        """Seconds until the time is up."""
        return self._begin + 60 * self.minutes - self.clock()

    def pace(self, *, full: bool) -> float | None:
        """Return the seconds of an epoch; None before anything is known."""
        known = self._paces[full] or self._paces[not full]
        known = known or self._intervals
        return fmean(known) if known else None

    @property
    def final(self) -> float:
        """Seconds that training the winners on all images will take, their runs side by side.

        Each of several budgets has a winner; with the goal ``pareto`` as many as `winners` says.
        """
        plan = self.study.finalists
        pace = self.pace(full=True)
        if pace is None or not plan.top:
            return 0.0
        rounds = math.ceil(max(self.study.answers, self.winners) * plan.winner_seeds / self.workers)
        return rounds * plan.training.epochs * pace / (1 - self.study.validation)

    @property
    def judging(self) -> float:
        """Seconds that finalists' full trainings may take in a final round: one each, and one more seed for two."""
        plan = self.study.finalists
        pace = self.pace(full=True)
        if pace is None or plan.top < 2:
            return 0.0
        runs = self.study.answers * (plan.top + min(2, plan.top) * (plan.seeds > 1))
        return math.ceil(runs / self.workers) * plan.training.epochs * pace

    @property
    def affordable(self) -> float | None:
        """Epochs that can still be started, room for the winner's training left; None before the pace is known."""
        pace = self.pace(full=False)
        if pace is None:
            return None
        busy = sum(self._remaining(running) for running in self._running.values())
        return max(0.0, self.workers * (self.left - self.final) - busy) / pace

    def fits(self, epochs: int, *, full: bool, reserve: float) -> bool:
        """Tell whether a training that starts now ends before *reserve* seconds are left; True if nothing is known."""
        pace = self.pace(full=full)
        return self.left > 0 if pace is None else self.left - reserve >= epochs * pace

    def _remaining(self, running: _Running) -> float:
        pace = self.pace(full=running.full) or 0.0
        done = running.last[0] if running.last is not None else 0
        return (running.epochs - done) * pace


def plan_in_time(study: Study, clock: TimeBudget, pace: float) -> PlannedInTime:
    """Return what fits into the time that is left.

    Args:
        study: the study, whose trials and finalists say how epochs are divided.
        clock: its time.
        pace: seconds of an epoch.
    """
    brief, plan = study.training.epochs, study.finalists
    full, runs = plan.training.epochs, study.answers * plan.top * plan.seeds
    epochs = clock.affordable or 0.0
    share = runs * full / (study.search.trials * brief + runs * full)
    trainings = int(share * epochs / full)
    needed = 4 * brief + (full * min(plan.top, 2) if plan.top > 1 else 0)
    short = None
    if epochs < needed:
        goal = "" if study.target is None else " for the target"
        wanted = clock.final + needed * pace / clock.workers
        short = f"the time is too short{goal}: four networks and their finalists alone need {duration(wanted)}"
    return PlannedInTime(pace, epochs, int((epochs - trainings * full) / brief), trainings, max(0.0, clock.left), short)
