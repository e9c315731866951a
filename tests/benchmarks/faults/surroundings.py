"""Faults around a search: database killed or cut off, disk full or read-only, files gone, the clock moved."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.faults.judgement import Judgement, events_of, judge, look
from tests.benchmarks.faults.processes import Command
from tests.benchmarks.faults.searches import write_study
from tests.postgres import server_of

__all__ = ["Disturbance", "clock_library", "cut_off", "disturbed", "may_mount", "server_killed", "small_disk"]

EPOCHS_BEFORE = 12
"""Epochs that a search has told when it is disturbed."""
NOTICED = 180.0
"""Seconds within which a search must have ended after the fault."""
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"


@dataclass(frozen=True)
class Disturbance:
    """One fault, and what is expected of a search that meets it."""

    name: str
    harm: Callable[[], object]
    mend: Callable[[], object] = lambda: None
    says: str | None = None
    """Words of the message with which it ends; None if it must go on as if nothing had happened."""
    goes_on: bool = True
    """False if what was lost is lost, so the study begins anew."""
    environment: Mapping[str, str] = field(default_factory=dict)


def disturbed(folder: Path, run: Path, trials: int, what: Disturbance, storage: str | None = None) -> Judgement:
    """Search, do harm when it is at work, see it end with a message, mend, and search to the end."""
    found = Judgement(what.name)
    path = write_study(folder, trials)
    words = ["search", str(path), "--out", str(run), "--device", "cpu", "--json"]
    command = Command(words + ([] if storage is None else ["--storage", storage]), folder / "log", what.environment)
    command.start()
    begun = command.until(lambda: command.said.count('"epoch_done"') >= EPOCHS_BEFORE, 600)
    found.require(begun, f"it did not begin: {command.said[-300:]}")
    before = look(path, run, storage)
    what.harm()
    found.done[what.name] += 1
    since = time.monotonic()
    if what.says is not None:
        command.until(lambda: False, NOTICED)
        found.facts["noticed after s"] = f"{time.monotonic() - since:.1f}"
        found.require(command.code == 1, f"its exit code is {command.code}")
        found.require(what.says in command.said, f"it says {_last(command.said)!r}")
        found.facts["said"] = _last(command.said)
        command.end(5)
    what.mend()
    while command.starts < 4:
        if what.says is not None or command.starts > 1:
            command.start()
        command.until(lambda: False, 1800)
        command.end(5)
        if command.code == 0:
            break
    found.require(command.code == 0, f"it did not come to its end (exit code {command.code}): {_last(command.said)}")
    found.quiet(command.said)
    kept = [before] if before is not None and what.goes_on else []
    judge(found, kept, look(path, run, storage), [command.said] if what.goes_on else [])
    found.facts["starts"] = command.starts
    return found


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith("error")]
    texts = [
        str(event["text"])
        for event in events_of(said)
        if event.get("event") in ("message", "error") and "text" in event
    ]
    return (lines or texts or said.splitlines()[-1:] or [""])[-1]


def may_mount() -> str | None:
    """Return why no small disk can be made here, or None."""
    return None if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("mount") else "only root may mount"


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Callable[[str], None]]:
    """Mount a disk in memory; yield a function that mounts it again with other options."""

    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(place)], check=True)

    place.mkdir()
    mount(f"size={size}")
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def clock_library() -> Path | None:
    """Return libfaketime (Debian's package faketime), if it is installed."""
    return next(iter(sorted(Path("/").glob(FAKETIME[1:]))), None)


def cut_off(storage: str) -> None:
    """End all other connections to a PostgreSQL server."""
    import sqlalchemy

    engine = sqlalchemy.create_engine(storage)
    with engine.connect() as connection:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        connection.execute(sqlalchemy.text(f"{others} AND backend_type = 'client backend'"))
    engine.dispose()


def server_killed(storage: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return functions that kill a PostgreSQL server and start it again."""
    server = server_of(storage)
    return server.stop, server.start
