"""What must hold after any fault, read from a study's database and from the events that its processes told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from budgetnet.errors import BudgetnetError
from budgetnet.files.study_file import load_study
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import open_trials
from budgetnet.records.trial import Record

__all__ = ["Judgement", "StudyState", "events_of", "judge", "look"]


@dataclass
class Judgement:
    """One scenario: what was done, what came of it, and which invariants are broken."""

    name: str
    done: Counter[str] = field(default_factory=Counter)
    """Faults by kind."""
    facts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def require(self, holds: bool, otherwise: str) -> None:
        """Note that something that must hold does not."""
        if not holds:
            self.broken.append(otherwise)

    def quiet(self, said: str, *, allowed: Iterable[str] = ()) -> None:
        """Require that no process ended in a traceback."""
        if "Traceback (most recent call last)" in said and not any(text in said for text in allowed):
            told = said[said.index("Traceback") :].partition("\n{")[0]  # up to the next event
            self.broken.append(f"a traceback: {told[-3000:]}")


@dataclass
class StudyState:
    """What a study's database held at some moment."""

    records: tuple[Record, ...]
    finalists: tuple[Finalist, ...]

    @property
    def completed(self) -> dict[int, float | None]:
        """Accuracies of the completed trials, by number."""
        return {one.number: one.accuracy for one in self.records if one.outcome == "completed"}

    @property
    def full(self) -> dict[tuple[str, int, int], float | None]:
        """Accuracies of the full trainings with a result, by kind, trial and number."""
        found = {}
        for one in self.finalists:
            for kind, runs in (("full", one.full), ("final", one.runs)):
                found.update(
                    {(kind, one.trial, run.repeat): run.accuracy or run.test_accuracy for run in runs if not run.failed}
                )
        return found


def look(path: Path, run: Path, storage: str | None = None) -> StudyState | None:
    """Read a study; None if there is nothing to read yet."""
    try:
        found = open_trials(load_study(path), out=run, storage=storage)
    except BudgetnetError:
        return None
    return StudyState(found.records, tuple(found.finalists))


def events_of(said: str) -> Iterator[Mapping[str, Any]]:
    """Yield the events in a log of ``--json``; lines that a kill cut off are passed over."""
    for line in said.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue


def judge(what: Judgement, before: Iterable[StudyState], end: StudyState | None, logs: Iterable[str]) -> None:
    """Require the invariants of a study that was searched to its end.

    Args:
        what: takes the facts and what is broken.
        before: states seen on the way.
        end: the last one.
        logs: stderr of every process, with ``--json``.
    """
    if end is None:
        what.broken.append("there is no study to read")
        return
    trained = Counter(one.hash for one in end.records if one.trained)
    twice = [digest for digest, count in trained.items() if count > 1]
    what.require(not twice, f"{len(twice)} networks were trained twice")
    open_ = [one.number for one in end.records if one.outcome in ("running", "waiting")]
    what.require(not open_, f"trials {open_} run or wait for ever")
    numbers = [one.number for one in end.records]
    what.require(numbers == list(range(len(numbers))), "trials are missing or there twice")
    for state in before:
        lost = {number for number, accuracy in state.completed.items() if end.completed.get(number, -1) != accuracy}
        what.require(not lost, f"completed trials {sorted(lost)} are gone or changed")
        gone = {key for key, accuracy in state.full.items() if end.full.get(key, -1) != accuracy}
        what.require(not gone, f"full trainings {sorted(gone)} are gone or changed")
    finished, epochs = _told(logs)
    repeated = [key for key, count in finished.items() if count > 1]
    what.require(not repeated, f"trainings {repeated} were finished twice")
    kept = sum(one.epochs for one in end.records if one.trained)
    kept += sum(run.epochs for one in end.finalists for run in (*one.runs, *one.full) if not run.failed)
    outcomes = Counter(one.outcome for one in end.records)
    kills = sum(what.done.values())
    what.facts |= {
        "completed": outcomes["completed"],
        "given back": outcomes["interrupted"],
        "failed": outcomes["failed"],
        "full": len(end.full),
        "resumed": sum(len(run.resumed) for one in end.finalists for run in (*one.runs, *one.full)),
        "epochs lost": max(0, epochs - kept),
        "a fault": f"{max(0, epochs - kept) / max(1, kills):.1f}",
    }


def _told(logs: Iterable[str]) -> tuple[Counter[tuple[object, ...]], int]:
    """Return how often each training was told to have given a result, and the number of epochs told."""
    finished: Counter[tuple[object, ...]] = Counter()
    epochs = 0
    for said in logs:
        for event in events_of(said):
            match event.get("event"):
                case "epoch_done":
                    epochs += 1
                case "trial_done" if event["trial"]["outcome"] in ("completed", "stopped_early", "diverged"):
                    finished["trial", event["trial"]["number"]] += 1
                case "full_training_done" | "finalist_done" as kind if not event["result"].get("failed"):
                    finished[kind, event["number"], event["run"]] += 1
    return finished, epochs
