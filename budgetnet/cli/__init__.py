"""The command line: one thin function per command, each over one function of `budgetnet.report` or `budgetnet.search`.

Only typer is loaded here; torch, optuna and the rest are loaded by the command that needs them.
"""

from __future__ import annotations

from budgetnet.cli import networks, spaces, studies
from budgetnet.cli.app import app, main

__all__ = ["app", "main"]

# In the order in which `--help` shows them: from a study to its results.
for command in (
    studies.search,
    spaces.explore,
    spaces.sample,
    studies.calibrate,
    networks.show,
    networks.diff,
    networks.train,
    studies.list_trials,
    studies.dashboard,
    networks.export,
):
    app.command(name=command.__name__.removesuffix("_trials"))(command)
