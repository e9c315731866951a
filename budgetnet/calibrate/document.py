"""A calibration's judgement as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from budgetnet.calibrate.draw import DRAW
from budgetnet.calibrate.judge import Judgement, Length
from budgetnet.calibrate.replay_choice import best_replay
from budgetnet.calibrate.text import advice, pruner_advice

__all__ = ["calibration_document"]


def calibration_document(judged: Judgement) -> dict[str, Any]:
    """Return everything as one JSON document; accuracies, shares and regrets are fractions."""
    found = judged.calibrated
    plan, study = found.plan, found.study
    return {
        "format": "budgetnet-calibration-table/1",
        "study": study.name,
        "dataset": study.dataset if isinstance(study.dataset, str) else str(study.dataset.path),
        "budget": study.budget.document(),
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
    """A network's trainings, without what the document says about the network already."""
    left_out = {"index", "hash", "arch", "network", "params", "flops", "recipe"}
    return [
        {name: value for name, value in run.line().items() if name not in left_out}
        for run in sorted(judged.calibrated.runs, key=lambda run: (run.schedule, run.repeat))
        if run.index == index
    ]
