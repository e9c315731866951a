"""What commands load: those that need no search load no optuna, those that draw no figure no plotly."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[1] / "studies"
NETWORK = STUDIES / "networks/tiniest.yaml"

CODE = """
import contextlib, io, sys
from budgetnet.cli import app
out = io.StringIO()
with contextlib.redirect_stdout(out), contextlib.suppress(SystemExit):
    app(sys.argv[1:])
assert out.getvalue(), "the command wrote nothing"
heavy = ("fvcore", "optuna", "pandas", "plotly", "pydantic", "rich", "sqlalchemy", "torch")
print(*(name for name in heavy if name in sys.modules))
"""


@pytest.mark.parametrize(
    ("words", "loaded"),
    [
        (("explore", "{quickstart}", "-n", "5"), ""),
        (("sample", "{quickstart}", "-n", "2"), ""),
        (("show", "{network}", "--json"), ""),
        (("show", "{network}", "--verify"), "fvcore torch"),
        (("diff", "{network}", "{network}"), ""),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_commands_load_what_they_need(words, loaded):
    """In a process of its own, where nothing was loaded before."""
    asked = [word.format(quickstart=STUDIES / "quickstart.yaml", network=NETWORK) for word in words]
    done = subprocess.run([sys.executable, "-c", CODE, *asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == loaded.split()


def test_trials_are_listed_without_optuna_and_torch(study_path, run_folder):
    """A study's own database is read by SQL."""
    for words in (("list", "{study}"), ("show", "{study}:best"), ("diff", "{study}:0", "{study}:1")):
        asked = [*(word.format(study=study_path) for word in words), "--run", str(run_folder)]
        done = subprocess.run([sys.executable, "-c", CODE, *asked], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == []


LIGHT = """
import contextlib, io, sys
from budgetnet.cli import app
with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):
    app(sys.argv[1:])
print(*sys.modules)
"""
HEAVY = {"lark", "logging", "numpy", "optuna", "pandas", "pydantic", "rich", "sqlalchemy", "torch", "zipfile"}
"""Libraries that cost as much time to import as everything that these commands do."""
ROOMS = {f"budgetnet.{room}" for room in ("explore", "search", "workers.loop", "network.torch")}


@pytest.mark.parametrize(
    ("words", "others"),
    [
        (("--version",), {"budgetnet.api", "budgetnet.grammar"}),
        (("show", "{network}"), {"budgetnet.training", "budgetnet.files.study", "budgetnet.network.torch"}),
        (("diff", "{network}", "{network}"), {"budgetnet.training", "budgetnet.files.study"}),
        (("list", "{study}", "--run", "{run}"), {"budgetnet.derivation.machine", "budgetnet.space"}),
        (("show", "{study}:best", "--run", "{run}"), {"budgetnet.records.open"}),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_commands_that_look_start_light(words, others, study_path, run_folder):
    """They load no library that costs more than they do, and none of the rooms that they do not need."""
    asked = [word.format(network=NETWORK, study=study_path, run=run_folder) for word in words]
    done = subprocess.run([sys.executable, "-c", LIGHT, *asked], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "budgetnet.cli.app" in loaded
    assert sorted(loaded & (HEAVY | ROOMS | others)) == []
