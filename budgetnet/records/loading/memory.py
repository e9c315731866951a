"""The records of one study as a process keeps them: a trial that has ended is read once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from budgetnet.records.trial import Record, read_record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from optuna.trial import FrozenTrial

__all__ = ["RecordMemory"]


class RecordMemory:
    """Reads trials and remembers those that have ended, which Optuna does not let anyone change."""

    def __init__(self) -> None:
        self._ended: dict[int, tuple[FrozenTrial, Record]] = {}
        self._settled: list[Record] = []
        """Records of the first trials, up to the first one that has not ended."""
        self._latest: tuple[Record, ...] = ()

    def read(self, trial: FrozenTrial) -> Record:
        """Return what a trial says.

        Raises:
            DamagedRecordError: it cannot be read.
        """
        held = self._ended.get(trial._trial_id)
        if held is not None and held[0] is trial:
            return held[1]
        record = read_record(trial)
        if trial.state.is_finished():
            self._ended[trial._trial_id] = (trial, record)
        return record

    def records(self, trials: Sequence[FrozenTrial]) -> tuple[Record, ...]:
        """Return the records of all trials of the study, given in the order of their numbers.

        Raises:
            DamagedRecordError: a trial cannot be read.
        """
        settled, before = self._settled, len(self._settled)
        if len(trials) < len(settled):  # another study, or trials that were removed from under it
            settled.clear()
            self._latest = ()
        for trial in trials[len(settled) :]:
            if not trial.state.is_finished():
                break
            settled.append(self.read(trial))
        later = [self.read(trial) for trial in trials[len(settled) :]]
        if later or len(settled) != before or len(self._latest) != before:
            self._latest = (*settled, *later)
        return self._latest
