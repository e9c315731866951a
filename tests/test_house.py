"""The house rules that a machine can check: who may import whom, and what stays free of torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "budgetnet"
ORDER = ["errors", "language", "network", "space", "training", "search", "results", "cli"]


def room_of(path: Path) -> str:
    """The room a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path: Path) -> list[str]:
    """Every module named in an import statement of a file, at any depth."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.append(node.module)
            names.extend(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.extend(alias.name for alias in node.names)
    return names


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down_only(path):
    """A room imports from itself and from the rooms below it."""
    room = room_of(path)
    if room not in ORDER:
        return
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "budgetnet" and len(parts) > 1 and parts[1] in ORDER:
            assert ORDER.index(parts[1]) <= ORDER.index(room), f"{path} imports upwards: {name}"


def test_fvcore_and_optuna_stay_in_their_rooms():
    """Only network/ knows fvcore; only search/ and the dashboard know optuna."""
    for path in FILES:
        tops = {name.split(".")[0] for name in imported(path)}
        place = path.relative_to(PACKAGE).as_posix()
        assert "fvcore" not in tops or place.startswith("network/"), place
        assert "optuna" not in tops or place.startswith(("search/", "results/dashboard")), place


def test_language_space_and_closed_form_need_no_torch():
    """The rooms that answer in milliseconds do not load torch."""
    modules = [
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
        for path in FILES
        if room_of(path) in ("language", "space")
    ]
    modules += [
        "budgetnet.network.cost.closed_form",
        "budgetnet.derivation.expand",
        "budgetnet.files.network_file",
        "budgetnet.cli",
    ]
    code = (
        f"import sys, importlib\nfor name in {modules!r}: importlib.import_module(name)\nprint('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr


def test_most_files_are_short():
    """One idea per file: none passes 400 lines, at most one in ten passes 300."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert max(lengths.values()) <= 400, max(lengths, key=lengths.__getitem__)
    assert sum(length > 300 for length in lengths.values()) <= len(lengths) / 10
