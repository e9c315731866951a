"""Time and memory of a study with many trials: listing it, going on with it, proposing its next network.

    python -m tests.benchmarks.large_study [STUDY] [--trials 10000] [--sampler evolution] [--keep FOLDER]

The trials are made up: networks drawn from the study's space, with accuracies that rise with depth, written into an
SQLite file row by row as Optuna would. Each command runs in a process of its own, whose processor seconds, wall time
and highest memory are read from the system. ``resume`` is the time from the start of a search to its first training;
``proposal`` that from one training's end to the next one's start, of one worker that only pretends to train, with all
that a search does in between: reading what is new, proposing, counting by fvcore, recording. The images are left out:
opening them takes as long with any number of trials.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from optuna.distributions import distribution_to_json

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.files.study_file import load_study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.text import network_text, summary
from budgetnet.records.open import open_study
from budgetnet.records.parameters import parameters
from budgetnet.records.storage import default_url
from budgetnet.search.events import SearchEvent, TrialStarted
from budgetnet.search.run import run_search
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from tests.benchmarks.tables import header, table, write_json
from tests.search.helpers import Pretend

__all__ = ["fill", "main", "without_training"]

_MEASURED = """\
import atexit, runpy, sys, time
def tell():
    with open("/proc/self/status") as status:
        print(time.process_time(), status.read().split("VmHWM:")[1].split()[0], file=sys.stderr)
atexit.register(tell)
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""
"""Runs a module and tells its processor seconds and highest memory. The system's own figure for a child begins with the
memory of its parent."""
PROPOSALS = 12
"""Trainings that the search goes on for; the first starts are left out of the median."""


def fill(study: Study, folder: Path, count: int) -> None:
    """Make a run folder with a study of so many completed trials."""
    open_study(study, default_url(folder))[1].remove_session()  # type: ignore[attr-defined]
    proposer, rng = Proposer(space_of(study)), random.Random(0)
    with closing(sqlite3.connect(folder / "study.db")) as database:
        (key,) = database.execute("SELECT study_id FROM studies").fetchone()
        number = 0
        while number < count:
            drawn = proposer.draw(rng)
            if isinstance(drawn, Candidate):
                _write(database, study, key, number, drawn, rng)
                number += 1
        database.commit()


def _write(
    database: sqlite3.Connection, study: Study, key: int, number: int, drawn: Candidate, rng: random.Random
) -> None:
    """Write a completed trial."""
    network, cost = drawn.expansion.network, drawn.cost
    curve = [0.4 + 0.02 * cost.depth + 0.05 * epoch + rng.gauss(0, 0.02) for epoch in range(study.training.epochs)]
    curve = [min(1.0, max(0.0, one)) for one in curve]
    begun = f"2026-01-01 {number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000000"
    cursor = database.execute(
        "INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete) VALUES (?, ?, ?, ?, ?)",
        (number, key, "COMPLETE", begun, begun),
    )
    trial = cursor.lastrowid
    attributes: dict[str, Any] = {
        "arch": summary(network), "network": network_text(network), "decisions": drawn.expansion.decisions,
        "hash": canonical_hash(network), "params": cost.params, "flops": cost.flops, "activations": cost.activations,
        "peak_activation_bytes": cost.peak_activation_bytes, "depth": cost.depth,
        "receptive_field": cost.receptive_field, "flash": cost.flash, "ram": cost.ram, "rejected_before": {},
        "owner": "elsewhere/1/1", "seed": rng.getrandbits(31), "curve": curve, "epochs": len(curve), "seconds": 40.0,
        "accuracy": curve[-1], "worker": "elsewhere/0", "outcome": "completed",
        "training": {
            "recipe": study.training.to_mapping(), "losses": curve, "train_accuracies": curve,
            "validation_losses": curve, "device": "cpu", "precision": "float32", "threads": 1,
        },
    }  # fmt: skip
    database.executemany(
        "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)",
        [(trial, name, json.dumps(value)) for name, value in attributes.items()],
    )
    found = parameters(drawn.expansion.answers)
    database.executemany(
        "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) VALUES (?, ?, ?, ?)",
        [
            (trial, name, found.distributions[name].to_internal_repr(value),
             distribution_to_json(found.distributions[name]))
            for name, value in found.values.items()
        ],
    )  # fmt: skip
    database.execute(
        "INSERT INTO trial_values (trial_id, objective, value, value_type) VALUES (?, 0, ?, 'FINITE')",
        (trial, curve[-1]),
    )
    database.executemany(
        "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
        "VALUES (?, ?, ?, 'FINITE')",
        [(trial, step, value) for step, value in enumerate(curve, start=1)],
    )


@contextmanager
def without_training(study: Study) -> Iterator[None]:
    """Let a search neither train nor open images."""
    unopened = SimpleNamespace(identity=None, require=lambda: None)
    with (
        patch("budgetnet.search.run.Pool", lambda *_, **__: Pretend(study)),
        patch("budgetnet.search.run.StudyImages", lambda *_: unopened),
    ):
        yield


def go_on(path: Path, folder: Path, trials: int, sampler: str) -> None:
    """Go on with a study for `PROPOSALS` trainings, and print when each began, in seconds of wall and processor."""
    begun = time.perf_counter()
    study = load_study(path)
    search = replace(study.search, trials=trials + PROPOSALS, minutes=None, workers=1, sampler=sampler)  # type: ignore[arg-type]
    study = replace(study, search=search, target=None, finalists=replace(study.finalists, top=0))
    moments: list[tuple[float, float]] = []

    def listen(event: SearchEvent) -> None:
        if isinstance(event, TrialStarted):
            moments.append((time.perf_counter() - begun, time.process_time()))

    with without_training(study):
        run_search(study, out=folder, device="cpu", listen=listen)
    print(json.dumps(moments))


def measure(module: str, *words: str) -> tuple[str, float, float, float]:
    """Run a module; return what it printed, wall and processor seconds, and its highest memory in MiB (Linux only)."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", _MEASURED, module, *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    said, complained = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{module} {' '.join(words)} ended with {process.returncode}: {complained}")
    seconds, kilobytes = complained.split()[-2:]
    return said, time.perf_counter() - begun, float(seconds), int(kilobytes) / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, nargs="?", default=Path("studies/cifar10-200k.yaml"))
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--samplers", default="random,tpe,evolution,model")
    parser.add_argument("--keep", type=Path, help="folder of the made-up study, used again if it is there")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--go-on", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.go_on:
        go_on(asked.study, asked.keep, asked.trials, asked.go_on)
        return 0
    print("\n".join(f"{key}: {value}" for key, value in header(study=asked.study.name, trials=asked.trials).items()))
    with tempfile.TemporaryDirectory(prefix="budgetnet-large-") as temporary:
        base = asked.keep or Path(temporary) / "base"
        if not (base / "study.db").exists():
            fill(load_study(asked.study), base, asked.trials)
        rows = _rows(asked.study, base, Path(temporary) / "copy", asked.trials, asked.samplers.split(","))
    columns = ["", "wall s", "processor s", "memory MiB"]
    print("\n" + table(columns, [[name, *(f"{value:.2f}" for value in values)] for name, values in rows.items()]))
    write_json(asked.json, {"about": header(), "rows": rows})
    return 0


def _rows(path: Path, base: Path, copy: Path, trials: int, samplers: Sequence[str]) -> dict[str, Sequence[float]]:
    rows: dict[str, Sequence[float]] = {}
    for name in ("list", "list --json"):
        rows[name] = measure("budgetnet", *name.split(), str(path), "--run", str(base))[1:]
    for sampler in samplers:
        copy.mkdir(parents=True, exist_ok=True)
        (copy / "study.db").write_bytes((base / "study.db").read_bytes())
        words = [str(path), "--keep", str(copy), "--trials", str(trials), "--go-on", sampler]
        said, _, _, memory = measure("tests.benchmarks.large_study", *words)
        moments = json.loads(said)
        rows[f"resume, {sampler}"] = (*moments[0], memory)
        steps = [[later[i] - before[i] for i in (0, 1)] for before, later in itertools.pairwise(moments[2:])]
        rows[f"proposal, {sampler}"] = (*(statistics.median(step[i] for step in steps) for i in (0, 1)), memory)
    return rows


if __name__ == "__main__":
    raise SystemExit(main())
