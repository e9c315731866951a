"""Kills of the other commands that work long: train, export, calibrate, tune-recipe."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.faults.judgement import Judgement
from tests.benchmarks.faults.processes import KILLS, WORKER_KILLS, Command
from tests.benchmarks.faults.searches import write_study

__all__ = ["SCENARIOS", "command_kills", "searched"]


def searched(folder: Path, kept: Path) -> Path:
    """Search a small study, whose best network is exported and trained; return its file.

    Args:
        folder: takes the study and its run folder.
        kept: holds them for further calls, which only copy them.
    """
    if not kept.exists():
        kept.mkdir()
        _search(kept)
    shutil.copytree(kept, folder, dirs_exist_ok=True)
    return folder / "faults.yaml"


def _search(folder: Path) -> None:
    path = write_study(folder, 4)
    command = Command(["search", str(path), "--out", str(folder / "run"), "--device", "cpu"], folder / "search-log")
    command.start()
    command.end(1800)
    if command.code:
        raise RuntimeError(command.said)


@dataclass(frozen=True)
class _Scenario:
    words: Callable[[Path, Path], list[str]]
    """From study file and folder to the command's words."""
    check: Callable[[Judgement, Path], None]
    """Requires of the folder what the command must have left."""
    workers: bool = True


def _no_partial(found: Judgement, folder: Path) -> None:
    left = [path.name for path in folder.rglob("*") if path.name.endswith((".tmp", ".part", ".checkpoint"))]
    found.require(not left, f"left behind: {left}")


def _trained(found: Judgement, folder: Path) -> None:
    from safetensors import safe_open

    weights = sorted((folder / "out").rglob("*.safetensors"))
    found.require(len(weights) == 2, f"{len(weights)} weights instead of 2")
    for path in weights:
        with safe_open(path, "pt") as held:
            found.require(bool(list(held.keys())), f"{path.name} is empty")
    record = next((folder / "out").glob("*.json"), None)
    found.require(record is not None, "no record")
    if record is not None:
        runs = json.loads(record.read_text(encoding="utf-8"))["runs"]
        found.require([run["seed"] for run in runs] == [0, 1], f"runs of the seeds {[run['seed'] for run in runs]}")
        found.facts["resumed"] = sum(len(run.get("resumed") or ()) for run in runs)
    _no_partial(found, folder / "out")


def _exported(found: Judgement, folder: Path) -> None:
    names = {path.name for path in (folder / "out").iterdir()}
    missing = {"network.py", "model.safetensors", "network.yaml", "README.md"} - names
    found.require(not missing, f"missing: {sorted(missing)}")
    beside = [path.name for path in folder.iterdir() if path.name.startswith((".out", "out-", "out."))]
    found.require(not beside, f"half exports are left: {beside}")


def _compared(found: Judgement, folder: Path) -> None:
    lines: list[tuple[object, ...]] = []
    for path in folder.rglob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            document = json.loads(line)
            if "index" in document and "seed" in document:
                lines.append(
                    (document["index"], document.get("role"), document["recipe"].get("epochs"), document["seed"])
                )
    found.require(bool(lines), "nothing is recorded")
    found.require(len(lines) == len(set(lines)), f"{len(lines) - len(set(lines))} trainings are there twice")
    found.facts["trainings"] = len(lines)


SCENARIOS = {
    "train": _Scenario(
        lambda study, folder: [
            "train", f"{study}:best", "--run", str(study.parent / "run"), "--seeds", "2", "--epochs", "60",
            "--out", str(folder / "out"),
        ],
        _trained,
    ),
    "export": _Scenario(
        lambda study, folder: [
            "export", str(study), "--run", str(study.parent / "run"), "--out", str(folder / "out"), "--format", "torch",
        ],
        _exported, workers=False,
    ),
    "calibrate": _Scenario(
        lambda study, folder: [
            "calibrate", str(study), "-n", "4", "--epochs-brief", "2,4", "--full", "20", "--workers", "2",
            "--out", str(folder / "out"),
        ],
        _compared,
    ),
    "tune-recipe": _Scenario(
        lambda study, folder: [
            "tune-recipe", str(study), "-n", "3", "--epochs", "20", "--workers", "2", "--try", "lr=0.02",
            "--out", str(folder / "out"),
        ],
        _compared,
    ),
}  # fmt: skip


def command_kills(name: str, study: Path, folder: Path, kills: int, rng: random.Random) -> Judgement:
    """Start a command until it ends by itself, and kill it at random moments on the way."""
    scenario, found = SCENARIOS[name], Judgement(name)
    folder.mkdir(parents=True)
    command = Command([*scenario.words(study, folder)], folder / "log")
    if name != "export":
        command.words += ["--device", "cpu"]
    begun = time.monotonic()
    typical = 12.0
    while time.monotonic() - begun < 1800:
        started = time.monotonic()
        command.start()
        while command.code is None:
            if sum(found.done.values()) >= kills:
                command.end(1200)
                break
            time.sleep(rng.uniform(0.3, 1.0) * typical)
            kinds = (*WORKER_KILLS, *KILLS) if scenario.workers else KILLS
            found.done[rng.choice(kinds)] += 0
            kind = rng.choice(kinds)
            found.done[kind] += command.kill(kind, rng)
        command.end(5)
        if command.code == 0:
            break
        typical = max(typical, 0.6 * (time.monotonic() - started))
    found.require(command.code == 0, f"it did not come to its end (exit code {command.code}): {command.said[-300:]}")
    found.require(not command.too_slow, f"it did not end within two minutes of {command.too_slow}")
    found.quiet(command.said)
    found.facts["starts"] = command.starts
    if command.code == 0:
        scenario.check(found, folder)
    return found
