"""Databases that are read without Optuna."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna

from budgetnet.records.read_only import read_stored_study
from budgetnet.records.storage import open_storage

RECORD = Path(__file__).parents[2] / "studies" / "results" / "cifar10-200k" / "study.db"


def test_reading_leaves_nothing_behind(tmp_path):
    """A record at rest is read without a write-ahead log of SQLite's appearing beside it."""
    path = tmp_path / "study.db"
    shutil.copy(RECORD, path)
    found = read_stored_study(path, "cifar10-200k")
    assert found is not None
    assert len(found.trials) == 40
    assert [entry.name for entry in tmp_path.iterdir()] == ["study.db"]


def test_a_study_at_work_is_read_with_its_log(tmp_path):
    """Trials that are still in the write-ahead log count."""
    path = tmp_path / "study.db"
    storage = open_storage(f"sqlite:///{path}")
    study = optuna.create_study(storage=storage, study_name="busy")
    study.tell(study.ask(), 0.5)
    assert path.with_name("study.db-wal").exists()
    found = read_stored_study(path, "busy")
    assert found is not None
    assert [trial.state.name for trial in found.trials] == ["COMPLETE"]
