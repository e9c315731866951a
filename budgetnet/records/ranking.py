"""Ranking of trials under each goal. Selection looks at validation accuracy and at counts only."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from budgetnet.files.study import Goal
from budgetnet.records.trial import Record

__all__ = ["best", "distinct", "first_front", "fronts", "ranked", "reaches"]


def ranked(records: Iterable[Record], goal: Goal, target: float | None = None) -> list[Record]:
    """Return the trained trials with an accuracy, best first, and those whose score is from another study.

    Completed trials come before those that were stopped early: an accuracy after fewer epochs says less.

    accuracy: by accuracy. smallest: those that reach the target by parameters, then the others by accuracy.
    pareto: front by front (accuracy up, parameters down), within a front the most isolated first (crowding distance of
    NSGA-II, Deb et al. 2002). Ties go to fewer parameters, then to the earlier trial.
    """
    known = [record for record in records if (record.trained or record.scored) and record.accuracy is not None]
    finished = [record for record in known if record.scored]
    early = [record for record in known if not record.scored]
    return _ranked(finished, goal, target) + _ranked(early, goal, target)


def best(records: Iterable[Record], goal: Goal, target: float | None = None) -> Record | None:
    """Return the best completed trial; for the Pareto goal, the one of highest accuracy."""
    finished = (record for record in records if record.scored and record.accuracy is not None)

    def place(record: Record) -> tuple[float, ...]:
        accuracy, params = _accuracy(record), _params(record)
        if goal == "smallest" and target is not None and accuracy >= target:
            return (0, params, -accuracy, record.number)
        return (1, -accuracy, params, record.number)

    return min(finished, key=place, default=None)


def distinct(records: Iterable[Record]) -> list[Record]:
    """Return the first trial of each network."""
    seen: dict[str, Record] = {}
    for record in records:
        seen.setdefault(record.hash, record)
    return list(seen.values())


def reaches(record: Record, target: float) -> bool:
    """Tell whether a completed trial has the target accuracy."""
    return record.scored and record.accuracy is not None and record.accuracy >= target


def _ranked(records: list[Record], goal: Goal, target: float | None) -> list[Record]:
    by_accuracy = sorted(records, key=lambda record: (-_accuracy(record), _params(record), record.number))
    match goal:
        case "accuracy":
            return by_accuracy
        case "smallest":
            good = [record for record in records if target is not None and _accuracy(record) >= target]
            good.sort(key=lambda record: (_params(record), -_accuracy(record), record.number))
            numbers = {record.number for record in good}
            return good + [record for record in by_accuracy if record.number not in numbers]
        case "pareto":
            return [record for front in fronts(records) for record in _loneliest_first(front)]


def fronts(records: Sequence[Record]) -> list[list[Record]]:
    """Return the trials by front: the first holds those that no other beats in accuracy and parameters at once.

    Within a front, a network with more parameters is also more accurate.
    """
    left = _smallest_first(records)
    found: list[list[Record]] = []
    while left:
        front, left = _parted(left)
        found.append(front)
    return found


def first_front(records: Iterable[Record]) -> list[Record]:
    """Return the first of `fronts`, without working out the others; nothing of nothing."""
    return _parted(_smallest_first(records))[0]


def _smallest_first(records: Iterable[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (_params(record), -_accuracy(record), record.number))


def _parted(left: Sequence[Record]) -> tuple[list[Record], list[Record]]:
    """Part trials, by rising parameters, into those that no other beats and the rest."""
    front: list[Record] = []
    rest: list[Record] = []
    for record in left:
        # By rising parameters, a trial is beaten exactly if a smaller one before it is as accurate.
        (rest if front and _accuracy(record) <= _accuracy(front[-1]) else front).append(record)
    return front, rest


def _loneliest_first(front: list[Record]) -> list[Record]:
    """Return a front with both ends first, then by distance to the neighbours (parameters on a log scale)."""
    if len(front) < 3:
        return front
    spans = [
        (math.log(max(_params(front[-1]), 1)) - math.log(max(_params(front[0]), 1))) or 1.0,
        (_accuracy(front[-1]) - _accuracy(front[0])) or 1.0,
    ]
    room = {front[0].number: math.inf, front[-1].number: math.inf}
    for left, record, right in zip(front, front[1:], front[2:], strict=False):
        widths = math.log(max(_params(right), 1)) - math.log(max(_params(left), 1))
        heights = _accuracy(right) - _accuracy(left)
        room[record.number] = widths / spans[0] + heights / spans[1]
    return sorted(front, key=lambda record: (-room[record.number], record.number))


def _accuracy(record: Record) -> float:
    assert record.accuracy is not None
    return record.accuracy


def _params(record: Record) -> int:
    return record.params or 0
