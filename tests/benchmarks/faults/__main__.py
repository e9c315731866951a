"""Runs the faults and prints the table; exit code 1 if an invariant is broken.

    python -m tests.benchmarks.faults --kills 100
    python -m tests.benchmarks.faults --only "8 processes*" --kills 20

Searches are killed alone and in crowds of 4 and 8 processes on one study (SQLite, and a PostgreSQL server that is
started for it), as are `train`, `export`, `calibrate` and `tune-recipe`; then the database is killed and cut off, the
disk is full or read-only, files vanish and the clock moves. What cannot be done here is left out, with the reason.
After each: no network was trained twice, no training finished twice, nothing runs for ever, every completed trial and
full training is there still with its numbers, no traceback was printed. *epochs lost* are those told by the processes
and not part of a result; *a fault* is their number a fault.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from tests.benchmarks.faults.commands import SCENARIOS, command_kills, searched
from tests.benchmarks.faults.judgement import Judgement
from tests.benchmarks.faults.processes import hear_signals
from tests.benchmarks.faults.searches import crowd, lone_search, write_study
from tests.benchmarks.faults.surroundings import (
    Disturbance,
    clock_library,
    cut_off,
    disturbed,
    may_mount,
    server_killed,
    small_disk,
)
from tests.benchmarks.tables import header, table
from tests.postgres import missing_postgres, postgres_server

Run = Callable[[Path], Judgement]
COLUMNS = (
    "starts",
    "completed",
    "given back",
    "failed",
    "full",
    "resumed",
    "epochs lost",
    "a fault",
    "noticed after s",
)
SHARES = {"search": 0.4, "4 processes": 0.1, "8 processes": 0.12, "command": 0.06}
"""Part of the kills that each scenario of a kind gets."""


def scenarios(kills: int, trials: int, rng: random.Random, kept: Path) -> Iterator[tuple[str, Run | str]]:
    """Yield names, and what to run in an empty folder or why it cannot be done here; *kept* is for `searched`."""
    share = {kind: max(1, round(kills * part)) for kind, part in SHARES.items()}
    yield "search, 2 workers, SQLite", lambda folder: lone_search(folder, share["search"], trials, rng)
    for count in (4, 8):
        number = share[f"{count} processes"]
        yield f"{count} processes, SQLite", _crowd(count, number, trials, rng, server=False)
        reason = missing_postgres()
        yield f"{count} processes, PostgreSQL", reason or _crowd(count, number, trials, rng, server=True)
    for name in SCENARIOS:
        yield name, _command(name, share["command"], rng, kept)
    few = max(6, trials // 4)
    reason = missing_postgres()
    yield "database killed", reason or (lambda folder: _server(folder, few, "database killed"))
    yield "database cut off", reason or (lambda folder: _server(folder, few, "database cut off"))
    reason = may_mount()
    yield "disk full", reason or (lambda folder: _disk(folder, few, "disk full"))
    yield "disk read-only", reason or (lambda folder: _disk(folder, few, "disk read-only"))
    yield "database deleted", lambda folder: _deleted(folder, few, "database deleted")
    yield "run folder deleted", lambda folder: _deleted(folder, few, "run folder deleted")
    library = clock_library()
    missing = "libfaketime is not installed (Debian's package faketime)"
    for name, days in (("clock set forward", 30), ("clock set back", -30)):
        yield name, missing if library is None else _clock(name, days, few, library)


def _crowd(count: int, kills: int, trials: int, rng: random.Random, *, server: bool) -> Run:
    def run(folder: Path) -> Judgement:
        if not server:
            return crowd(folder, count, kills, trials, rng, None, "SQLite")
        with postgres_server() as storage:
            return crowd(folder, count, kills, trials, rng, storage, "PostgreSQL")

    return run


def _command(name: str, kills: int, rng: random.Random, kept: Path) -> Run:
    def run(folder: Path) -> Judgement:
        study = searched(folder, kept) if name in ("train", "export") else write_study(folder, 4)
        return command_kills(name, study, folder / "work", kills, rng)

    return run


def _server(folder: Path, trials: int, name: str) -> Judgement:
    with postgres_server() as storage:
        if name == "database cut off":
            # Connections are made anew; only one in the midst of a question ends the search, with a message.
            what = Disturbance(name, lambda: cut_off(storage))
        else:
            stop, start = server_killed(storage)
            what = Disturbance(name, stop, start, says="cannot be used")
        return disturbed(folder, folder / "run", trials, what, storage)


def _disk(folder: Path, trials: int, name: str) -> Judgement:
    place = folder / "disk"
    with ExitStack() as stack:
        remount = stack.enter_context(small_disk(place, "64m"))
        if name == "disk full":
            stuffing = place / "stuffing"

            def harm() -> None:
                with suppress(OSError), stuffing.open("wb", buffering=0) as file:
                    while True:
                        file.write(bytes(4096))

            what = Disturbance(name, harm, stuffing.unlink, says="disk is full")
        else:
            # Open files keep their right to be written to, so the mount refuses; what is left is the folder's right.
            what = Disturbance(name, lambda: remount("ro"), lambda: remount("rw"), says="written")
        return disturbed(folder, place / "run", trials, what)


def _deleted(folder: Path, trials: int, name: str) -> Judgement:
    run = folder / "run"

    def harm() -> None:
        if name == "run folder deleted":
            shutil.rmtree(run)
        else:
            for path in run.glob("study.db*"):
                path.unlink()

    return disturbed(folder, run, trials, Disturbance(name, harm, says="is gone", goes_on=False))


def _clock(name: str, days: int, trials: int, library: Path) -> Run:
    def run(folder: Path) -> Judgement:
        moved = folder / "clock"
        moved.write_text("+0", encoding="utf-8")
        environment = {
            "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(moved), "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }  # fmt: skip
        what = Disturbance(name, lambda: moved.write_text(f"{days:+}d", encoding="utf-8"), environment=environment)
        return disturbed(folder, folder / "run", trials, what)

    return run


def main() -> int:
    """Run what was asked for, and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=100, help="of all scenarios together, about")
    options.add_argument("--trials", type=int, default=40, help="networks of each study")
    options.add_argument("--seed", type=int, default=0, help="of moments and kinds")
    options.add_argument("--only", default="*", help="pattern of scenarios' names")
    options.add_argument("--json", type=Path, help="write the findings to this file, too")
    asked = options.parse_args()
    hear_signals()
    print("\n".join(f"{key}: {value}" for key, value in header().items()), flush=True)
    found: list[Judgement] = []
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="budgetnet-faults-") as top:
        for name, run in scenarios(asked.kills, asked.trials, random.Random(asked.seed), Path(top) / "searched"):
            if not fnmatch.fnmatch(name, asked.only):
                continue
            if isinstance(run, str):
                print(f"\n{name}: left out, {run}", flush=True)
                continue
            with tempfile.TemporaryDirectory(dir=top) as folder:
                found.append(run(Path(folder)))
            print(f"\n{name}: {dict(found[-1].done)} {found[-1].facts} {found[-1].broken or 'ok'}", flush=True)
            if asked.json is not None:
                document = [vars(one) for one in found]
                asked.json.write_text(json.dumps(document, indent=1, default=str), encoding="utf-8")
    _report(found, time.monotonic() - begun)
    return int(any(one.broken for one in found))


def _report(found: list[Judgement], seconds: float) -> None:
    kinds: Counter[str] = Counter()
    rows = []
    for one in found:
        kinds += one.done
        facts = [str(one.facts.get(name, "")) for name in COLUMNS]
        rows.append([one.name, str(sum(one.done.values())), *facts, "broken" if one.broken else "whole"])
    print("\n" + table(["scenario", "faults", *COLUMNS, "study"], rows))
    print("\n" + table(["fault", "times"], [[kind, str(number)] for kind, number in kinds.items() if number]))
    print(f"\n{sum(kinds.values())} faults in {seconds / 60:.0f} minutes")
    for one in found:
        for line in one.broken:
            print(f"BROKEN: {one.name}: {line}")


if __name__ == "__main__":
    sys.exit(main())
