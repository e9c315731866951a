"""Damages a run folder in every way of `tests.records.alterations` and prints each command's answer.

    python -m tests.benchmarks.damage                    # all of them, as a table
    python -m tests.benchmarks.damage --only "trial: *"  # those whose name matches

A small study is searched once (workers only pretend to train its trials). Then each alteration is made on a copy, and
`list`, `export`, `report`, `search` and `budgetnet.load_trials` are run on it in this process. Exit code 1: a command
ended in a traceback.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner

from budgetnet.api.frame import load_trials
from budgetnet.cli import app
from budgetnet.errors import BudgetnetError
from budgetnet.files.study_file import load_study
from budgetnet.workers.messages import Job, Result
from tests.conftest import STUDY
from tests.records.alterations import ALTERATIONS
from tests.search.helpers import Pretend

Answer = tuple[str, str]
"""How it ended (``read``, ``refused``, ``traceback``), and the line that says so."""


def main() -> int:
    """Make the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", default="*", help="pattern of alterations' names")
    options.add_argument("--base", type=Path, help="run folder of the study that was searched before")
    options.add_argument("--commands", default="list,export,report,search,load_trials", help="commands to run")
    options.add_argument("--json", type=Path, help="write the answers to this file, too")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="budgetnet-damage-") as name:
        table = Table(Path(name), asked.commands.split(","), asked.base)
        found = {name: table.row(name) for name in ALTERATIONS if fnmatch.fnmatch(name, asked.only)}
    if asked.json is not None:
        asked.json.write_text(json.dumps(found, indent=1), encoding="utf-8")
    ends = Counter(end for row in found.values() for end, _ in row.values())
    counted = ", ".join(f"{number} {end}" for end, number in ends.items())
    print(f"\n{len(found)} alterations, {sum(ends.values())} answers: {counted}")
    return int("traceback" in ends)


class Table:
    """One searched study, altered again and again."""

    def __init__(self, folder: Path, commands: Sequence[str], base: Path | None) -> None:
        self.folder, self.run, self.commands = folder, folder / "run", commands
        self.study = folder / "tiny.yaml"
        self.study.write_text(STUDY, encoding="utf-8")
        self.base = base
        if base is None:
            self.base = folder / "base"
            done = CliRunner().invoke(app, ["search", str(self.study), "--out", str(self.base), "--device", "cpu"])
            assert done.exit_code == 0, done.output

    def row(self, name: str) -> dict[str, Answer]:
        """Alter a copy for each command, and return and print the answers."""
        print(f"\n{name}")
        found: dict[str, Answer] = {}
        for command in self.commands:
            shutil.rmtree(self.run, ignore_errors=True)
            assert self.base is not None
            shutil.copytree(self.base, self.run)
            ALTERATIONS[name](self.run)
            end, line = found[command] = self._answer(command)
            print(f"  {command:11} {end:9} {line}", flush=True)
        return found

    def _answer(self, command: str) -> Answer:
        if command == "load_trials":
            return self._load()
        words = {
            "list": ["list", str(self.study), "--run", str(self.run)],
            "report": ["report", str(self.study), "--run", str(self.run), "--out", str(self.folder / "report.html")],
            "search": ["search", str(self.study), "--out", str(self.run), "--device", "cpu"],
            "export": [
                "export", str(self.study), "--run", str(self.run), "--out", str(self.folder / "e"), "--format", "torch"
            ],
        }[command]  # fmt: skip
        with patch("budgetnet.search.run.Pool", _pretend(self.study)):
            done = CliRunner().invoke(app, words)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            return "traceback", f"{type(done.exception).__name__}: {' '.join(str(done.exception).split())[:150]}"
        said = [
            line
            for line in done.stderr.splitlines()
            if line.startswith(("error", "warning", "the best network could not"))
        ]
        text = " | ".join(line.replace(str(self.folder), "…") for line in said)
        return ("read" if done.exit_code == 0 else "refused"), text or "nothing to say"

    def _load(self) -> Answer:
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            try:
                frame = load_trials(self.study, run=self.run)
            except BudgetnetError as error:
                return "refused", str(error).replace(str(self.folder), "…")
            except Exception as error:  # noqa: BLE001 - that is what is looked for
                return "traceback", f"{type(error).__name__}: {error}"
        said = " | ".join(str(warning.message).replace(str(self.folder), "…") for warning in heard)
        return "read", f"{len(frame)} trials" + (f" | {said}" if said else "")


class _Pretend(Pretend):
    """Workers that train nothing, and say of the test images what the command line shows."""

    def _result(self, job: Job) -> Result:
        found = super()._result(job)
        return replace(found, test_images=360, test_loss=0.5) if job.final else found


def _pretend(study: Path) -> Callable[..., Pretend]:
    """Return what makes workers that train nothing."""
    return lambda *_, **__: _Pretend(load_study(study))


if __name__ == "__main__":
    sys.exit(main())
