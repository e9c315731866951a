"""The way to the best network: the best accuracy after each trial and each hour of work, and within each budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from budgetnet.files.study import Study
from budgetnet.records.trial import Record

__all__ = ["Milestone", "best_so_far", "best_within", "value_after", "working_seconds"]


@dataclass(frozen=True, slots=True)
class Milestone:
    """The state after a trained network."""

    trials: int
    """Networks trained so far."""
    seconds: float | None
    """Time at work so far; None if the record has no times."""
    accuracy: float | None
    """Highest accuracy on validation images so far, of networks trained by the whole recipe; None before the first."""
    best: int | None
    """Number of the trial that has it."""


def working_seconds(records: Iterable[Record]) -> float:
    """Return the time in which at least one trial was running: pauses between two starts of a search do not count."""
    clock = _Clock()
    for record in sorted(records, key=_ending):
        clock.add(record)
    return clock.seconds or 0.0


def best_so_far(records: Iterable[Record]) -> tuple[Milestone, ...]:
    """Return the state after each trained network, in the order in which they ended.

    A score that was taken over from another study counts from the moment at which the search met the network.
    """
    done = sorted((r for r in records if r.trained or r.scored), key=_ending)
    clock = _Clock()
    steps: list[Milestone] = []
    leader: Record | None = None
    trained = 0
    for record in done:
        trained += record.trained
        clock.add(record)
        better = leader is None or (record.accuracy or 0.0) > (leader.accuracy or 0.0)
        if record.scored and record.accuracy is not None and better:
            leader = record
        steps.append(
            Milestone(
                trials=trained,
                seconds=clock.seconds,
                accuracy=None if leader is None else leader.accuracy,
                best=None if leader is None else leader.number,
            )
        )
    return tuple(steps)


def value_after(
    steps: Sequence[Milestone], *, trials: int | None = None, seconds: float | None = None
) -> tuple[float | None, int | None]:
    """Return the best accuracy, and its trial, after so many trained networks or so many seconds of work."""
    found: Milestone | None = None
    for step in steps:
        late = trials is not None and step.trials > trials
        if late or (seconds is not None and (step.seconds is None or step.seconds > seconds + 1e-6)):
            break
        found = step
    return (None, None) if found is None else (found.accuracy, found.best)


def best_within(
    records: Iterable[Record], study: Study, limits: Sequence[int] = ()
) -> tuple[tuple[int, Record | None], ...]:
    """Return the most accurate network within each number of parameters.

    Args:
        records: all trials; those trained by the whole recipe count.
        study: gives the limits if none are asked for: a quarter of its budget, a half, and all of it.
        limits: numbers of parameters.
    """
    known = [r for r in records if r.scored and r.accuracy is not None and r.params is not None]
    bound = study.budget.params or max((r.params or 0 for r in known), default=0)
    asked = sorted({limit for limit in (limits or (bound // 4, bound // 2, bound)) if limit > 0})
    return tuple((limit, _most_accurate(r for r in known if (r.params or 0) <= limit)) for limit in asked)


def _most_accurate(records: Iterable[Record]) -> Record | None:
    return min(records, key=lambda r: (-(r.accuracy or 0.0), r.params or 0, r.number), default=None)


def _ending(record: Record) -> tuple[bool, float, int]:
    return record.finished is None, 0.0 if record.finished is None else record.finished.timestamp(), record.number


class _Clock:
    """The time at work, as trials are added by their ends: what overlaps counts once."""

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._spans: list[tuple[datetime, datetime]] = []

    def add(self, record: Record) -> None:
        """Take a trial in; those before it ended earlier."""
        if record.started is None or record.finished is None:
            return
        begin, end = record.started, record.finished
        # Ends rise, so a new span can only swallow or meet the last ones.
        total = (self.seconds or 0.0) + (end - begin).total_seconds()
        while self._spans and self._spans[-1][1] >= begin:
            earlier = self._spans.pop()
            total -= (earlier[1] - max(begin, earlier[0])).total_seconds()
            begin = min(begin, earlier[0])
        self._spans.append((begin, end))
        self.seconds = total
