"""Messages of work that takes long: the functions that receive them, and one message that many places give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from budgetnet.files.study import Study
    from budgetnet.records.lookup import Trials

__all__ = ["Say", "say_damage", "say_nothing", "say_run_folder"]

Say = Callable[[str], object]
"""Receives what takes long or looks suspicious, a line at a time; `print` shows it."""


def say_nothing(text: str) -> None:
    """Drop a message."""


def say_run_folder(study: Study, run: str | Path | None, say: Say) -> None:
    """Say which run folder is used, where it is not ``runs/NAME`` in the working directory and nobody named it."""
    folder = study.run_folder()
    if run is None and folder != Path("runs") / study.name:
        say(f"using {folder}, beside the study file")


def say_damage(trials: Trials, say: Say) -> None:
    """Say which records of a study could not be read and were left out."""
    for line in trials.warnings:
        say(f"warning: {line}")
