"""A copy of a study in memory, for the dashboard: anyone who can reach the dashboard can change only the copy.

Reading the copy costs the search nothing. Its trials have the same numbers, states, values and parameters; their
attributes are short (the study's own hold whole networks and trainings, as long lines of JSON), and it knows the
study's choice, so that "best trial" and ``STUDY:best`` are one network. It follows the study while that goes on.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from budgetnet.errors import BudgetnetError
from budgetnet.files.study import Study
from budgetnet.records.lookup import Trials, open_trials
from budgetnet.records.objective import metric_names
from budgetnet.records.trial import Record
from budgetnet.report.dashboard.study_page import study_figures, study_note
from budgetnet.report.dashboard.trial_page import Files, file_attributes, narrow_attributes, trial_note
from budgetnet.report.learned import learned_document
from budgetnet.report.study import best_trial

if TYPE_CHECKING:
    import optuna

__all__ = ["NOTES", "DashboardView"]

NOTES = 400
"""Trials that have a note. The dashboard looks through all notes for each trial that has one, so of more trials the
chosen, the most accurate and the latest have notes."""


LEARNED_AGAIN = 1.25
"""Growth in trained networks after which the model's knowledge is worked out again while a search goes on."""


class _Copy(InMemoryStorage):
    """Storage that knows which trial is best."""

    best: int | None = None

    def get_best_trial(self, study_id: int) -> FrozenTrial:
        """Return the study's choice; Optuna's where it has none yet."""
        if self.best is None:
            return super().get_best_trial(study_id)
        return self.get_all_trials(study_id, deepcopy=False)[self.best]


class DashboardView:
    """The copy, and what brings it up to date.

    Args:
        study: the study.
        source: its database.
        storage: address of the database, as the user gave it.
        out: the study's run folder, as the user gave it.
    """

    def __init__(
        self, study: Study, source: BaseStorage, *, storage: str | None = None, out: Path | None = None
    ) -> None:
        self._study = study
        self._source = source
        self._where = (storage, out)
        self._source_id = source.get_study_id_from_name(study.name)
        self.copy = _Copy()
        self.files = Files()
        self.study_id = self.copy.create_new_study(source.get_study_directions(self._source_id), study.name)
        _name_objectives(self.recorded, metric_names(study.goal))
        self._seen: list[tuple[TrialState, int]] = []
        self._noted: set[int] = set()
        self._learned_from: tuple[int, Mapping[str, Any] | None] | None = None
        self.update()

    @property
    def recorded(self) -> optuna.Study:
        """The copy as Optuna's study."""
        import optuna

        return optuna.load_study(study_name=self._study.name, storage=self.copy)

    def update(self) -> bool:
        """Bring the copy up to date, and tell whether anything was new."""
        frozen = self._source.get_all_trials(self._source_id, deepcopy=False)
        now = [(trial.state, len(trial.intermediate_values)) for trial in frozen]
        trials = self._read()
        signature = [*now, (TrialState.COMPLETE, len(trials.finalists))]
        if signature == self._seen:
            return False
        records = {record.number: record for record in trials.records}
        known = self.copy.get_all_trials(self.study_id, deepcopy=False)
        for trial in frozen[len(known) :]:
            self.copy.create_new_trial(self.study_id, template_trial=_copied(trial, records.get(trial.number)))
        for old, trial in zip(known, frozen, strict=False):
            if not old.state.is_finished():
                self._carry_on(old, trial, records.get(trial.number))
        best = best_trial(trials)
        self.copy.best = None if best is None else best.number
        self.files.trials = trials
        self._show(trials)
        self._seen = signature
        return True

    def follow(self, ended: threading.Event, say: Callable[[str], object], every: float = 5.0) -> None:
        """Bring the copy up to date every few seconds until *ended*; say once if the database cannot be read."""
        trouble = ""
        while not ended.wait(every):
            try:
                self.update()
                trouble = ""
            except (BudgetnetError, OSError) as error:
                if str(error) != trouble:
                    say(f"the dashboard is not up to date: {error}")
                trouble = str(error)

    def _read(self) -> Trials:
        storage, out = self._where
        return open_trials(self._study, storage=storage, out=out)

    def _learned(self, trials: Trials) -> Mapping[str, Any] | None:
        """Return what the model believes; where the search has not written it down, it is worked out now and then."""
        if trials.learned is not None:
            return trials.learned
        trained = sum(record.scored for record in trials.records)
        if self._learned_from is None or trained >= LEARNED_AGAIN * self._learned_from[0] + 1:
            self._learned_from = (trained, learned_document(trials))
        return self._learned_from[1]

    def _carry_on(self, old: FrozenTrial, trial: FrozenTrial, record: Record | None) -> None:
        for step, value in trial.intermediate_values.items():
            if step not in old.intermediate_values:
                self.copy.set_trial_intermediate_value(old._trial_id, step, value)
        if trial.state == old.state:
            return
        new = _copied(trial, record)
        for name, value in new.user_attrs.items():
            self.copy.set_trial_user_attr(old._trial_id, name, value)
        for name, value in new._system_attrs.items():
            self.copy.set_trial_system_attr(old._trial_id, name, value)
        self.copy.set_trial_state_values(old._trial_id, trial.state, trial.values)
        self._noted.discard(trial.number)

    def _show(self, trials: Trials) -> None:
        """Write notes and figures."""
        import plotly.graph_objects as go
        from optuna_dashboard import save_note, save_plotly_graph_object

        recorded = self.recorded
        ids = [trial._trial_id for trial in self.copy.get_all_trials(self.study_id, deepcopy=False)]
        chosen = {choice.trial for choice in trials.choices}
        for record in _noted_first(trials.records, chosen):
            if record.number in self._noted and record.number not in chosen:
                continue
            trial_id = ids[record.number]
            address = f"/artifacts/{self.study_id}/{trial_id}"
            save_note(Trial(recorded, trial_id), trial_note(record, trials, files=address))
            if record.final:
                self._noted.add(record.number)
        learned = self._learned(trials)
        save_note(recorded, study_note(trials, self.study_id, learned))
        for name, figure in study_figures(trials, learned).items():
            save_plotly_graph_object(recorded, go.Figure(figure), graph_object_id=name)


def _name_objectives(recorded: optuna.Study, names: list[str]) -> None:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        recorded.set_metric_names(names)


def _noted_first(records: Sequence[Record], chosen: set[int]) -> list[Record]:
    """Return the trials that get a note: all where they are few, else the chosen, the most accurate, and the latest."""
    if len(records) <= NOTES:
        return list(records)
    by_accuracy = sorted(records, key=lambda record: (record.number not in chosen, -(record.accuracy or 0.0)))
    kept = {record.number for record in (*by_accuracy[: NOTES // 2], *records[-NOTES // 2 :])}
    return [record for record in records if record.number in kept]


def _copied(trial: FrozenTrial, record: Record | None) -> FrozenTrial:
    """Return a trial with short attributes; trials of other tools keep theirs."""
    attributes = trial.user_attrs if record is None or not record.network else narrow_attributes(record)
    system = {} if record is None else dict[str, object](file_attributes(record))
    if trial.constraints:  # under the name that the dashboard reads; Optuna 5 has another
        system["constraints"] = list(trial.constraints.values())
    return FrozenTrial(
        number=trial.number,
        state=trial.state,
        value=None,
        values=trial.values,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=trial.params,
        distributions=trial.distributions,
        user_attrs=attributes,
        system_attrs=system,
        intermediate_values=trial.intermediate_values,
        trial_id=-1,
    )
