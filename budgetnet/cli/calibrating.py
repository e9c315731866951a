"""A calibration as the command line runs it: shown while it goes, its table written beside the record."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from budgetnet.calibrate.document import calibration_document
from budgetnet.calibrate.judge import Judgement, judge_calibration
from budgetnet.calibrate.plan import plan_of
from budgetnet.calibrate.pruner_replay import ORDERS
from budgetnet.calibrate.run import calibrate, recorded_so_far
from budgetnet.calibrate.text import calibration_text
from budgetnet.cli.progress.calibration import show_calibration
from budgetnet.errors import RequestError, SearchError
from budgetnet.files.spaces import checked_space
from budgetnet.files.study import Study

__all__ = ["run_calibration"]


def run_calibration(
    study: Study,
    *,
    networks: int,
    brief: Sequence[int] | None,
    full: int | None,
    repeats: int,
    seed: int | None,
    workers: int | None,
    minutes: float | None,
    train: bool,
    out: Path | None,
    device: str,
    say: Callable[[str], object],
) -> Judgement:
    """Calibrate a study, or go on with it, with progress on stderr; write the table beside the record.

    Args: see `budgetnet.calibrate.plan.plan_of` and `budgetnet.calibrate.run.calibrate`; without
    *train*, only what is recorded is judged. *say* is told what takes long.

    Raises:
        RequestError, SearchError, DataError: see those.
    """
    if minutes is not None and not (math.isfinite(minutes) and minutes > 0):
        raise RequestError(f"--minutes must be a number above 0, but got {minutes:g}")
    plan = plan_of(study, networks=networks, brief=brief, full=full, repeats=repeats, seed=seed)
    if train:
        checked_space(study, say=say)
        with show_calibration() as listen:
            found = calibrate(study, plan, out=out, workers=workers, minutes=minutes, device=device, listen=listen)
    else:
        found = recorded_so_far(study, plan, out=out)
    # A thousand replays take half a minute: not after Ctrl-C, and not without a word.
    orders = 0 if found.ended == "interrupted" else ORDERS
    if orders:
        say(f"replaying pruners in {orders:,} random orders")
    judged = judge_calibration(found, orders=orders)
    _write(found.folder / "calibration.txt", "\n".join(calibration_text(judged)) + "\n")
    _write(
        found.folder / "calibration.json",
        json.dumps(calibration_document(judged), indent=2, ensure_ascii=False, allow_nan=False) + "\n",
    )
    return judged


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise SearchError(f"{path} cannot be written ({error.strerror}); choose another folder with --out") from error
