"""Weights of final trainings in the study's database, for processes that do not see the folder of the one that trained.

Networks of this kind are small: their weights fit in a row of a table beside Optuna's. They are left there where the
database is not the run folder's own, so that whoever exports the winner has them, whichever machine trained it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, and_

from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.storage import backend_of, open_storage, storage_errors

__all__ = ["LIMIT_WEIGHTS", "bring_weights", "copy_weights", "leave_weights", "weights_from"]

LIMIT_WEIGHTS = 2**25
"""Bytes of weights above which they stay where they are: a network of 8 million parameters."""

_TABLE = Table(
    "budgetnet_weights",
    MetaData(),
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("file", String(250), primary_key=True),
    Column("content", LargeBinary(LIMIT_WEIGHTS), nullable=False),
)


def leave_weights(storage: BaseStorage, study_id: int, folder: Path, file: str) -> bool:
    """Leave a file of weights in the database; return False if it is not there, too large, or there is no database.

    Args:
        storage: the study's database.
        study_id: its key of the study.
        folder: the run folder.
        file: the file in it, with ``/`` between parts.
    """
    backend, path = backend_of(storage), folder / file
    if not isinstance(backend, RDBStorage) or not path.is_file() or path.stat().st_size > LIMIT_WEIGHTS:
        return False
    content = path.read_bytes()
    try:
        _TABLE.create(backend.engine, checkfirst=True)
    except sqlalchemy.exc.SQLAlchemyError:  # another process makes it at this moment
        if not sqlalchemy.inspect(backend.engine).has_table(_TABLE.name):
            raise
    with backend.engine.begin() as connection:
        connection.execute(_TABLE.delete().where(_row(study_id, file)))
        connection.execute(_TABLE.insert().values(study_id=study_id, file=file, content=content))
    return True


def bring_weights(storage: BaseStorage, study_id: int, folder: Path, finalists: Iterable[Finalist]) -> list[str]:
    """Write the weights that the run folder lacks and the database has; return the files, relative to the folder."""
    backend = backend_of(storage)
    wanted = [run.weights for one in finalists for run in one.runs if run.weights is not None]
    missing = [file for file in wanted if _within(file) and not (folder / file).is_file()]
    if (
        not missing
        or not isinstance(backend, RDBStorage)
        or not sqlalchemy.inspect(backend.engine).has_table(_TABLE.name)
    ):
        return []
    brought: list[str] = []
    for file in missing:
        with backend.engine.connect() as connection:
            content = connection.execute(sqlalchemy.select(_TABLE.c.content).where(_row(study_id, file))).scalar()
        if content is not None:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_name(f"{path.name}.{os.getpid()}.part")
            half.write_bytes(content)
            half.replace(path)
            brought.append(file)
    return brought


def weights_from(url: str, study: str, folder: Path, finalists: Iterable[Finalist]) -> list[str]:
    """Do the same for a study that is not open: of its database's address and its name."""
    storage = open_storage(url, create=False)
    with storage_errors(url):
        return bring_weights(storage, storage.get_study_id_from_name(study), folder, finalists)


def copy_weights(storage: BaseStorage, source: int, target: int) -> None:
    """Leave all weights of a study for another one of the same database, but those that this has already.

    Args:
        storage: the database.
        source: the first study's key.
        target: the other study's key.
    """
    backend = backend_of(storage)
    if not isinstance(backend, RDBStorage) or not sqlalchemy.inspect(backend.engine).has_table(_TABLE.name):
        return
    key = sqlalchemy.literal(target)
    with backend.engine.begin() as connection:
        held = sqlalchemy.select(_TABLE.c.file).where(_TABLE.c.study_id == target)
        rows = sqlalchemy.select(key, _TABLE.c.file, _TABLE.c.content).where(
            _TABLE.c.study_id == source, _TABLE.c.file.not_in(held)
        )
        connection.execute(_TABLE.insert().from_select(["study_id", "file", "content"], rows))


def _within(file: str) -> bool:
    """Tell whether a path of a record stays in the run folder."""
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts


def _row(study_id: int, file: str) -> sqlalchemy.ColumnElement[bool]:
    return and_(_TABLE.c.study_id == study_id, _TABLE.c.file == file)
