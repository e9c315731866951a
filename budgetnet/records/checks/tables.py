"""Checks of an SQLite file as a whole: Optuna would make a missing table anew, and then list no trials."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from budgetnet.errors import RequestError, SearchError

__all__ = ["NoDatabaseError", "check_leftovers", "check_tables"]


class NoDatabaseError(RequestError):
    """There is no database, or an empty one: no search has begun."""


_TABLES: dict[str, tuple[str, ...]] = {
    "version_info": ("schema_version", "library_version"),
    "studies": ("study_id", "study_name"),
    "study_directions": ("study_id", "direction", "objective"),
    "study_user_attributes": ("study_id", "key", "value_json"),
    "study_system_attributes": ("study_id", "key", "value_json"),
    "trials": ("trial_id", "number", "study_id", "state", "datetime_start", "datetime_complete"),
    "trial_user_attributes": ("trial_id", "key", "value_json"),
    "trial_system_attributes": ("trial_id", "key", "value_json"),
    "trial_params": ("trial_id", "param_name", "param_value", "distribution_json"),
    "trial_values": ("trial_id", "objective", "value"),
    "trial_intermediate_values": ("trial_id", "step", "intermediate_value"),
    "trial_heartbeats": ("trial_id", "heartbeat"),
}
"""Optuna's tables, each with columns that all versions of the last years have."""
_WAYS = "restore it from a copy, or start over with --fresh, which keeps the old folder under another name"


def check_tables(connection: sqlite3.Connection, path: Path, *, create: bool) -> None:
    """Refuse a file in which tables are missing that were there once.

    A file without any table is a new one for a search, unless the folder holds results; tables that another process is
    making at this moment are not missed: Optuna writes its version when all are there.

    Args:
        connection: the open file.
        path: its place, for messages.
        create: True for a search, which may begin in an empty file.

    Raises:
        RequestError: there is nothing to read yet.
        SearchError: a table or column is missing.
    """
    names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names & set(_TABLES):
        check_leftovers(path, there=True)
        if not create:
            raise NoDatabaseError(
                f"{path} is empty: it holds no study; restore it from a copy, or run the search first"
            )
        return
    if not _was_whole(connection, names):
        return
    for table, columns in _TABLES.items():
        if table not in names:
            raise SearchError(f"{path} is damaged: its table {table} is missing; {_WAYS}")
        held = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        missing = [column for column in columns if column not in held]
        if missing and _version(connection) is None:
            raise SearchError(f"{path} is damaged: its table {table} has no column {missing[0]}; {_WAYS}")


def check_leftovers(path: Path, *, there: bool = False) -> None:
    """Refuse to begin a study in a folder that holds the weights of another one, whose database is gone.

    Args:
        path: the database's place.
        there: True if the file exists, but is empty.

    Raises:
        SearchError: there are weights.
    """
    weights = next(iter(sorted((path.parent / "finalists").glob("*.safetensors"))), None)
    if weights is not None:
        raise SearchError(
            f"{path} {'is empty' if there else 'is missing'}, but {weights} is left of its search; {_WAYS}"
        )


def _was_whole(connection: sqlite3.Connection, names: set[str]) -> bool:
    """Tell whether the file had all its tables once: it has a version, or something was recorded."""
    for table in ("version_info", "studies", "trials"):
        if table in names and connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:  # noqa: S608
            return True
    return False


def _version(connection: sqlite3.Connection) -> int | None:
    """Return the tables' version where it is not the one of `_TABLES`, whose columns may then be others; else None."""
    try:
        found = connection.execute("SELECT schema_version FROM version_info").fetchone()
    except sqlite3.Error:
        return None
    return None if found is None or found[0] == 12 else int(found[0])
