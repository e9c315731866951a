"""The command line: one thin function per command, over `budgetnet.api` and nothing below it.

Only typer is loaded here; each command is imported when it is called (`budgetnet.cli.app.Commands.homes`), and torch,
optuna and the rest by the command that needs them.
"""

from __future__ import annotations

from budgetnet.cli.app import app, main

__all__ = ["app", "main"]
