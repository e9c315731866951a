"""Damaged run folders: one line names the record and a way out, and what is whole is read."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import pytest

from budgetnet.errors import BudgetnetError, RequestError, SearchError
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.records.checks.contents import check_whole
from budgetnet.records.checks.presence import Presence
from budgetnet.records.lookup import open_trials, pick
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url, open_storage, storage_errors
from tests.records.alterations import ALTERATIONS, TRIAL, chosen_trial

T = TypeVar("T")

HARMLESS = (
    "full training with one field more",
    "finalist with one field more",
    "trial: running, its process gone",
    "trial: network not a network",
    "weights missing", "weights cut", "weights empty", "weights a text", "folder of finalists missing",
)  # fmt: skip
"""Alterations after which every record can be read: of the future, of a killed process, or of files beside it."""
UNREAD = (
    "trial: parameter cut", "trial: parameter of an unknown kind", "trial: value of an unknown kind",
    "direction unknown", "direction missing", "table of parameters missing", "table of heartbeats missing",
)  # fmt: skip
"""Damage to what only a search reads."""


@pytest.fixture
def damaged(run_folder: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Alters a copy of the searched study's run folder."""

    def make(name: str) -> Path:
        folder = tmp_path / "run"
        folder.mkdir()
        with (
            closing(sqlite3.connect(run_folder / "study.db")) as source,
            closing(sqlite3.connect(folder / "study.db")) as target,
        ):
            source.backup(target)  # with what is in the write-ahead log
        shutil.copytree(run_folder / "finalists", folder / "finalists")
        ALTERATIONS[name](folder)
        return folder

    return make


@pytest.mark.parametrize("name", [name for name in ALTERATIONS if name not in HARMLESS])
def test_reading_names_the_record(name: str, damaged: Callable[[str], Path], study_path: Path) -> None:
    """A reader gets what is whole and a warning, or one line with a way out; never another error."""
    study, folder = load_study(study_path), damaged(name)
    trials, message = _tried(lambda: open_trials(study, out=folder))
    if trials is None:
        assert "\n" not in message
        assert ";" in message
        assert str(folder) in message or "has no study 'tiny'" in message
        return
    if name in UNREAD:
        assert len(trials.records) == 4
        return
    assert len(trials.warnings) >= 1
    assert all(f"{folder / 'study.db'} is damaged: " in line for line in trials.warnings)
    assert all(line.endswith("restore a copy to have all of it") and "\n" not in line for line in trials.warnings)
    assert len(trials.records) == (0 if "step's" in name else 3 if name.startswith("trial:") else 4)
    assert len(trials.choices) == (0 if "step's" in name else 1)


@pytest.mark.parametrize(
    "name",
    [
        "settings cut", "settings missing", "choice null", "learned null", "full training with one field less",
        "trial: decisions null", "trial: outcome unknown", "trial: state unknown", "trial: number missing",
        "trial: parameter cut", "trial: value of an unknown kind", "direction missing", "study renamed",
        "table of parameters missing", "newer tables", "older tables", "database empty", "database cut in half",
        "database missing",
    ],
)  # fmt: skip
def test_a_search_refuses_it(name: str, damaged: Callable[[str], Path], study_path: Path) -> None:
    """A search does not go on from a damaged study; the message names the record and the ways out."""
    study, folder = load_study(study_path), damaged(name)
    _, message = _tried(lambda: _begin(study, folder))
    if name in ("study renamed", "learned null"):
        assert message == ""  # a new study beside the other, or knowledge that is worked out anew
        return
    assert "\n" not in message
    assert str(folder / "study.db") in message
    assert any(way in message for way in ("--fresh", "from a copy", "--out", "pip install", "optuna storage"))


def _tried(work: Callable[[], T]) -> tuple[T | None, str]:
    """Return what work gives, or None and the message of an expected error."""
    try:
        return work(), ""
    except BudgetnetError as error:
        return None, str(error)


def _begin(study: Study, folder: Path) -> None:
    """Open a database as a search does."""
    with storage_errors(default_url(folder)):
        recorded, _ = open_study(study, default_url(folder))
        check_whole(recorded, str(folder / "study.db"))


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_alterations_are_read(name: str, damaged: Callable[[str], Path], study_path: Path) -> None:
    """Nothing is said where every record can be read."""
    trials = open_trials(load_study(study_path), out=damaged(name))
    assert len(trials.records) == 4
    assert trials.warnings == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("trial: params a text", "trial 2: 'params' must be a whole number of at least 0, but is 'many'"),
        ("trial: outcome unknown", "trial 2: its outcome 'paused' is unknown; a later version of budgetnet may"),
        ("trial: state unknown", "trial 2: its state 'PAUSED' is unknown; a later version of Optuna may"),
        ("trial: decisions cut", "trial 2: 'decisions' is not JSON: "),
        ("finalist with one field less", "the full training finalist:1:0: its key 'test_accuracy' is missing"),
        ("settings null", "the study's settings cannot be read"),
        ("choice without a rule", "the study's choice cannot be read: its key 'rule' is missing"),
    ],
)
def test_the_line_says_what_is_wrong(
    name: str, line: str, damaged: Callable[[str], Path], study_path: Path, run_folder: Path
) -> None:
    """The record, the attribute, its rule and what came instead."""
    line = line.replace("finalist:1:", f"finalist:{chosen_trial(run_folder)}:")
    trials = open_trials(load_study(study_path), out=damaged(name))
    assert line in trials.warnings[0]


def test_a_missing_table_is_no_empty_study(damaged: Callable[[str], Path], study_path: Path) -> None:
    """Optuna would make the table anew, and there would be no trials."""
    folder = damaged("table trials missing")
    with pytest.raises(SearchError, match="is damaged: its table trials is missing; restore it from a copy"):
        open_trials(load_study(study_path), out=folder)


def test_a_damaged_trial_is_named_when_it_is_asked_for(damaged: Callable[[str], Path], study_path: Path) -> None:
    """Not "there is no such trial"."""
    trials = open_trials(load_study(study_path), out=damaged("trial: hash a number"))
    with pytest.raises(RequestError, match=rf"trial {TRIAL}: 'hash' must be a text, but is 12; restore the database"):
        pick(trials, str(TRIAL))


def test_a_new_file_is_no_damage(tmp_path: Path) -> None:
    """A search may begin in an empty file, which a killed one may have left."""
    path = tmp_path / "study.db"
    path.touch()
    open_storage(f"sqlite:///{path}")
    other = tmp_path / "other.db"
    other.touch()
    with pytest.raises(RequestError, match="is empty: it holds no study"):
        open_storage(f"sqlite:///{other}", create=False)


# --- taken away while it runs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("take_away", "what"),
    [
        (lambda folder: shutil.rmtree(folder), "the run folder .*run is gone"),
        (lambda folder: (folder / "study.db").unlink(), "the database .*study.db is gone"),
        (
            lambda folder: ((folder / "study.db").unlink(), (folder / "study.db").write_bytes(b"")),
            "the database .*study.db was replaced by another file",
        ),
    ],
)
def test_a_search_notices_what_is_taken_away(
    take_away: Callable[[Path], object], what: str, study: Study, tmp_path: Path
) -> None:
    """It ends at once and says that the records are lost."""
    from budgetnet.search.events import TrialDone
    from budgetnet.search.run import run_search
    from tests.search.helpers import Pretend

    folder = tmp_path / "run"
    done: list[object] = []

    def listen(event: object) -> None:
        if isinstance(event, TrialDone):
            done.append(event)
            if len(done) == 2:
                take_away(folder)

    with (
        patch("budgetnet.search.run.Pool", lambda *_, **__: Pretend(study)),
        pytest.raises(SearchError, match=what) as caught,
    ):
        run_search(study, out=folder, listen=listen, device="cpu")
    assert "nothing that was recorded since then is kept; put it back" in str(caught.value)
    assert len(done) == 2


def test_a_file_that_is_numbered_anew_is_the_same(study: Study, tmp_path: Path) -> None:
    """Some network disks do that; the study in it decides."""
    url = default_url(tmp_path)
    open_study(study, url)
    presence = Presence(url, tmp_path, study.name)
    shutil.copy(tmp_path / "study.db", tmp_path / "copy.db")
    (tmp_path / "copy.db").replace(tmp_path / "study.db")
    presence.check()
