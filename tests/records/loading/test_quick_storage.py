"""Tests of `budgetnet.records.loading.quick_storage`: Optuna's own reading is the measure."""

from __future__ import annotations

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import BaseStorage, RDBStorage, get_storage
from optuna.trial import FrozenTrial, TrialState, create_trial

from budgetnet.records.loading import quick_storage
from budgetnet.records.loading.quick_storage import QuickStorage

KINDS = {
    "depth": IntDistribution(1, 4),
    "kernel": CategoricalDistribution(("conv", 3, None)),
    "rate": FloatDistribution(1e-3, 1.0, log=True),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with trials of every state, two goals, odd values and constraints, and another study beside it."""
    place = f"sqlite:///{tmp_path_factory.mktemp('quick') / 'study.db'}"
    storage = RDBStorage(place)
    for name, directions in (("other", ["maximize"]), ("mine", ["maximize", "minimize"])):
        study = optuna.create_study(study_name=name, storage=storage, directions=directions)
        for state in TrialState:
            ended = state == TrialState.COMPLETE
            study.add_trial(
                create_trial(
                    state=state,
                    params={"kernel": None, "depth": 2, "rate": 0.25},
                    distributions=dict(KINDS),
                    values=[0.5, math.inf][: len(directions)] if ended else None,
                    user_attrs={"outcome": "completed", "decisions": {"a": 1}},
                    intermediate_values={2: math.nan, 1: -math.inf, 3: 0.5},
                    constraints={"params": 0.1},
                )
            )
    storage.remove_session()
    return place


def _trials(storage: BaseStorage, **more: object) -> list[str]:
    study = storage.get_study_id_from_name("mine")
    found = storage.get_all_trials(study, **more)  # type: ignore[arg-type]
    return [f"{_ordered(trial)} {list(trial.params.items())} {trial.values}" for trial in found]


def _ordered(trial: FrozenTrial) -> dict[str, object]:
    """Return a trial's fields, mappings by name: Optuna leaves the order of attributes and steps to the database."""
    return {
        name: sorted(map(repr, value.items())) if isinstance(value, dict) else repr(value)
        for name, value in vars(trial).items()
    }


def test_trials_are_those_that_optuna_reads(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """All fields of all trials are equal, in another time zone, too, where Optuna changes its UTC to local time."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        plain, quick = RDBStorage(url), QuickStorage(url)
        assert _trials(quick) == _trials(plain)
        assert len(_trials(quick)) == len(TrialState)
        assert _trials(quick, states=(TrialState.COMPLETE,)) == _trials(plain, states=(TrialState.COMPLETE,))
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize("limit", [0, 2, 500])
def test_cache_reads_what_is_new_and_what_had_not_ended(
    url: str, limit: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Behind Optuna's cache the trials are equal after others were added, changed and ended, by any way of asking."""
    monkeypatch.setattr(quick_storage, "LIMIT_NAMED", limit)
    path = tmp_path / "copy.db"
    path.write_bytes(Path(url.removeprefix("sqlite:///")).read_bytes())
    url = f"sqlite:///{path}"
    cached = get_storage(QuickStorage(url))
    before = _trials(cached)
    study = optuna.load_study(study_name="mine", storage=RDBStorage(url))
    running = next(trial for trial in study.trials if trial.state == TrialState.RUNNING)
    study._storage.set_trial_user_attr(running._trial_id, "accuracy", 0.5)
    study._storage.set_trial_state_values(running._trial_id, TrialState.FAIL)
    study.add_trial(create_trial(state=TrialState.RUNNING))
    after = _trials(cached)
    assert after == _trials(RDBStorage(url))
    assert after != before


def test_unknown_study_is_an_error(url: str) -> None:
    """A study that was deleted is an error, as with Optuna, and not one without trials."""
    for storage in (RDBStorage(url), QuickStorage(url)):
        with pytest.raises(KeyError):
            storage.get_all_trials(99)


def test_new_trials_are_written_as_optuna_writes_them(tmp_path: Path) -> None:
    """Every table holds the same rows as after Optuna's own writing, for trials of every state and odd values."""
    found = []
    for kind in (RDBStorage, QuickStorage):
        path = tmp_path / f"{kind.__name__}.db"
        storage = kind(f"sqlite:///{path}")
        study = optuna.create_study(study_name="mine", storage=storage, directions=["maximize", "minimize"])
        for state in TrialState:
            study.add_trial(
                create_trial(
                    state=state,
                    params={"kernel": None, "depth": 2, "rate": 0.25},
                    distributions=dict(KINDS),
                    values=[0.5, math.inf] if state == TrialState.COMPLETE else None,
                    user_attrs={"outcome": "completed", "decisions": {"a": 1}},
                    system_attrs={"note": "ä"},
                    intermediate_values={2: math.nan, 1: -math.inf, 3: 0.5},
                )
            )
        one = optuna.create_study(study_name="one", storage=storage, direction="maximize")
        one.add_trial(create_trial(state=TrialState.COMPLETE, value=0.25))
        one.add_trial(create_trial(state=TrialState.RUNNING))
        storage.remove_session()
        with closing(sqlite3.connect(path)) as database:
            found.append({table: _rows_of(database, table) for table in TABLES})
    assert found[0] == found[1]
    assert all(found[1].values())


def test_attributes_are_set_together(tmp_path: Path) -> None:
    """New attributes and new values of old ones are written; a trial that has ended takes none."""
    storage = QuickStorage(f"sqlite:///{tmp_path / 'study.db'}")
    study = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
    study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs={"owner": "me", "seed": 1}))
    key = study.trials[0]._trial_id
    storage.set_trial_user_attrs(key, {"seed": 2, "outcome": "failed"})
    assert study.trials[0].user_attrs == {"owner": "me", "seed": 2, "outcome": "failed"}
    storage.set_trial_state_values(key, TrialState.FAIL)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_user_attrs(key, {"seed": 3})
    assert study.trials[0].user_attrs["seed"] == 2


TABLES = (
    "trials", "trial_params", "trial_values", "trial_user_attributes", "trial_system_attributes",
    "trial_intermediate_values",
)  # fmt: skip


def _rows_of(database: sqlite3.Connection, table: str) -> list[str]:
    """Return a table's rows without their own keys and without times, in an order of their own."""
    names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    kept = [name for name in names[0 if table == "trials" else 1 :] if not name.startswith("datetime")]
    return sorted(map(repr, database.execute(f"SELECT {', '.join(kept)} FROM {table}")))
