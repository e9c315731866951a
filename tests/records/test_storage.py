"""The database: how it is opened, and what is said when it cannot be."""

from __future__ import annotations

import sqlite3
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import optuna
import pytest
import sqlalchemy

from budgetnet.errors import RequestError, SearchError
from budgetnet.records.open import open_study
from budgetnet.records.storage import HEARTBEAT, _turn_log_on, default_url, open_storage, shown, storage_errors


def test_sqlite_is_opened_with_a_write_ahead_log(tmp_path):
    """The default database is in the run folder, with the settings that make it fast and safe to kill."""
    storage = open_storage(default_url(tmp_path / "run"))
    with storage._backend.engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(sqlalchemy.text("PRAGMA synchronous")).scalar() == 1
        assert connection.execute(sqlalchemy.text("PRAGMA busy_timeout")).scalar() == 60_000
    assert storage.get_heartbeat_interval() == HEARTBEAT
    assert (tmp_path / "run" / "study.db").exists()


def test_file_that_is_no_database(tmp_path):
    """A text file in the database's place is named, with what to do."""
    (tmp_path / "study.db").write_text("this is not a database, but it is long enough to be read as one\n" * 20)
    with pytest.raises(SearchError, match=r"study\.db is not an SQLite database .*move it away or restore it"):
        open_storage(default_url(tmp_path))


def test_damaged_database(study, tmp_path):
    """A database whose pages were overwritten is named as damaged, before anything else goes wrong."""
    open_study(study, default_url(tmp_path))
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    data[8192:40960] = b"\xa5" * 32768
    path.write_bytes(bytes(data))
    for left in tmp_path.glob("study.db-*"):
        left.unlink()
    with pytest.raises(SearchError, match=r"study\.db is damaged .*move it away or restore it from a copy"):
        open_storage(default_url(tmp_path))


def test_empty_file_becomes_a_database(tmp_path):
    """An empty file, as a crash right after its creation leaves it, is no obstacle."""
    (tmp_path / "study.db").touch()
    assert open_storage(default_url(tmp_path)).get_all_studies() == []


def test_folder_that_cannot_be_made(tmp_path):
    """A file where the run folder should be is named."""
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(RequestError, match=r"run folder .*runs/x cannot be made .*choose another with --out"):
        open_storage(default_url(tmp_path / "runs" / "x"))


def test_folder_without_permission(tmp_path):
    """A folder that may not be written to is named (as far as this user is bound by permissions at all)."""
    locked = tmp_path / "locked"
    locked.mkdir()
    locked.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        (locked / "probe").touch()
    except PermissionError:
        with pytest.raises(SearchError, match=r"cannot be opened for writing .*choose another with --out"):
            open_storage(default_url(locked))
    else:
        pytest.skip("this user may write everywhere")
    finally:
        locked.chmod(stat.S_IRWXU)


def test_folder_in_the_databases_place(tmp_path):
    """A folder named like the database is named."""
    (tmp_path / "study.db").mkdir()
    with pytest.raises(RequestError, match=r"study\.db is a folder, not an SQLite database"):
        open_storage(default_url(tmp_path))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("runs/study.db", r"'runs/study\.db' is not a database address; a file is written sqlite:///runs/study\.db"),
        ("sqlit:///x.db", r"'sqlit' is not a kind of database; did you mean 'sqlite'\?"),
        ("mysql://me:secret@localhost/x", r"mysql://me:\*\*\*@localhost/x needs a database driver"),
        ("postgresql://me:secret@local host:x/y", r"is not a database address"),
    ],
)
def test_wrong_addresses(url, message):
    """Addresses that mean nothing, or need what is not installed, are wrong requests; passwords stay hidden."""
    with pytest.raises(RequestError, match=message) as caught:
        open_storage(url)
    assert "secret" not in str(caught.value)


def test_reading_does_not_make_a_database(study, make_study, tmp_path):
    """Commands that only read say that there is nothing yet, and leave nothing behind."""
    with pytest.raises(RequestError, match=r"there is no study database .*run the search first"):
        open_study(study, default_url(tmp_path / "run"), create=False)
    assert not (tmp_path / "run").exists()
    open_study(study, default_url(tmp_path / "run"))
    with pytest.raises(RequestError, match=r"the database has no study 'tony' \(it has: tiny\); did you mean 'tiny'\?"):
        open_study(make_study(study="tony"), default_url(tmp_path / "run"), create=False)


def test_many_may_make_it_at_once(study, tmp_path):
    """Workers that all start on a fresh database get along, whoever makes the tables."""
    url = default_url(tmp_path)
    gate = threading.Barrier(5)

    def opened(_: int) -> str:
        gate.wait()
        return open_study(study, url)[0].study_name

    with ThreadPoolExecutor(5) as pool:
        assert list(pool.map(opened, range(5))) == ["tiny"] * 5


def test_a_log_that_others_turn_on(tmp_path):
    """Who finds the file locked while it changes to a write-ahead log waits, though SQLite does not."""
    path = tmp_path / "study.db"
    with closing(sqlite3.connect(path, check_same_thread=False)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN IMMEDIATE")
        later = threading.Timer(0.6, other.rollback)
        later.start()
        with closing(sqlite3.connect(path, timeout=0)) as connection:
            _turn_log_on(connection)
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        later.join()


def test_two_studies_share_a_database(study, make_study, tmp_path):
    """One server serves many studies."""
    url = default_url(tmp_path)
    open_study(study, url)
    recorded, _ = open_study(make_study(study="other"), url)
    assert recorded.study_name == "other"
    assert recorded.trials == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("database or disk is full", "the disk is full"),
        ("database is locked", "stayed locked by another process for 60 seconds"),
        ("attempt to write a readonly database", "cannot be opened for writing"),
        ("database disk image is malformed", "is damaged"),
    ],
)
def test_failures_on_the_way(tmp_path, text, message):
    """What SQLite says while a search runs becomes an error with the next step, also through Optuna's wrapping."""
    url = default_url(tmp_path)
    with pytest.raises(SearchError, match=message), storage_errors(url):
        raise sqlite3.OperationalError(text)
    with pytest.raises(SearchError, match=message), storage_errors(url):
        raise optuna.exceptions.StorageInternalError("wrapped") from sqlite3.OperationalError(text)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:secret@host/x",
        "postgresql+psycopg://me:se/cret:sec@ret@host/x",
        "mysql+pymysql://me@host/x?password=secret&charset=utf8",
        "postgresql://me:secret@local host:x/y",
        "me:secret@host/x",
    ],
)
def test_no_password_is_shown(url):
    """Neither of a user, nor among the options, nor of an address that is wrong."""
    assert "cret" not in shown(url)
    assert "***" in shown(url)
    with pytest.raises((RequestError, SearchError)) as caught, storage_errors(url):
        raise optuna.exceptions.StorageInternalError("x") from sqlalchemy.exc.ArgumentError(f"could not parse {url}")
    assert "cret" not in str(caught.value) or "://" not in url


def test_addresses_in_messages():
    """Files are shown by path, servers without their password."""
    assert shown("sqlite:////tmp/x/study.db") == "/tmp/x/study.db"
    assert shown("postgresql://me:secret@host/x") == "postgresql://me:***@host/x"
