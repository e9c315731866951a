"""Ways in which a search's run folder can be damaged, one function each: for the tests and for the table of answers.

Each alteration takes a run folder after a search of the study in `tests.conftest.STUDY` and harms one thing in it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

__all__ = ["ALTERATIONS", "Alteration", "chosen_trial"]

Alteration = Callable[[Path], None]
"""Harms a run folder."""

TRIAL = 2
"""Number of the trial that is altered, whose network was not trained in full."""


def run_sql(folder: Path, *statements: str) -> None:
    """Execute statements on a run folder's database, without its foreign keys."""
    with closing(sqlite3.connect(folder / "study.db")) as database:
        for statement in statements:
            database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def chosen_trial(folder: Path) -> int:
    """Return the number of the trial that a run folder's study has chosen."""
    with closing(sqlite3.connect(folder / "study.db")) as database:
        (text,) = database.execute("SELECT value_json FROM study_user_attributes WHERE key = 'choice'").fetchone()
    return int(json.loads(text)["winners"][0]["trial"])


def _statements(*statements: str) -> Alteration:
    return lambda folder: run_sql(folder, *statements)


def _of_trial(key: str, value: str) -> Alteration:
    """Replace the text of a trial's attribute."""
    return _statements(
        f"UPDATE trial_user_attributes SET value_json = '{value}' WHERE key = '{key}' AND trial_id = "
        f"(SELECT trial_id FROM trials WHERE number = {TRIAL})"
    )


def _of_study(key: str, value: str) -> Alteration:
    """Replace the text of a study's attribute; *key* is a pattern of SQL."""
    return _statements(f"UPDATE study_user_attributes SET value_json = '{value}' WHERE key LIKE '{key}'")


def _within(key: str, change: Callable[[dict[str, Any]], object]) -> Alteration:
    """Change the document that a study's attribute holds."""

    def alter(folder: Path) -> None:
        with closing(sqlite3.connect(folder / "study.db")) as database:
            found = "SELECT key, value_json FROM study_user_attributes WHERE key LIKE ? ORDER BY key"
            name, text = database.execute(found, (key,)).fetchone()
            document = json.loads(text)
            change(document)
            database.execute(
                "UPDATE study_user_attributes SET value_json = ? WHERE key = ?", (json.dumps(document), name)
            )
            database.commit()

    return alter


def _cut(table: str, where: str) -> Alteration:
    """Leave the first half of the texts of a table's rows."""
    return _statements(f"UPDATE {table} SET value_json = substr(value_json, 1, length(value_json) / 2) WHERE {where}")


def _cut_trial(key: str) -> Alteration:
    of_trial = f"trial_id = (SELECT trial_id FROM trials WHERE number = {TRIAL})"
    return _cut("trial_user_attributes", f"key = '{key}' AND {of_trial}")


def _trial(change: str) -> Alteration:
    return _statements(f"UPDATE trials SET {change} WHERE number = {TRIAL}")


def _without_table(name: str) -> Alteration:
    return _statements(f"DROP TABLE {name}")


def _file(change: Callable[[Path], object]) -> Alteration:
    return lambda folder: (change(folder / "study.db"), None)[1]


def _shorten(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def _overwrite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = b"\xa5" * 20_000
    path.write_bytes(bytes(content))


def _weights(change: Callable[[Path], object]) -> Alteration:
    def alter(folder: Path) -> None:
        for path in sorted((folder / "finalists").glob("*.safetensors")):
            change(path)

    return alter


def _folder_for_file(path: Path) -> None:
    path.unlink()
    path.mkdir()


ALTERATIONS: dict[str, Alteration] = {
    # What scores depend on, as the study keeps it.
    "settings cut": _cut("study_user_attributes", "key = 'settings'"),
    "settings null": _of_study("settings", "null"),
    "settings a list": _of_study("settings", "[]"),
    "settings: training a text": _within("settings", lambda held: held.update(training="brief")),
    "settings: data set missing": _within("settings", lambda held: held.pop("dataset")),
    "settings missing": _statements("DELETE FROM study_user_attributes WHERE key = 'settings'"),
    # The choice and the knowledge.
    "choice cut": _cut("study_user_attributes", "key = 'choice'"),
    "choice null": _of_study("choice", "null"),
    "choice a list": _of_study("choice", "[1]"),
    "choice of a trial that is not there": _within("choice", lambda held: held["winners"][0].update(trial=99)),
    "choice without a rule": _within("choice", lambda held: held["winners"][0].pop("rule")),
    "learned cut": _cut("study_user_attributes", "key = 'learned'"),
    "learned null": _of_study("learned", "null"),
    "learned a text": _of_study("learned", '"much"'),
    # Finalists.
    "full training cut": _cut("study_user_attributes", "key LIKE 'full:%'"),
    "full training null": _of_study("full:%", "null"),
    "full training with one field more": _within("full:%", lambda held: held.update(later=1)),
    "full training with one field less": _within("full:%", lambda held: held.pop("seed")),
    "full training: losses a text": _within("full:%", lambda held: held.update(losses="low")),
    "full training: accuracy a text": _within("full:%", lambda held: held.update(validation_accuracies=["94 %"])),
    "finalist cut": _cut("study_user_attributes", "key LIKE 'finalist:%'"),
    "finalist with one field more": _within("finalist:%", lambda held: held.update(later=1)),
    "finalist with one field less": _within("finalist:%", lambda held: held.pop("test_accuracy")),
    "finalist: reading a number": _within("finalist:%", lambda held: held.update(reading=3)),
    "finalist: test accuracy a text": _within("finalist:%", lambda held: held.update(test_accuracy="94 %")),
    "finalist: trial a text": _within("finalist:%", lambda held: held.update(trial="first")),
    "finalist of a trial that is not there": _within("finalist:%", lambda held: held.update(trial=99)),
    "finalist: weights a number": _within("finalist:%", lambda held: held.update(weights=7)),
    # A trial's attributes.
    "trial: network cut": _cut_trial("network"),
    "trial: network null": _of_trial("network", "null"),
    "trial: network not a network": _of_trial("network", '"network = conv("'),
    "trial: decisions cut": _cut_trial("decisions"),
    "trial: decisions null": _of_trial("decisions", "null"),
    "trial: decisions a list": _of_trial("decisions", "[1, 2]"),
    "trial: hash a number": _of_trial("hash", "12"),
    "trial: params null": _of_trial("params", "null"),
    "trial: params a text": _of_trial("params", '"many"'),
    "trial: params negative": _of_trial("params", "-5"),
    "trial: accuracy null": _of_trial("accuracy", "null"),
    "trial: accuracy a text": _of_trial("accuracy", '"94 %"'),
    "trial: accuracy above 1": _of_trial("accuracy", "94.0"),
    "trial: curve cut": _cut_trial("curve"),
    "trial: curve a number": _of_trial("curve", "0.5"),
    "trial: curve of texts": _of_trial("curve", '["a", "b"]'),
    "trial: epochs a text": _of_trial("epochs", '"two"'),
    "trial: seconds a text": _of_trial("seconds", '"long"'),
    "trial: seed null": _of_trial("seed", "null"),
    "trial: training cut": _cut_trial("training"),
    "trial: training null": _of_trial("training", "null"),
    "trial: training a list": _of_trial("training", "[]"),
    "trial: outcome unknown": _of_trial("outcome", '"paused"'),
    "trial: outcome null": _of_trial("outcome", "null"),
    "trial: dropped draws a list": _of_trial("rejected_before", "[1]"),
    # A trial in Optuna's tables.
    "trial: state unknown": _trial("state = 'PAUSED'"),
    "trial: running, its process gone": _statements(
        f"UPDATE trials SET state = 'RUNNING', datetime_complete = NULL WHERE number = {TRIAL}",
        "DELETE FROM trial_user_attributes WHERE key = 'outcome' AND trial_id = "
        f"(SELECT trial_id FROM trials WHERE number = {TRIAL})",
    ),
    "trial: time a text": _trial("datetime_start = 'yesterday'"),
    "trial: number missing": _trial("number = NULL"),
    "trial: number twice": _trial("number = 1"),
    "trial: parameter cut": _statements(
        "UPDATE trial_params SET distribution_json = substr(distribution_json, 1, 20) WHERE trial_id = "
        f"(SELECT trial_id FROM trials WHERE number = {TRIAL})"
    ),
    "trial: parameter of an unknown kind": _statements(
        'UPDATE trial_params SET distribution_json = \'{"name": "BetaDistribution", "attributes": {}}\' '
        f"WHERE trial_id = (SELECT trial_id FROM trials WHERE number = {TRIAL})"
    ),
    "trial: step's value of an unknown kind": _statements(
        "UPDATE trial_intermediate_values SET intermediate_value_type = 'ODD'"
    ),
    "trial: value of an unknown kind": _statements("UPDATE trial_values SET value_type = 'ODD'"),
    "direction unknown": _statements("UPDATE study_directions SET direction = 'SIDEWAYS'"),
    "direction missing": _statements("DELETE FROM study_directions"),
    "study renamed": _statements("UPDATE studies SET study_name = 'tinier'"),
    # Tables and versions.
    "table trials missing": _without_table("trials"),
    "table of trials' attributes missing": _without_table("trial_user_attributes"),
    "table of parameters missing": _without_table("trial_params"),
    "table of heartbeats missing": _without_table("trial_heartbeats"),
    "table studies missing": _without_table("studies"),
    "table of studies' attributes missing": _without_table("study_user_attributes"),
    "table of versions missing": _without_table("version_info"),
    "column missing": _statements("ALTER TABLE trials DROP COLUMN datetime_complete"),
    "newer tables": _statements(
        "UPDATE version_info SET schema_version = 13, library_version = '6.0.0'",
        "UPDATE alembic_version SET version_num = 'v6.0.0.a'",
    ),
    "older tables": _statements(
        "UPDATE version_info SET schema_version = 11, library_version = '2.0.0'",
        "UPDATE alembic_version SET version_num = 'v2.6.0.a'",
    ),
    # Files.
    "database empty": _file(lambda path: path.write_bytes(b"")),
    "database cut to 100 bytes": _file(lambda path: path.write_bytes(path.read_bytes()[:100])),
    "database cut in half": _file(lambda path: _shorten(path, 0.5)),
    "database overwritten in its middle": _file(_overwrite),
    "database a text": _file(lambda path: path.write_text("trials", encoding="utf-8")),
    "database a folder": _file(_folder_for_file),
    "database missing": _file(lambda path: path.unlink()),
    "run folder missing": lambda folder: shutil.rmtree(folder),
    "weights missing": _weights(lambda path: path.unlink()),
    "weights cut": _weights(lambda path: _shorten(path, 0.5)),
    "weights empty": _weights(lambda path: path.write_bytes(b"")),
    "weights a text": _weights(lambda path: path.write_text("weights", encoding="utf-8")),
    "folder of finalists missing": lambda folder: shutil.rmtree(folder / "finalists"),
}
"""Every alteration by a short name."""
