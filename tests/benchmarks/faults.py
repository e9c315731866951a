"""Kills searches in every way, and counts what survived: ``python -m tests.benchmarks.faults --kills 100``.

One small study on digits is searched to its end while its processes are killed at random moments: the main process or a
worker by SIGKILL, the main process or the whole group by SIGTERM, the whole group by SIGKILL. A search that ended is
started again. At the end the database is read: no network may have been trained twice, no full training may be there
twice, nothing may be running, and every completed trial must be there still, with the same numbers.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

from budgetnet.files.study_file import parse_study
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import open_trials
from budgetnet.records.trial import Record

STUDY = """\
study: faults
dataset: digits
budget: {params: 6k}
grammar: |
  network = conv(3, 8|12|16) stage(8|12|16|24){1..2} gap linear(classes)
  stage(c) = conv(3, c) | skip(conv(3, c)) | dwconv(3|5) conv(1, c)
search: {trials: TRIALS, workers: 2, seed: 0, sampler: random, pruner: none}
training: {epochs: 12, batch: 64, shift: 0, flip: none, precision: float32}
finalists: {top: 2, seeds: 2, winner_seeds: 2, epochs: 40, checkpoint: 0.01}
"""

KINDS = ("SIGKILL worker", "SIGKILL main", "SIGTERM main", "SIGTERM group", "SIGKILL group")


def main() -> None:
    """Run the faults and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=100, help="how many, then the search is left alone")
    options.add_argument("--trials", type=int, default=60, help="networks of the study")
    options.add_argument("--seed", type=int, default=0, help="of moments and kinds")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="budgetnet-faults-") as folder:
        Faults(Path(folder), asked.kills, asked.trials, random.Random(asked.seed)).run()


class Faults:
    """One study, and what happens to it."""

    def __init__(self, folder: Path, kills: int, trials: int, rng: random.Random) -> None:
        self.folder, self.kills, self.rng = folder, kills, rng
        self.text = STUDY.replace("TRIALS", str(trials))
        self.path = folder / "faults.yaml"
        self.path.write_text(self.text, encoding="utf-8")
        self.done: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.seen: dict[int, float | None] = {}
        self.starts = 0

    def run(self) -> None:
        """Search to the end, killing on the way, and print what is left."""
        begin = time.monotonic()
        while not self._one_start():
            pass
        self._report(time.monotonic() - begin)

    def _one_start(self) -> bool:
        """Start the search and kill until it ends; return True if it came to its end by itself."""
        self.starts += 1
        command = [sys.executable, "-m", "budgetnet", "search", str(self.path), "--out", str(self.folder / "run")]
        log = (self.folder / "log").open("ab")
        process = subprocess.Popen(
            [*command, "--device", "cpu"], stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
        )
        known = self._writes()
        while process.poll() is None:
            time.sleep(self.rng.uniform(0.3, 3.0))
            if self._writes() == known or sum(self.done.values()) >= self.kills:
                continue  # it has not begun to train yet, or has been killed often enough
            known = self._writes()
            self._kill(process)
        log.close()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._remember()
        return process.returncode == 0

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        kind = self.rng.choices(KINDS, weights=(4, 2, 1, 2, 1))[0]
        number = signal.Signals[kind.split()[0]]
        workers = _workers(process.pid)
        with suppress(ProcessLookupError):
            match kind.split()[1]:
                case "worker" if workers:
                    os.kill(self.rng.choice(workers), number)
                case "main":
                    os.kill(process.pid, number)
                case "group":
                    os.killpg(process.pid, number)
                case _:
                    return
        self.done[kind] += 1
        print(f"{sum(self.done.values())}: {kind}", flush=True)
        if kind != "SIGKILL worker":
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
            self.ended["by itself" if process.returncode in (0, 130) else "killed"] += 1

    def _writes(self) -> int:
        """Return how many accuracies the database holds; 0 before there is one."""
        try:
            with closing(sqlite3.connect(f"file:{self.folder / 'run' / 'study.db'}?mode=ro", uri=True)) as database:
                (epochs,) = database.execute("SELECT count(*) FROM trial_intermediate_values").fetchone()
                (runs,) = database.execute("SELECT count(*) FROM study_user_attributes").fetchone()
        except sqlite3.Error:
            return 0
        return int(epochs) + int(runs)

    def _remember(self) -> None:
        """Note completed trials, which later looks must find again."""
        for record in self._read()[0]:
            if record.outcome == "completed":
                assert self.seen.setdefault(record.number, record.accuracy) == record.accuracy, record
        assert self.seen.keys() <= {one.number for one in self._read()[0] if one.outcome == "completed"}

    def _read(self) -> tuple[tuple[Record, ...], tuple[Finalist, ...]]:
        study = parse_study(self.text, self.path)
        try:
            found = open_trials(study, out=self.folder / "run")
        except Exception as error:  # noqa: BLE001 - a search that was killed before it made its database
            print(f"nothing to read yet: {error}")
            return (), ()
        return found.records, tuple(found.finalists)

    def _report(self, seconds: float) -> None:
        records, finalists = self._read()
        outcomes = Counter(record.outcome for record in records)
        trained = Counter(record.hash for record in records if record.trained)
        runs = [run for one in finalists for run in (*one.runs, *one.full)]
        lost = sum(record.epochs for record in records if record.outcome == "interrupted")
        rows = [(kind, f"{self.done[kind]}") for kind in KINDS]
        rows += [
            ("starts of the search", f"{self.starts}"),
            ("trials completed", f"{outcomes['completed']}"),
            ("trials interrupted and repeated", f"{outcomes['interrupted']}"),
            ("trials failed", f"{outcomes['failed']}"),
            ("networks trained twice", f"{sum(count > 1 for count in trained.values())}"),
            ("left running or waiting", f"{outcomes['running'] + outcomes['waiting']}"),
            ("full and final trainings", f"{len(runs)}"),
            ("of these, failed", f"{sum(run.failed is not None for run in runs)}"),
            ("times that one went on from a checkpoint", f"{sum(len(run.resumed) for run in runs)}"),
            ("epochs of interrupted trials", f"{lost} ({lost / max(1, sum(self.done.values())):.1f} a kill)"),
            ("checkpoints left behind", f"{len(list((self.folder / 'run').rglob('*.checkpoint')))}"),
            ("minutes", f"{seconds / 60:.1f}"),
        ]
        print("\n".join(f"{name:<42}{value:>16}" for name, value in rows))
        log = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
        assert max(trained.values(), default=0) <= 1, "a network was trained twice"
        assert outcomes["running"] + outcomes["waiting"] == 0, "something runs for ever"
        assert "Traceback" not in log, log[-3000:]


def _workers(parent: int) -> list[int]:
    """Return the process numbers of a search's workers."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    return [int(pid) for pid, owner, what in rows if int(owner) == parent and "spawn_main" in what]


if __name__ == "__main__":
    main()
