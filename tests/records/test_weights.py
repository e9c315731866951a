"""Tests of `budgetnet.records.sharing.weights`."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.sharing import weights as module
from budgetnet.records.sharing.weights import bring_weights, leave_weights, weights_from
from budgetnet.records.storage import open_storage
from budgetnet.records.training_run import TrainingRun

FILE = "finalists/trial-3-run-0.safetensors"


def _finalist(*files: str | None) -> Finalist:
    runs = tuple(TrainingRun(seed=place, repeat=place, weights=file) for place, file in enumerate(files))
    return Finalist(trial=3, runs=runs)


def test_weights_are_brought_to_a_folder_that_lacks_them(tmp_path: Path) -> None:
    """Files arrive as they were, once; one that is there, or that the database does not have, is left alone."""
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    storage = open_storage(url)
    study = storage.get_study_id_from_name(optuna.create_study(study_name="mine", storage=storage).study_name)
    there, here = tmp_path / "there", tmp_path / "here"
    (there / "finalists").mkdir(parents=True)
    assert bring_weights(storage, study, here, [_finalist(FILE)]) == []  # nobody has left any
    for content in (b"first", b"second"):  # a training that was repeated replaces what it left
        (there / FILE).write_bytes(content)
        assert leave_weights(storage, study, there, FILE)
    assert not leave_weights(storage, study, there, "finalists/trial-4-run-0.safetensors")
    asked = [_finalist(FILE, None, "finalists/trial-3-run-1.safetensors", "../outside", "/etc/passwd")]
    assert weights_from(url, "mine", here, asked) == [FILE]
    assert (here / FILE).read_bytes() == b"second"
    assert [path.name for path in (here / "finalists").iterdir()] == [Path(FILE).name]
    (here / FILE).write_bytes(b"own")
    assert bring_weights(storage, study, here, asked) == []
    assert (here / FILE).read_bytes() == b"own"


def test_large_weights_and_storages_in_memory_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a database should not hold stays where it is."""
    (tmp_path / "finalists").mkdir()
    (tmp_path / FILE).write_bytes(b"12345")
    assert not leave_weights(optuna.storages.InMemoryStorage(), 0, tmp_path, FILE)
    assert bring_weights(optuna.storages.InMemoryStorage(), 0, tmp_path / "here", [_finalist(FILE)]) == []
    monkeypatch.setattr(module, "LIMIT_WEIGHTS", 4)
    assert not leave_weights(open_storage(f"sqlite:///{tmp_path / 'there' / 'study.db'}"), 1, tmp_path, FILE)
