"""Tampers with an exported folder in every way of `tests.export.tamperings` and prints what `verify` answers.

    python -m tests.benchmarks.tampering                      # of a small network for digits, which is made first
    python -m tests.benchmarks.tampering FOLDER --data-dir D  # of another export; D holds its test images

Each kind is done on a copy. The folder's own check, for which `budgetnet verify` starts a process, runs in this one.
Exit code 1: one of them was not found, or not by the check that it concerns.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from unittest.mock import patch

from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.export.formats import extra_is_there
from budgetnet.export.verify import verify as verify_module
from budgetnet.export.verify.verify import verify_folder
from budgetnet.text import counted, joined_table
from tests.conftest import STUDY
from tests.export.tamperings import TAMPERINGS, Tampering, checked_here

LONGEST = 110
"""Characters of a reason in the table."""


def main() -> int:
    """Make the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", nargs="?", type=Path, help="exported folder; by default one is made")
    options.add_argument("--data-dir", type=Path, help="where data sets are kept")
    options.add_argument("--only", default="", help="kinds whose names hold this text")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="budgetnet-tampering-") as name:
        place = Path(name)
        source = asked.folder if asked.folder is not None else exported(place)
        kinds = [kind for kind in TAMPERINGS if (source / kind.needs).is_file() and asked.only in kind.name]
        rows, missed = [], 0
        for kind in kinds:
            row, found = answer(kind, source, place / "copy", asked.data_dir)
            rows.append(row)
            missed += not found
    print("\n".join(joined_table(["what was changed", "manifest", "found by", "reason"], rows, left=(0, 1, 2, 3))))
    print(f"{counted(len(kinds), 'kind')}, {missed} not found by the check named for it")
    return int(missed > 0)


def answer(kind: Tampering, source: Path, copy: Path, data_dir: Path | None) -> tuple[list[str], bool]:
    """Tamper with a copy; return the row, and True if the check named for it found it."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(source, copy)
    kind.on(copy)
    with patch.object(verify_module, "ask_folder", checked_here):
        found = verify_folder(copy, data_dir=data_dir)
    last = found.checks[-1]
    reason = last.text.replace(f"{copy}/", "") if not found.holds else "holds"
    cut = reason if len(reason) <= LONGEST else f"{reason[: LONGEST - 2].rstrip()} …"
    row = [kind.name, "renewed" if kind.renewed else "left", "nothing" if found.holds else last.check, cut]
    return row, not found.holds and last.check == kind.found_by


def exported(place: Path) -> Path:
    """Search a small study and export its best network, in all formats that can be written here."""
    study, folder = place / "tiny.yaml", place / "best"
    study.write_text(STUDY, encoding="utf-8")
    formats = ["pt2", *(["onnx"] if extra_is_there("onnx") else []), *(["pte"] if extra_is_there("mcu") else [])]
    for words in (
        ["search", str(study), "--out", str(place / "run"), "--device", "cpu"],
        ["export", str(study), "--run", str(place / "run"), "--out", str(folder), "--format", ",".join(formats)]
        + (["--int8"] if "onnx" in formats else []),
    ):
        print(f"budgetnet {words[0]} …", file=sys.stderr, flush=True)
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    return folder


if __name__ == "__main__":
    sys.exit(main())
