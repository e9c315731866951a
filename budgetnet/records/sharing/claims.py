"""Claims: which of several processes does a piece of a study's work, settled in the database before the work starts.

A claim is one row of a table beside Optuna's, whose primary key lets one process alone write it. It holds its owner and
a count of signs of life. A claim whose owner is gone can be taken over: on this machine as soon as the process has
ended, from another machine when the count has stood still for `GRACE` seconds by this process's own clock, so clocks
that differ or are set do no harm.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy import Column, Integer, MetaData, String, Table, and_

from budgetnet.records.process import life_of, this_process
from budgetnet.records.storage import GRACE, HEARTBEAT, backend_of

__all__ = ["Claims"]

_TABLE = Table(
    "budgetnet_claims",
    MetaData(),
    Column("study_id", Integer, primary_key=True, autoincrement=False),
    Column("what", String(150), primary_key=True),
    Column("owner", String(250), nullable=False),
    Column("beats", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The state of another process's claim when it last changed."""

    owner: str
    beats: int
    since: float


class Claims:
    """The claims of one study. Storages without a database have one process, to which every claim is granted."""

    def __init__(
        self,
        storage: BaseStorage,
        study_id: int,
        *,
        owner: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Make the table where it is missing.

        Args:
            storage: the study's database.
            study_id: its key of the study.
            owner: who claims; this process if None.
            clock: tells seconds.
        """
        backend = backend_of(storage)
        self._engine: sqlalchemy.Engine | None = backend.engine if isinstance(backend, RDBStorage) else None
        self.study_id = study_id
        self._owner = owner or this_process()
        self._clock = clock
        self._seen: dict[str, _Seen] = {}
        self._mine: set[str] = set()
        self._beaten: float | None = None
        if self._engine is not None:
            _make(self._engine)

    def take(self, what: str) -> bool:
        """Claim a piece of work, known by a name of at most 150 letters; return True if it is this process's now."""
        if self._engine is None or what in self._mine:
            self._mine.add(what)
            return True
        row = {"study_id": self.study_id, "what": what, "owner": self._owner, "beats": 0}
        try:
            with self._engine.begin() as connection:
                connection.execute(_TABLE.insert().values(row))
        except sqlalchemy.exc.IntegrityError:
            if not self._take_over(what):
                return False
        self._mine.add(what)
        return True

    def release(self, what: str) -> None:
        """Give up a claim of this process: the work is done, or another one may do it."""
        if what in self._mine and self._engine is not None:
            with self._engine.begin() as connection:
                connection.execute(_TABLE.delete().where(self._row(what), _TABLE.c.owner == self._owner))
        self._mine.discard(what)

    def release_all(self) -> None:
        """Give up all claims of this process."""
        for what in sorted(self._mine):
            self.release(what)

    def beat(self) -> None:
        """Give a sign of life for every claim of this process, if the last one is `HEARTBEAT` seconds old."""
        now = self._clock()
        if self._engine is None or not self._mine or (self._beaten is not None and now - self._beaten < HEARTBEAT):
            return
        self._beaten = now
        ours = and_(_TABLE.c.study_id == self.study_id, _TABLE.c.owner == self._owner)
        with self._engine.begin() as connection:
            connection.execute(_TABLE.update().where(ours).values(beats=_TABLE.c.beats + 1))

    def others(self, prefix: str = "") -> list[str]:
        """Return what living processes other than this one have claimed, of the names that begin with *prefix*."""
        if self._engine is None:
            return []
        named = and_(_TABLE.c.study_id == self.study_id, _TABLE.c.owner != self._owner)
        with self._engine.connect() as connection:
            rows = connection.execute(
                sqlalchemy.select(_TABLE.c.what, _TABLE.c.owner, _TABLE.c.beats).where(named).order_by(_TABLE.c.what)
            ).all()
        return [what for what, owner, beats in rows if what.startswith(prefix) and self._lives(what, owner, beats)]

    def _take_over(self, what: str) -> bool:
        """Take a claim from an owner that is gone."""
        assert self._engine is not None
        with self._engine.begin() as connection:
            found: Any = connection.execute(
                sqlalchemy.select(_TABLE.c.owner, _TABLE.c.beats).where(self._row(what))
            ).one_or_none()
            if found is None:  # it was released at this moment; whoever asks again gets it
                return False
            owner, beats = found
            if owner == self._owner:
                return True
            if self._lives(what, owner, beats):
                return False
            unchanged = and_(self._row(what), _TABLE.c.owner == owner, _TABLE.c.beats == beats)
            taken = connection.execute(_TABLE.update().where(unchanged).values(owner=self._owner, beats=0))
            return taken.rowcount == 1

    def _lives(self, what: str, owner: str, beats: int) -> bool:
        """Tell whether the owner of a claim is at work, as far as can be seen from here."""
        life = life_of(owner)
        if life != "unknown":
            return life == "alive"
        now = self._clock()
        seen = self._seen.get(what)
        if seen is None or (seen.owner, seen.beats) != (owner, beats):
            seen = self._seen[what] = _Seen(owner, beats, now)
        return now - seen.since < GRACE

    def _row(self, what: str) -> sqlalchemy.ColumnElement[bool]:
        return and_(_TABLE.c.study_id == self.study_id, _TABLE.c.what == what)


def _make(engine: sqlalchemy.Engine) -> None:
    """Make the table, unless it is there or another process makes it at this moment."""
    try:
        _TABLE.create(engine, checkfirst=True)
    except sqlalchemy.exc.SQLAlchemyError:
        if not sqlalchemy.inspect(engine).has_table(_TABLE.name):
            raise
