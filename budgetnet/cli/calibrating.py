"""A calibration as the command line runs it, and what it shows in the end."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from budgetnet.calibrate.judge import Judgement, Length, judge_calibration
from budgetnet.calibrate.plan import DRAW, plan_of
from budgetnet.calibrate.pruner_replay import ORDERS
from budgetnet.calibrate.replay_choice import best_replay
from budgetnet.calibrate.run import calibrate, recorded_so_far
from budgetnet.calibrate.text import advice, calibration_text, pruner_advice
from budgetnet.cli.progress.calibration import show_calibration
from budgetnet.errors import RequestError, SearchError
from budgetnet.files.spaces import checked_space
from budgetnet.files.study import Study

__all__ = ["calibration_document", "calibration_text", "run_calibration"]


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


def calibration_document(judged: Judgement) -> dict[str, Any]:
    """Return everything as one JSON document; accuracies, shares and regrets are fractions."""
    found = judged.calibrated
    plan, study = found.plan, found.study
    return {
        "format": "budgetnet-calibration-table/1",
        "study": study.name,
        "dataset": study.dataset if isinstance(study.dataset, str) else str(study.dataset.path),
        "budget": {str(name): limit for name, limit in study.budget.bounds().items()},
        "ended": found.ended,
        "missing": found.missing,
        "networks_drawn": DRAW,
        "seed": plan.seed,
        "repeats": plan.repeats,
        "full_epochs": plan.full,
        "full_seconds": judged.full_seconds,
        "noise": judged.noise,
        "spread": judged.spread,
        "training": study.training.to_mapping(),
        "finalists": plan.recipe(plan.full).to_mapping(),
        "brief": [_length(length) for length in judged.brief],
        "checkpoints": [_length(length) for length in judged.checkpoints],
        "by_size": {name: asdict(agreed) for name, agreed in judged.by_size.items()},
        "ceiling": None if judged.ceiling is None else asdict(judged.ceiling),
        "chosen_epochs": None if judged.chosen is None else judged.chosen.epochs,
        "beats_size": judged.beats_size,
        "replays": [asdict(replayed) for replayed in judged.replays],
        "chosen_pruners": {
            str(epochs): None if best is None else asdict(best.pruner)
            for epochs in dict.fromkeys(replayed.epochs for replayed in judged.replays)
            for best in [best_replay([one for one in judged.replays if one.epochs == epochs])]
        },
        "advice": [*advice(judged), *pruner_advice(judged)] if judged.brief else [],
        "networks": [asdict(network) | {"runs": _runs(judged, network.index)} for network in found.networks],
    }


def _length(length: Length) -> dict[str, Any]:
    return asdict(length) | {"per_hour": length.per_hour}


def _runs(judged: Judgement, index: int) -> list[dict[str, Any]]:
    """A network's trainings, without what stands beside them already."""
    left_out = {"index", "hash", "arch", "network", "params", "flops", "recipe"}
    return [
        {name: value for name, value in run.line().items() if name not in left_out}
        for run in sorted(judged.calibrated.runs, key=lambda run: (run.schedule, run.repeat))
        if run.index == index
    ]
