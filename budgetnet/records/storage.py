"""Storage of a study's trials: one SQLite file in the run folder, or any database that Optuna can reach.

SQLite runs with a write-ahead log and ``synchronous=NORMAL``: what was committed survives a killed process, readers
(a dashboard, a second search) never block the writer, and a commit costs about a third of the default's time.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage
from sqlalchemy import event

from budgetnet.errors import RequestError, SearchError, nearest
from budgetnet.records.checks.tables import NoDatabaseError, check_leftovers, check_tables
from budgetnet.records.loading.quick_cache import QuickCache
from budgetnet.records.loading.quick_storage import QuickStorage
from budgetnet.text import masked

__all__ = [
    "DATABASE_TIMEOUT",
    "GRACE",
    "HEARTBEAT",
    "StaleCallback",
    "backend_of",
    "default_url",
    "open_storage",
    "shown",
    "storage_errors",
]

HEARTBEAT = 30
"""Seconds between two signs of life of a running trial."""
GRACE = 180
"""Seconds without a sign of life after which another machine may give a trial up."""
DATABASE_TIMEOUT = 60
"""Seconds that a writer waits for another one before it gives up."""
MAKING = 40
"""Attempts, four a second, to open a database whose tables another process is making."""

SCHEMES = ("sqlite", "postgresql", "mysql")

StaleCallback = Callable[[optuna.Study, optuna.trial.FrozenTrial], None]
"""Called after a trial whose machine fell silent was marked as failed."""


def default_url(folder: Path) -> str:
    """Return the address of the database inside a run folder."""
    return f"sqlite:///{(folder / 'study.db').absolute()}"


def backend_of(storage: BaseStorage) -> BaseStorage:
    """Return the storage behind the cache that Optuna puts in front of a database; without a cache, the storage."""
    backend: BaseStorage = getattr(storage, "_backend", storage)
    return backend


def open_storage(url: str, *, stale: StaleCallback | None = None, create: bool = True) -> BaseStorage:
    """Open a study database, and create it where there is none.

    Args:
        url: ``sqlite:///folder/study.db``, ``postgresql+psycopg://user:password@host/name`` and the like.
        stale: see `StaleCallback`.
        create: False refuses to create a SQLite file (for commands that only read).

    Raises:
        RequestError: the address cannot be understood, or a driver is not installed.
        SearchError: the database is damaged, unreachable, or of an incompatible version.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parsed = _parse(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database and parsed.database != ":memory:":
        _prepare(Path(parsed.database), create=create)
    arguments: dict[str, Any] = {"connect_args": {"timeout": DATABASE_TIMEOUT}} if sqlite else {"pool_pre_ping": True}
    with storage_errors(url):
        storage = _open(url, arguments, stale)
        if sqlite:
            event.listen(storage.engine, "connect", _relax)
            storage.engine.dispose()  # connections from before the listener keep the slow setting
        return QuickCache(storage)


def _open(url: str, arguments: dict[str, Any], stale: StaleCallback | None) -> QuickStorage:
    """Open a database; if another process is creating its tables right now, wait for it (Optuna's issue 4621)."""
    for attempt in range(MAKING):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # heartbeats, since 2.9
                return QuickStorage(
                    url,
                    engine_kwargs=dict(arguments),
                    heartbeat_interval=HEARTBEAT,
                    grace_period=GRACE,
                    heartbeat_stale_trial_callback=stale,
                )
        except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            text = f"{error} {error.__cause__}"
            if attempt == MAKING - 1 or not any(
                word in text for word in ("already exists", "alembic_version", "UNIQUE")
            ):
                raise
            time.sleep(0.25)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn what a database library raises into errors of ours that name the database and the next step."""
    place = shown(url)
    try:
        yield
    except ImportError as error:
        raise RequestError(
            f"{place} needs a database driver that is not installed ({error.__cause__ or error}); for PostgreSQL: "
            "pip install 'budgetnet[postgres]' (and write postgresql+psycopg://…), for MySQL: pip install pymysql (and "
            "write mysql+pymysql://…)"
        ) from error
    except sqlalchemy.exc.NoSuchModuleError as error:
        scheme = url.partition(":")[0]
        raise RequestError(
            f"{scheme!r} is not a kind of database{nearest(scheme, SCHEMES)}; write sqlite:///PATH or "
            "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, optuna.exceptions.StorageInternalError, sqlite3.Error) as error:
        cause = error.__cause__ if isinstance(error, optuna.exceptions.StorageInternalError) else error
        raise _failure(place, cause or error) from error
    except RuntimeError as error:
        if "version" in str(error) and "schema" in str(error):
            by = re.search(r"set up by optuna ([^)]*)", str(error))
            version = f"{optuna.__version__} here" + (f", and {by[1]} where it was made" if by else "")
            way = (
                f"make a copy of it, then bring it up to date with: optuna storage upgrade --storage {place}"
                if "upgrade" in str(error)
                else "use the newer version here as well: pip install -U budgetnet optuna"
            )
            raise SearchError(f"{place} was made by another version of Optuna ({version}); {way}") from error
        raise


def _parse(url: str) -> sqlalchemy.URL:
    if "://" not in url:
        raise RequestError(
            f"{shown(url)!r} is not a database address; a file is written sqlite:///{shown(url) or 'PATH'}, a server "
            "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        )
    try:
        parsed = sqlalchemy.make_url(url)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:
        raise RequestError(
            f"{shown(url)} is not a database address ({masked(str(error))}); write sqlite:///PATH or "
            "postgresql+psycopg://USER:PASSWORD@HOST/NAME"
        ) from error
    with storage_errors(url):
        parsed.get_dialect()
    return parsed


def _prepare(path: Path, *, create: bool) -> None:
    """Make the folder, check that the file is whole, and turn its write-ahead log on (a permanent setting)."""
    if not path.exists():
        if not create:
            raise NoDatabaseError(f"there is no study database {path}; run the search first, or check the address")
        check_leftovers(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"the run folder {path.parent} cannot be made ({error.strerror or error}); choose another with --out"
            ) from error
        if not os.access(path.parent, os.W_OK):
            raise RequestError(f"the run folder {path.parent} cannot be written to; choose another with --out")
        path.touch()  # with the permissions of other new files; SQLite's own are narrower than some umasks
    elif path.is_dir():
        raise RequestError(f"{path} is a folder, not an SQLite database; choose another place with --out")
    with storage_errors(f"sqlite:///{path}"), closing(sqlite3.connect(path, timeout=DATABASE_TIMEOUT)) as connection:
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
        check_tables(connection, path, create=create)
        _turn_log_on(connection)


def _turn_log_on(connection: sqlite3.Connection) -> None:
    """Change to a write-ahead log. SQLite does not wait for others that change to it at this moment, so we do."""
    deadline = time.monotonic() + DATABASE_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline or "locked" not in str(error):
                raise
            time.sleep(0.05)


def _relax(connection: Any, _record: object) -> None:
    """Set what SQLite does not keep between connections."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _failure(place: str, error: BaseException) -> SearchError:
    text = masked(" ".join(str(getattr(error, "orig", None) or error).split()))
    lower = text.lower()
    if "not a database" in lower:
        return SearchError(f"{place} is not an SQLite database ({text}); move it away or restore it from a copy")
    if "malformed" in lower or "corrupt" in lower or "disk i/o error" in lower:
        return SearchError(f"{place} is damaged ({text}); move it away or restore it from a copy")
    if "readonly" in lower or "read-only" in lower or "unable to open" in lower or "permission" in lower:
        return SearchError(
            f"{place} cannot be opened for writing ({text}); check who may write to the file and its folder, or choose "
            "another with --out"
        )
    if "full" in lower:
        return SearchError(f"the disk is full: {place} ({text}); make room, then start again: the study continues")
    if "locked" in lower:
        return SearchError(
            f"{place} stayed locked by another process for {DATABASE_TIMEOUT} seconds ({text}); end that process, or "
            "put the study on a disk of this machine: SQLite's locks fail on network disks"
        )
    return SearchError(f"{place} cannot be used ({text}); check that the server runs and that the name is right")


def shown(url: str) -> str:
    """Return a database's address for messages: without a password; a file by its path."""
    if url.startswith("sqlite:///"):
        return url.removeprefix("sqlite:///")
    return masked(url) if "://" in url else masked(f"//{url}").removeprefix("//")
