"""The command line: one thin function per command, over `budgetnet.api` and nothing below it.

Only typer is loaded here; torch, optuna and the rest are loaded by the command that needs them.
"""

from __future__ import annotations

from budgetnet.cli import networks, spaces, studies
from budgetnet.cli.app import app, main

__all__ = ["app", "main"]

# In the order in which `--help` shows them: from a study to its results.
for command in (
    studies.search_command,
    spaces.explore_command,
    spaces.sample_command,
    studies.calibrate_command,
    networks.show_command,
    networks.diff_command,
    networks.train_command,
    studies.list_command,
    studies.dashboard_command,
    networks.export_command,
):
    app.command(name=command.__name__.removesuffix("_command"))(command)
