"""Tests of `budgetnet.records.loading.quick_cache`: what Optuna's own memory of the trials returns is the measure."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import TrialState, create_trial

from budgetnet.records.loading.quick_cache import QuickCache
from budgetnet.records.loading.quick_storage import QuickStorage

UNFINISHED = (TrialState.RUNNING, TrialState.WAITING)


def _both(url: str) -> tuple[QuickCache, _CachedStorage]:
    return QuickCache(QuickStorage(url)), _CachedStorage(QuickStorage(url))


@pytest.mark.parametrize("states", [None, UNFINISHED, (TrialState.RUNNING,), (TrialState.COMPLETE,)])
def test_trials_are_those_of_optunas_cache(tmp_path: Path, states: tuple[TrialState, ...] | None) -> None:
    """After each change by this process and by another one, the same trials come in the same order."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    quick, plain = _both(url)
    study = optuna.create_study(study_name="mine", storage=quick, direction="maximize")
    key = study._study_id

    def look() -> None:
        found, expected = (
            [(trial.number, trial.state) for trial in storage.get_all_trials(key, deepcopy=False, states=states)]
            for storage in (quick, plain)
        )
        assert found == expected

    for state in (*TrialState, *TrialState):
        study.add_trial(create_trial(state=state, value=0.5 if state == TrialState.COMPLETE else None))
        look()
    other = _CachedStorage(QuickStorage(url))
    other.create_new_trial(key, create_trial(state=TrialState.RUNNING))
    mine = quick.create_new_trial(key, create_trial(state=TrialState.RUNNING))  # before that one was seen here
    look()
    for trial in other.get_all_trials(key, deepcopy=False, states=UNFINISHED)[:3]:
        other.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        look()
    quick.set_trial_state_values(mine, TrialState.FAIL)
    look()


def test_missing_number_is_left_to_optuna(tmp_path: Path) -> None:
    """A database that lacks a trial gives the others, in order; a deleted study gives none."""
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="mine", storage=QuickCache(QuickStorage(url)), direction="maximize")
    for _ in range(4):
        study.add_trial(create_trial(state=TrialState.FAIL))
    quick, _ = _both(url)
    with quick._backend.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM trials WHERE number = 1")
    assert [trial.number for trial in quick.get_all_trials(study._study_id, deepcopy=False)] == [0, 2, 3]
    quick.delete_study(study._study_id)
    with pytest.raises(KeyError):
        quick.get_all_trials(study._study_id, deepcopy=False)
