"""The progress of a search: counts and bests, kept up to date by its events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, ClassVar, TextIO

from rich.console import RenderableType
from rich.text import Text

from budgetnet.cli.progress.view import View, bar, packing_line, show_progress
from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.ranking import best
from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.events import (
    DataDescribed,
    EpochDone,
    EpochsPlanned,
    FinalistDone,
    FinalistsStarted,
    FullTrainingDone,
    FullTrainingStarted,
    GenerationBegun,
    Packing,
    PlannedInTime,
    SearchEnded,
    SearchEvent,
    SearchListener,
    SearchStarted,
    SpaceNote,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
    WinnerChosen,
    WorkerLost,
)
from budgetnet.text import counted, duration, percent, short_count
from budgetnet.workers.loop import TRIES

__all__ = ["SearchProgress", "record_text", "show_search"]

_ENDS = {
    "trials": "the study's number of trials is reached",
    "epochs": "the study's epochs are spent",
    "minutes": "the time is up",
    "target": "the target is reached",
    "interrupted": "interrupted; start again to continue",
    "exhausted": "there is no further network that fits and is new",
}


def show_search(stream: TextIO | None = None) -> AbstractContextManager[SearchListener]:
    """Show a search on *stream* (stderr if None): live if it is a terminal, else a line per finished trial."""
    return show_progress(SearchProgress(), stream)


@dataclass
class SearchProgress(View[SearchEvent]):
    """The state of a search's view."""

    lasting: ClassVar[tuple[type[Any], ...]] = (
        SpaceNote,
        GenerationBegun,
        DataDescribed,
        PlannedInTime,
        TargetReached,
        FullTrainingDone,
        WinnerChosen,
        FinalistDone,
        SearchEnded,
        WorkerLost,
    )

    phase: str = "starting"
    trials: int = 0
    trained: int = 0
    before: int = 0
    """Networks that had been trained when this process began."""
    outcomes: Counter[str] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)
    """Draws that were not trained, by reason: recorded ones and those only counted."""
    best: Record | None = None
    epochs_planned: float | None = None
    """Epochs of all trainings, where the sampler divides them; else the number of trials is the measure."""
    epochs_spent: float = 0.0
    epochs_before: float = 0.0
    """Epochs when this process began."""
    full: int = 0
    """Full trainings that may be needed to choose the winner."""
    full_done: int = 0
    finals: int = 0
    finals_done: int = 0
    in_full: dict[int, list[float]] = field(default_factory=dict)
    """Validation accuracies of the full trainings of this process, by trial."""
    chosen: tuple[StudyChoice, ...] = ()
    why: str = ""
    """The training begun last, and the reason for it."""
    ended: bool = False
    """True once no further trial starts."""
    final_epochs: int = 0
    """Epochs of full trainings in this phase; at most so many."""
    final_epochs_done: int = 0
    final_begin: float = 0.0
    """Beginning of the phase, by the clock; 0 while it searches."""

    def __call__(self, event: SearchEvent) -> None:
        """Take an event in."""
        match event:
            case SearchStarted():
                self.study, self.trials, self.begin = event.study, event.trials, self.clock()
                for record in event.records:
                    self._count(record)
                self.trained = self.before = sum(record.trained for record in event.records)
                self.best = best(event.records, event.goal, event.target)
                self.phase = "searching"
            case TrialStarted(number, arch, params, _, epochs, why):
                self.starts(number, arch, params, epochs)
                self.why = f"trial {number} briefly: {why}" if why else ""
            case EpochDone(number, epoch, accuracy):
                self.running.setdefault(number, "finalist")
                self.advances(number, epoch, accuracy)
                self.final_epochs_done += bool(self.final_begin)
            case EpochsPlanned(spent, planned):
                self.epochs_before = spent if self.epochs_planned is None else self.epochs_before
                self.epochs_spent, self.epochs_planned = spent, planned
            case TrialDone(record, leader, trained):
                self._count(record)
                self.running.pop(record.number, None)
                self.best, self.trained = leader, trained
            case TargetReached():
                self.phase = "searching (target reached)"
            case Packing(done, total):
                self.packs(done, total)
            case Waiting(number):
                self.phase = f"waiting for {counted(number, 'trial')} of other processes"
            case SearchEnded(reason):
                self.ended = True
                self.running.clear()
                self.why = ""
                self.phase = f"search ended: {reason}"
            case FinalistsStarted(_, runs, epochs):
                self.full, self.phase = runs, "training in full, to choose the winner"
                self._begin_finals(max(0, runs - self.full_done) * epochs)
            case FullTrainingStarted(number, _, arch, params, epochs, final, why):
                self.starts(number, arch, params, epochs)
                said = f"trial {number} in full: {why}" if why else ""
                self.why = f"trial {number} on all train images, to be tested" if final else said
            case FullTrainingDone(number, _, result):
                self.full_done += 1
                self.running.pop(number, None)
                if result.accuracy is not None:
                    self.in_full.setdefault(number, []).append(result.accuracy)
            case WinnerChosen(choices, runs, epochs):
                self.finals, self.phase, self.chosen = runs, "training the winner on all images", choices
                self._begin_finals(runs * epochs)
            case FinalistDone(number, _, _):
                self.finals_done += 1
                self.running.pop(number, None)

    def _begin_finals(self, epochs: int) -> None:
        self.final_epochs, self.final_epochs_done, self.final_begin = epochs, 0, self.clock()

    def _count(self, record: Record) -> None:
        if record.final:
            self.outcomes[record.outcome] += 1
        self.rejections.update(dict(record.rejected_before))
        if record.outcome == "over_budget":
            self.rejections.update(list(record.constraints) or ["over budget"])
        elif record.outcome == "duplicate":
            self.rejections["duplicate"] += 1

    @property
    def left(self) -> float | None:
        """Seconds until the number of trials is reached, or full trainings are over, at the pace so far; or None."""
        if self.final_begin:
            ahead, gone = max(0, self.final_epochs - self.final_epochs_done), self.final_epochs_done
            return (self.clock() - self.final_begin) / gone * ahead if gone else None
        if self.ended:
            return None
        if self.epochs_planned is not None:
            done = self.epochs_spent - self.epochs_before
            return self.elapsed / done * max(0.0, self.epochs_planned - self.epochs_spent) if done else None
        trained = self.trained - self.before
        return self.elapsed / trained * max(0, self.trials - self.trained) if trained else None

    def rows(self) -> Iterable[tuple[str, RenderableType]]:
        """Return bars, counts and the best."""
        if self.epochs_planned is not None:
            yield "epochs", bar(round(self.epochs_spent), round(self.epochs_planned))
            yield "trained", Text(f"{counted(self.trained, 'network')}, {self.full_done} in full")
        else:
            yield "trained", bar(self.trained, self.trials)
        if self.full:
            yield "in full", Text(f"{self.full_done} of up to {self.full}")
        if self.finals:
            yield "finalists", bar(self.finals_done, self.finals)
        yield "trials", _counts(self.outcomes)
        yield "not trained", _counts(self.rejections)
        if self.chosen:
            yield "chosen", Text(_choices_text(self.chosen), style="bold")
        elif self.best is not None:
            yield "best", Text(_best_text(self.best), style="bold")
        if self.in_full and not self.chosen:
            trial = max(self.in_full, key=lambda number: fmean(self.in_full[number]))
            score = Score.of(self.in_full[trial])
            yield "best in full", Text(f"{score.spread} % on validation images (trial {trial})", style="bold")
        if self.why:
            yield "now", Text(self.why, no_wrap=False, overflow="fold")

    def line(self, event: SearchEvent) -> str | None:
        """Return one line about an event, or None for those that say too little."""
        match event:
            case SearchStarted():
                trained = sum(record.trained for record in event.records)
                line = f"study {event.study}: {trained} of {counted(event.trials, 'network')} trained"
                line += f", {counted(event.workers, 'worker')}"
                if event.lost:
                    were = "was" if len(event.lost) == 1 else "were"
                    line += f"; {_trials(event.lost)} {were} interrupted, to be repeated"
                return f"{line}; {event.folder}"
            case TrialStarted() | EpochDone() | EpochsPlanned() | FullTrainingStarted():
                return None
            case TrialDone(record, leader, trained):
                mark = " ← best" if leader is not None and leader.number == record.number else ""
                return f"[{trained}] {record_text(record)}{mark}"
            case WorkerLost(number, reason, tries):
                return f"trial {number}: {reason}; tried again ({tries + 1} of {TRIES})"
            case TargetReached(record, target):
                score = f"{100 * (record.accuracy or 0):.2f} % of {100 * target:g} %"
                return f"target reached: {score}, trial {record.number}"
            case PlannedInTime(pace, epochs, trials, full, seconds, short):
                line = (
                    f"plan: an epoch takes {pace:.1f} s, so {epochs:,.0f} epochs fit, about "
                    f"{counted(trials, 'network')} briefly and {full} in full, and the winner's training; "
                    f"the end is in {duration(seconds)}"
                )
                return line if short is None else f"{line}; {short}"
            case Packing(done, total):
                return packing_line(done, total)
            case DataDescribed(data):
                return "\n".join(data.lines)
            case SpaceNote(text):
                return text
            case GenerationBegun(generation):
                return "\n".join(generation.lines)
            case Waiting(running):
                return f"waiting for {counted(running, 'trial')} of other processes"
            case SearchEnded(reason, trained, leader):
                head = f"search ended: {_ENDS[reason]}; {counted(trained, 'network')} trained"
                return f"{head}; best: {_best_text(leader)}" if leader is not None else head
            case FinalistsStarted(networks, runs, epochs):
                work = f"up to {counted(runs, 'full training')} of {counted(epochs, 'epoch')} on train images"
                return f"finalists: up to {counted(networks, 'network')}, {work}; validation images choose"
            case FullTrainingDone(number, run, result):
                what = f"full training {run + 1} of trial {number}"
                if result.accuracy is None:
                    return f"{what}: failed, {result.failed or result.diverged}"
                score = f"{percent(result.accuracy)} % on validation images, {duration(result.seconds)}"
                return f"{what}: {score}{_given_up(result)}"
            case WinnerChosen(choices, runs, epochs):
                work = f"{counted(runs, 'run')} of {counted(epochs, 'epoch')} on train + validation images"
                return f"{_choices_text(choices)}; {work}"
            case FinalistDone(number, run, result):
                if result.test_accuracy is None:
                    return f"finalist {number}, run {run + 1}: failed, {result.failed}"
                return (
                    f"finalist {number}, run {run + 1}: {100 * result.test_accuracy:.2f} % on "
                    f"{result.test_images:,} test images, {duration(result.seconds)}{_given_up(result)}"
                )


def _given_up(result: TrainingRun) -> str:
    """Say why a training was given up that has an accuracy nevertheless."""
    return f"; diverged: {result.diverged.rstrip('.')}" if result.diverged else ""


def _counts(counts: Mapping[str, int]) -> str:
    named = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in named) or "–"


def record_text(record: Record) -> str:
    """Return one line about a finished trial."""
    parts = [f"trial {record.number}: {record.outcome.replace('_', ' ')}"]
    if record.accuracy is not None:
        parts.append(f"{100 * record.accuracy:.2f} %")
    if record.params is not None and record.outcome != "over_budget":  # the reason says it
        parts.append(f"{record.params:,} parameters")
    if record.seconds is not None:
        parts.append(duration(record.seconds))
    if record.reason:
        parts.append(" ".join(record.reason.split()).rstrip("."))
    if record.origin:
        parts.append(f"from {record.origin}")
    parts.append(record.arch)
    return ", ".join(parts)


def _best_text(record: Record) -> str:
    """One line about the best trial."""
    assert record.accuracy is not None
    flops = f", {short_count(record.flops)} FLOPs" if record.flops is not None else ""
    return (
        f"{100 * record.accuracy:.2f} % on validation images, {record.params or 0:,} parameters{flops} "
        f"(trial {record.number}: {record.arch})"
    )


def _choices_text(choices: Sequence[StudyChoice]) -> str:
    return "; ".join(f"trial {choice.trial} {choice.text}" for choice in choices)


def _trials(numbers: Sequence[int]) -> str:
    return f"{'trial' if len(numbers) == 1 else 'trials'} {', '.join(map(str, numbers))}"
