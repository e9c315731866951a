"""Kills of searches: one alone, and many processes that share a study."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.benchmarks.faults.judgement import Judgement, StudyState, judge, look
from tests.benchmarks.faults.processes import KILLS, WORKER_KILLS, Command

__all__ = ["STUDY", "crowd", "lone_search", "write_study"]

STUDY = """\
study: faults
dataset: digits
budget: {params: 6k}
grammar: |
  network = conv(3, 8|12|16) stage(8|12|16|24){1..2} gap linear(classes)
  stage(c) = conv(3, c) | skip(conv(3, c)) | dwconv(3|5) conv(1, c)
search: {trials: TRIALS, workers: 2, seed: 0, sampler: random, pruner: none}
training: {epochs: 8, batch: 64, shift: 0, flip: none, precision: float32}
finalists: {top: 2, seeds: 2, winner_seeds: 2, epochs: 14, checkpoint: 0.01}
"""
LIMIT_HOURS = 1.0
"""Time after which a scenario that has not come to its end is broken."""


def write_study(folder: Path, trials: int) -> Path:
    """Write the study's file."""
    path = folder / "faults.yaml"
    path.write_text(STUDY.replace("TRIALS", str(trials)), encoding="utf-8")
    return path


def _epochs(command: Command) -> int:
    """Count the epochs that a command has told."""
    return command.said.count('"epoch_done"')


def lone_search(folder: Path, kills: int, trials: int, rng: random.Random) -> Judgement:
    """Search a study of two workers to its end, in trials and finalists, and kill on the way."""
    found = Judgement("search, 2 workers, SQLite")
    path, run = write_study(folder, trials), folder / "run"
    words = ["search", str(path), "--out", str(run), "--device", "cpu", "--json"]
    command = Command(words, folder / "log")
    before: list[StudyState] = []
    end = time.monotonic() + 3600 * LIMIT_HOURS
    while time.monotonic() < end:
        known = _epochs(command)
        command.start()
        while command.code is None and time.monotonic() < end:
            if sum(found.done.values()) >= kills or not command.until(lambda at=known: _epochs(command) > at, 120.0):
                time.sleep(0.2)
                continue
            time.sleep(rng.uniform(0, 1.5))
            kind = rng.choices((*WORKER_KILLS, *KILLS), weights=(8, 3, 3, 3, 2, 2, 2, 1, 2, 1))[0]
            known = _epochs(command)
            found.done[kind] += command.kill(kind, rng)
        command.end(0 if command.code is None else 5)
        state = look(path, run)
        if state is not None:
            before.append(state)
        if command.code == 0:
            break
    found.require(command.code == 0, f"the search did not come to its end (exit code {command.code})")
    found.require(not command.too_slow, f"it did not end within two minutes of {command.too_slow}")
    found.quiet(command.said)
    judge(found, before, look(path, run), [command.said])
    found.facts["starts"] = command.starts
    left = len(list(run.rglob("*.checkpoint")))
    found.require(not left, f"{left} checkpoints are left")
    return found


def crowd(
    folder: Path, count: int, kills: int, trials: int, rng: random.Random, storage: str | None, name: str
) -> Judgement:
    """Let many processes of one worker each share a study, and kill and replace them until it is done."""
    found = Judgement(f"{count} processes, {name}")
    path, run = write_study(folder, trials), folder / "run"
    url = storage or f"sqlite:///{run / 'study.db'}"
    first = ["search", str(path), "--out", str(run), "--storage", url, "--device", "cpu", "--json", "--workers", "1"]
    joined = ["worker", "faults", "--run", str(run), "--storage", url, "--device", "cpu", "--json"]
    crew = [Command(first, folder / "log-0")]
    crew += [Command([*joined, "--wait", "600"], folder / f"log-{number}") for number in range(1, count)]
    for command in crew:
        command.start()
    before: list[StudyState] = []
    end = time.monotonic() + 3600 * LIMIT_HOURS
    while time.monotonic() < end:
        for command in crew:
            if command.code not in (None, 0):
                command.end(5)
                command.start()
        if all(command.code == 0 for command in crew):
            break
        time.sleep(rng.uniform(0.2, 2.0))
        alive = [command for command in crew if command.code is None and _epochs(command) > 0]
        if alive and sum(found.done.values()) < kills:
            kind = rng.choices((*WORKER_KILLS, *KILLS), weights=(6, 1, 1, 5, 2, 2, 2, 1, 1, 1))[0]
            found.done[kind] += rng.choice(alive).kill(kind, rng)
            state = look(path, run, url)
            if state is not None:
                before.append(state)
    codes = [command.code for command in crew]
    _end_all(crew)
    found.require(codes == [0] * count, f"not all came to their end (exit codes {codes})")
    for command in crew:
        found.quiet(command.said)
    judge(found, before, look(path, run, url), [command.said for command in crew])
    found.facts["starts"] = sum(command.starts for command in crew)
    return found


def _end_all(crew: Sequence[Command]) -> None:
    for command in crew:
        with suppress(ProcessLookupError):
            command.end(0 if command.code is None else 5)
