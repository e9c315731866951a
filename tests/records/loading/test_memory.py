"""Tests of `budgetnet.records.loading.memory`."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from budgetnet.records.loading import memory as module
from budgetnet.records.loading.memory import RecordMemory
from budgetnet.records.loading.quick_storage import QuickStorage


def test_ended_trials_are_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Records equal those read anew after every change, while a trial that has ended is read a single time."""
    read: list[int] = []
    plain = module.read_record
    monkeypatch.setattr(module, "read_record", lambda trial: read.append(trial.number) or plain(trial))
    storage = optuna.storages.get_storage(QuickStorage(f"sqlite:///{tmp_path / 'study.db'}"))
    study = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
    memory = RecordMemory()

    def look() -> tuple[str, ...]:
        trials = study.get_trials(deepcopy=False)
        found = memory.records(trials)
        assert found == tuple(plain(trial) for trial in trials)
        return tuple(record.outcome for record in found)

    assert look() == ()
    for state in (TrialState.COMPLETE, TrialState.RUNNING, TrialState.FAIL):
        study.add_trial(create_trial(state=state, value=0.5 if state == TrialState.COMPLETE else None))
    assert look() == look() == ("completed", "running", "interrupted")
    running = study.get_trials(deepcopy=False)[1]
    storage.set_trial_user_attr(running._trial_id, "outcome", "failed")
    storage.set_trial_state_values(running._trial_id, TrialState.FAIL)
    study.add_trial(create_trial(state=TrialState.WAITING))
    assert look() == ("completed", "failed", "interrupted", "waiting")
    waiting = study.get_trials(deepcopy=False)[3]
    storage.set_trial_state_values(waiting._trial_id, TrialState.FAIL)
    assert look() == look() == ("completed", "failed", "interrupted", "interrupted")
    assert read.count(0) == read.count(2) == 1
    assert read.count(1) == 3  # twice while it ran, once when it had ended
    assert memory.records(study.get_trials(deepcopy=False)[:2]) == memory.records(study.get_trials(deepcopy=False))[:2]
