"""Trials per second of several processes on one study, without any training, and what follows for many more.

    python -m tests.benchmarks.throughput [STUDY] [--workers 1,2,4,8] [--stored 0,10000] [--seconds 30]
    python -m tests.benchmarks.throughput --simulate --processor 0.2 --database 0.05 --reading 0.003

Each process proposes, counts by fvcore, records and ends trials as in a real search, but its worker only pretends to
train. Besides the rate, which depends on how many cores there are, it shows what a trial costs: processor seconds of
the process and of the database's server, statements, and seconds in which a process waits for its database.

The simulation takes these costs: workers that each train for some seconds, then need *processor* seconds of their own
machine and *database* seconds of the one database, one after the other, as well as *reading* seconds for each trial
that others have recorded since the worker's last one. It shows the rate against that of workers which never wait.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy

from budgetnet.files.study_file import load_study
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.search.events import SearchEvent, TrialDone
from budgetnet.search.run import run_search
from tests.benchmarks.large_study import fill, without_training
from tests.benchmarks.tables import header, table
from tests.postgres import missing_postgres, postgres_server

__all__ = ["main", "simulate"]

TRAININGS = (10.0, 60.0, 300.0)
"""Seconds of the simulated trainings."""
CROWDS = (8, 64, 512)
"""Simulated workers."""


def work(path: Path, folder: Path, url: str) -> None:
    """Search until SIGTERM, and print what was done since the first trial's end."""
    study = load_study(path)
    search = replace(
        study.search,
        trials=10**6,
        minutes=None,
        workers=1,
        sampler="evolution",
        pruner=replace(study.search.pruner, kind="none"),
    )
    study = replace(study, search=search, target=None, finalists=replace(study.finalists, top=0))
    asked = {"statements": 0, "waited": 0.0}
    moments: list[dict[str, float]] = []

    def before(*_: object) -> None:
        asked["statements"] += 1
        asked["waited"] -= time.perf_counter()

    def after(*_: object) -> None:
        asked["waited"] += time.perf_counter()

    sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", before)
    sqlalchemy.event.listen(sqlalchemy.Engine, "after_cursor_execute", after)

    def listen(event: SearchEvent) -> None:
        if isinstance(event, TrialDone) and event.record.trained:
            if not moments:
                print("begun", flush=True)
            moments.append({"time": time.time(), "processor": time.process_time(), **asked})

    with without_training(study):
        run_search(study, out=folder, storage=url, device="cpu", joining=True, listen=listen)
    print(json.dumps(moments))


def measure(path: Path, folder: Path, url: str, workers: int, seconds: float) -> list[str]:
    """Let processes work for some seconds after all have begun; return the cells of a row."""
    command = [sys.executable, "-m", "tests.benchmarks.throughput", str(path), "--work", str(folder), "--url", url]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    crew = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
        for _ in range(workers)
    ]
    for process in crew:  # all import their libraries and read what is stored
        assert process.stdout is not None
        process.stdout.readline()
    server = _server_seconds()
    time.sleep(seconds)
    server = _server_seconds() - server
    for process in crew:
        process.send_signal(signal.SIGTERM)
    found = [json.loads(process.communicate()[0] or "[]") for process in crew]
    end = time.time() - 1
    spans = [[one for one in moments if end - seconds <= one["time"] <= end] for moments in found]
    spans = [span for span in spans if len(span) > 1]
    if not spans:
        return ["0"] * 6
    trials = sum(len(span) - 1 for span in spans)
    rate = sum((len(span) - 1) / (span[-1]["time"] - span[0]["time"]) for span in spans)

    def each(name: str) -> float:
        return sum(span[-1][name] - span[0][name] for span in spans) / trials

    return [
        f"{rate:.2f}", f"{3600 * rate:,.0f}", f"{each('processor'):.3f}", f"{each('waited'):.3f}",
        f"{each('statements'):.0f}", f"{server / max(1, trials):.3f}",
    ]  # fmt: skip


def _server_seconds() -> float:
    """Return the processor seconds of all PostgreSQL processes that live."""
    ticks = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = place.read_text(encoding="utf-8").partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name.startswith("postgres"):
            ticks += sum(int(part) for part in rest.split()[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def databases(path: Path, name: str, stored: int, folder: Path) -> Iterator[str]:
    """Yield the address of a database that holds the study and so many trials."""
    study = load_study(path)
    made = folder / "made"
    if stored and not (made / "study.db").exists():
        fill(study, made, stored)
    if name == "SQLite":
        run = folder / f"run-{stored}"
        run.mkdir(exist_ok=True)
        if stored:
            shutil.copy(made / "study.db", run)
        else:
            open_study(study, default_url(run))
        yield default_url(run)
        shutil.rmtree(run)
        return
    with postgres_server() as url:
        open_study(study, url)
        if stored:
            _copy(f"sqlite:///{made / 'study.db'}", url)
        yield url


def _copy(source: str, target: str) -> None:
    """Copy the rows of trials from one database to another."""
    from optuna.storages._rdb import models

    one, other = sqlalchemy.create_engine(source), sqlalchemy.create_engine(target)
    with one.connect() as reading, other.begin() as writing:
        for kind in (models.TrialModel, models.TrialParamModel, models.TrialValueModel, models.TrialUserAttributeModel,
                     models.TrialIntermediateValueModel):  # fmt: skip
            rows = [dict(row._mapping) for row in reading.execute(sqlalchemy.select(kind.__table__))]
            for place in range(0, len(rows), 5000):
                writing.execute(kind.__table__.insert(), rows[place : place + 5000])
            key = next(iter(kind.__table__.primary_key.columns)).name
            writing.execute(
                sqlalchemy.text(
                    f"SELECT setval(pg_get_serial_sequence('{kind.__tablename__}', '{key}'), "
                    f"(SELECT max({key}) FROM {kind.__tablename__}))"
                )
            )


def simulate(
    workers: int, training: float, *, processor: float, database: float, reading: float, trials: int = 20_000
) -> float:
    """Return trials per second of so many workers with one database.

    Args:
        workers: processes, each on a core of its own.
        training: seconds of a training; the simulated ones vary by a quarter.
        processor: seconds that a process needs of its own core for a trial.
        database: seconds that a trial needs of the database, which serves one process at a time.
        reading: seconds that reading another one's trial takes it.
        trials: how many are simulated.
    """
    rng = random.Random(0)
    ready = [(rng.uniform(0, training), number) for number in range(workers)]
    heapq.heapify(ready)
    seen = [0] * workers
    free, done, ends = 0.0, 0, 0.0
    while done < trials:
        moment, number = heapq.heappop(ready)
        new = done - seen[number]
        free = max(free, moment) + database + reading * new
        seen[number] = done = done + 1
        ends = max(ends, free)
        heapq.heappush(ready, (free + processor + training * rng.uniform(0.75, 1.25), number))
    return trials / ends


def simulation(processor: float, database: float, reading: float) -> str:
    """Return the table of simulated rates."""
    rows = []
    for training in TRAININGS:
        cells = []
        for workers in CROWDS:
            rate = simulate(workers, training, processor=processor, database=database, reading=reading)
            cells += [f"{3600 * rate:,.0f}", f"{100 * rate * (training + processor) / workers:.0f} %"]
        rows.append([f"{training:.0f}", *cells])
    columns = ["training s", *(text for workers in CROWDS for text in (f"{workers}: trials/h", "busy"))]
    return table(columns, rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure or simulate, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, nargs="?", default=Path("studies/cifar10-200k.yaml"))
    parser.add_argument("--workers", default="1,2,4,8")
    parser.add_argument("--stored", default="0,10000")
    parser.add_argument("--databases", default="SQLite,PostgreSQL")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--simulate", action="store_true", help="simulate only, from these costs:")
    parser.add_argument("--processor", type=float, default=0.2, help="seconds of a worker's core a trial")
    parser.add_argument("--database", type=float, default=0.05, help="seconds of the database a trial")
    parser.add_argument("--reading", type=float, default=0.003, help="seconds of the database to read one trial")
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.work:
        work(asked.study, asked.work, asked.url)
        return 0
    if asked.simulate:
        print(simulation(asked.processor, asked.database, asked.reading))
        return 0
    print("\n".join(f"{key}: {value}" for key, value in header(study=asked.study.name).items()), flush=True)
    columns = [
        "database", "stored", "processes", "trials/s", "trials/h", "processor s", "database s", "statements", "server s"
    ]  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory(prefix="budgetnet-throughput-") as folder:
        for name in asked.databases.split(","):
            if name != "SQLite" and (reason := missing_postgres()) is not None:
                print(f"{name}: left out, {reason}")
                continue
            for stored in map(int, asked.stored.split(",")):
                for workers in map(int, asked.workers.split(",")):
                    with databases(asked.study, name, stored, Path(folder)) as url:
                        cells = measure(asked.study, Path(folder) / "run", url, workers, asked.seconds)
                    rows.append([name, f"{stored:,}", str(workers), *cells])
                    print(" ".join(rows[-1]), flush=True)
    print("\n" + table(columns, rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
