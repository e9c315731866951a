"""Trials that have ended since the last look, so that what follows from all trials need not begin at the first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from budgetnet.files.study import Goal
from budgetnet.records.ranking import best
from budgetnet.records.trial import TRAINED, Record

__all__ = ["SettledTrials", "TrialTally"]


@dataclass(frozen=True, slots=True)
class _Look:
    """Trials as they are seen in one look."""

    again: bool
    """True if these are other trials than before, so that everything begins anew."""
    ended: Sequence[Record]
    """Trials that had not been seen, in order: they have ended and will not change."""
    later: Sequence[Record]
    """All trials from the first one on that has not ended; they are seen again."""


class SettledTrials:
    """Remembers how many of a study's trials, from the first one on, have been seen after their end."""

    def __init__(self) -> None:
        """Nothing was seen."""
        self._count = 0
        self._last: Record | None = None

    def look(self, records: Sequence[Record]) -> _Look:
        """Return what is new among all trials of the study, given by number."""
        again = bool(self._count) and (len(records) < self._count or records[self._count - 1] is not self._last)
        if again:
            self._count = 0
        first = self._count
        while self._count < len(records) and records[self._count].final:
            self._count += 1
        self._last = records[self._count - 1] if self._count else None
        return _Look(again, records[first : self._count], records[self._count :])


class TrialTally:
    """The best of a study's trials so far, and how many were trained; those that have ended are counted once."""

    def __init__(self, goal: Goal, target: float | None) -> None:
        """Nothing was counted.

        Args:
            goal: what the study calls better.
            target: the study's target accuracy, if it has one.
        """
        self.trained = 0
        """Trials that count towards the study's number."""
        self.running = 0
        self.best: Record | None = None
        """The best completed trial."""
        self._goal: Goal = goal
        self._target = target
        self._settled = SettledTrials()
        self._ended: tuple[int, Record | None] = (0, None)

    def update(self, records: Sequence[Record]) -> None:
        """Count all trials of the study, given by number."""
        seen = self._settled.look(records)
        trained, leader = (0, None) if seen.again else self._ended
        self._ended = trained + _trained(seen.ended), self._better(leader, seen.ended)
        self.trained = self._ended[0] + _trained(seen.later)
        self.running = sum(record.outcome == "running" for record in seen.later)
        self.best = self._better(self._ended[1], seen.later)

    def _better(self, leader: Record | None, records: Sequence[Record]) -> Record | None:
        return best([*(() if leader is None else (leader,)), *records], self._goal, self._target)


def _trained(records: Iterable[Record]) -> int:
    return sum(record.outcome in TRAINED for record in records)
