"""A study's trials read straight from its SQLite file: what `list` and `show STUDY:best` need, without loading Optuna.

Optuna takes longer to import than all the rest of a listing. So its tables are read by one query each, if they are of
the version that is known here; anything else, and every error, is left to Optuna.
"""

from __future__ import annotations

import datetime
import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from budgetnet.records.checks.rules import Unreadable
from budgetnet.records.loading.collector import collector_held_back
from budgetnet.records.loading.quick_json import quick_json

__all__ = ["StoredState", "StoredStudy", "StoredTrial", "read_stored_study"]

SCHEMA = 12
"""The version of Optuna's tables that is read here (``version_info``), since Optuna 3.0."""
_OF_TRIALS = "SELECT trial_id, {} FROM {} WHERE trial_id IN (SELECT trial_id FROM trials WHERE study_id = ?)"
_CONSTRAINTS = "constraints"
_ODD_VALUES = {"INF_POS": math.inf, "INF_NEG": -math.inf, "NAN": math.nan}


@dataclass(frozen=True, slots=True)
class StoredState:
    """A trial's state by Optuna's name for it."""

    name: str


@dataclass(slots=True, kw_only=True)
class StoredTrial:
    """A trial with the attributes of Optuna's ``FrozenTrial`` that are read here."""

    number: int
    state: StoredState
    datetime_start: datetime.datetime | None
    datetime_complete: datetime.datetime | None
    user_attrs: dict[str, Any] = field(default_factory=dict)
    intermediate_values: dict[int, float] = field(default_factory=dict)
    constraints: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredStudy:
    """A study's own attributes and its trials."""

    user_attrs: Mapping[str, Any]
    trials: tuple[StoredTrial, ...]
    """By number."""

    def get_trials(self, deepcopy: bool = True) -> list[StoredTrial]:  # noqa: ARG002 - Optuna's method
        """Return all trials, as Optuna's study does."""
        return list(self.trials)


def read_stored_study(path: Path, name: str) -> StoredStudy | None:
    """Read a study from an SQLite file that Optuna made; None if that is better left to Optuna.

    Args:
        path: the file; it is opened for reading only.
        name: the study's name in it.
    """
    log = path.with_name(f"{path.name}-wal")
    # Without a write-ahead log nobody is writing; reading as if the file could not change leaves no files beside it,
    # and works in a folder that cannot be written to.
    access = "mode=ro" if log.exists() else "mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?{access}", uri=True)) as database:
            if database.execute("SELECT schema_version FROM version_info").fetchall() != [(SCHEMA,)]:
                return None
            found = database.execute("SELECT study_id FROM studies WHERE study_name = ?", (name,)).fetchone()
            return None if found is None else _study(database, found[0])
    except (sqlite3.Error, ValueError):
        return None


@collector_held_back()
def _study(database: sqlite3.Connection, study: int) -> StoredStudy:
    attributes = database.execute("SELECT key, value_json FROM study_user_attributes WHERE study_id = ?", (study,))
    own = {key: _json(value) for key, value in attributes}
    rows = database.execute(
        "SELECT trial_id, number, state, datetime_start, datetime_complete FROM trials WHERE study_id = ?", (study,)
    )
    trials = {
        key: StoredTrial(
            number=number, state=StoredState(state), datetime_start=_time(begun), datetime_complete=_time(ended)
        )
        for key, number, state, begun, ended in rows
    }
    for key, name, value in database.execute(_OF_TRIALS.format("key, value_json", "trial_user_attributes"), (study,)):
        trials[key].user_attrs[name] = _json(value)
    steps = _OF_TRIALS.format("step, intermediate_value, intermediate_value_type", "trial_intermediate_values")
    for key, step, value, kind in database.execute(steps, (study,)):
        known = kind == "FINITE" or kind in _ODD_VALUES
        reported: Any = _ODD_VALUES.get(kind, value) if known else Unreadable(str(kind))
        trials[key].intermediate_values[step] = reported
    for key, name, value in database.execute(_OF_TRIALS.format("key, value_json", "trial_system_attributes"), (study,)):
        if name == _CONSTRAINTS:  # a list until Optuna 4
            limits = _json(value)
            if isinstance(limits, list):
                trials[key].constraints |= {str(number): limit for number, limit in enumerate(limits)}
        elif name.startswith(f"{_CONSTRAINTS}:"):
            trials[key].constraints[name.removeprefix(f"{_CONSTRAINTS}:")] = _json(value)
    return StoredStudy(user_attrs=own, trials=tuple(sorted(trials.values(), key=lambda trial: trial.number or 0)))


def _json(text: str) -> Any:
    try:
        return quick_json(text)
    except (ValueError, TypeError):
        return Unreadable(str(text))


def _time(text: str | None) -> Any:
    """Return a time, None, or an `Unreadable`. Optuna stores UTC, and its trials have this machine's time."""
    try:
        if text is None:
            return None
        stored = datetime.datetime.fromisoformat(text)
        return stored.replace(tzinfo=datetime.UTC).astimezone().replace(tzinfo=None)
    except (ValueError, TypeError, OverflowError):
        return Unreadable(str(text))
