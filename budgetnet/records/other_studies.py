"""Scores of other studies in the same database, trained under the same conditions, which are reused.

A score is taken over if the other study has the same train images by their digest, wherever they are, the same split of
them, the same recipe, the same rule for seeds (both follow from ``search.seed``) and the same own primitives, and the
trial was completed there. Grammar, budget, goal, sampler and pruner may differ: none of them touches a completed
training.

Only completed trials count. Where a network was stopped early, the verdict was one of that study's pruner, among that
study's trials; where it diverged or failed, one seed or one machine may be to blame, and finding out again is cheap.
Such a network, and one that is being trained there at this moment, is trained here like any other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.storages import BaseStorage
from optuna.trial import TrialState

from budgetnet.files.settings import ATTRIBUTE, DATA_PART, comparable, settings_of
from budgetnet.files.study import Study
from budgetnet.records.checks.rules import DamagedRecordError
from budgetnet.records.trial import Record, read_record

__all__ = ["REFRESH", "EarlierTrial", "OtherStudies"]

REFRESH = 10.0
"""Seconds between two looks at the other studies."""


@dataclass(frozen=True, slots=True)
class EarlierTrial:
    """A completed trial of another study."""

    study: str
    record: Record

    @property
    def address(self) -> str:
        """``STUDY:NUMBER``."""
        return f"{self.study}:{self.record.number}"


class OtherStudies:
    """The completed networks of comparable studies, by hash.

    Every trial is read once: the first look reads those of all comparable studies, later ones (at most one in
    `REFRESH` seconds) only what is new, and a question in between costs one look into a dictionary.
    """

    def __init__(
        self,
        storage: BaseStorage,
        study: Study,
        *,
        clock: Callable[[], float] = time.monotonic,
        say: Callable[[str], object] = lambda _: None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Read nothing yet.

        Args:
            storage: holds this study and perhaps others.
            study: whose conditions the others must have.
            clock: tells seconds.
            say: told, once each, of other studies that cannot be read.
            data: identity of this study's images; without it, no score is taken over.
        """
        self._storage = storage
        self._say = say
        self._damaged: set[str] = set()
        self._name = study.name
        self._settings: Mapping[str, Mapping[str, Any]] = settings_of(study) | (
            {} if data is None else {DATA_PART: dict(data)}
        )
        self._clock = clock
        self._looked: float | None = None
        self._found: dict[str, EarlierTrial] = {}
        self._read: dict[int, int] = {}
        """By study: how many of its trials, from the first on, need not be looked at again."""

    def completed(self, digest: str) -> EarlierTrial | None:
        """Return the trial that has trained a network to the end, if there is one: of several the first found.

        Args:
            digest: the network's canonical hash.
        """
        now = self._clock()
        if self._looked is None or now - self._looked >= REFRESH:
            self._looked = now
            self._look()
        return self._found.get(digest)

    def _look(self) -> None:
        for other in self._storage.get_all_studies():
            if other.study_name != self._name and comparable(other.user_attrs.get(ATTRIBUTE), self._settings):
                try:
                    self._look_into(other._study_id, other.study_name)
                except (DamagedRecordError, ValueError, LookupError, TypeError, AttributeError) as error:
                    if other.study_name not in self._damaged:
                        self._damaged.add(other.study_name)
                        self._say(
                            f"warning: a record of the study {other.study_name} cannot be read ({error}), so not all "
                            "of its scores are taken over"
                        )

    def _look_into(self, study_id: int, name: str) -> None:
        trials = self._storage.get_all_trials(study_id, deepcopy=False)  # Optuna keeps finished trials in memory
        first = self._read.get(study_id, 0)
        settled = True
        for place in range(first, len(trials)):
            trial = trials[place]
            settled = settled and trial.state.is_finished()
            if settled:
                self._read[study_id] = place + 1
            if trial.state == TrialState.COMPLETE:
                record = read_record(trial)
                if record.outcome == "completed" and record.hash and record.accuracy is not None:
                    self._found.setdefault(record.hash, EarlierTrial(name, record))
