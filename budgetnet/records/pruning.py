"""Stopping trials early, by Optuna's pruners, at checkpoints that compare.

All trials of a study have one schedule, so after the same epoch they are at the same place of it, and only such
accuracies are compared. The search and the replay of a calibration ask the same pruners in the same way.

- median: Golovin et al. 2017 (Google Vizier's stopping rule).
- halving: asynchronous successive halving, Li et al. 2020 (ASHA). A trial goes on at a rung if it is among the best
  1/`reduction` of those that have been there; the first to come there goes on if none before it was better.
- hyperband: several such ladders that start later and later, Li et al. 2018; trials are dealt out among them.
- model: the rungs of halving, at which the study's own model is asked (`budgetnet.search.rungs.judge`), not Optuna.
"""

from __future__ import annotations

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from budgetnet.files.study import Pruner

__all__ = ["make_pruner", "pruner_text", "rungs"]


def make_pruner(pruner: Pruner, epochs: int) -> BasePruner:
    """Return Optuna's pruner for trials of *epochs* epochs."""
    match pruner.kind:
        case "none" | "model":  # the model is asked by the search itself, see `budgetnet.search.rungs`
            return NopPruner()
        case "median":
            # Optuna judges from step n_warmup_steps on; epochs are counted from 1.
            return MedianPruner(n_startup_trials=pruner.startup, n_warmup_steps=pruner.warmup + 1, n_min_trials=3)
        case "halving":
            return SuccessiveHalvingPruner(min_resource=pruner.first_rung(epochs), reduction_factor=pruner.reduction)
        case "hyperband":
            first = pruner.first_rung(epochs)
            return HyperbandPruner(
                min_resource=first, max_resource=max(first, epochs), reduction_factor=pruner.reduction
            )


def rungs(pruner: Pruner, epochs: int) -> tuple[int, ...]:
    """Return the epochs after which a trial of *epochs* epochs may be stopped; Hyperband's later ladders skip some."""
    match pruner.kind:
        case "none":
            return ()
        case "median":
            return tuple(range(pruner.warmup + 1, epochs))
        case "halving" | "hyperband" | "model":
            found: list[int] = []
            rung = pruner.first_rung(epochs)
            while rung < epochs:
                found.append(rung)
                rung *= pruner.reduction
            return tuple(found)


def pruner_text(pruner: Pruner) -> str:
    """Return a pruner as a study file has it, with what matters for its kind."""
    match pruner.kind:
        case "none":
            return "none"
        case "median":
            return f"{{kind: median, startup: {pruner.startup}, warmup: {pruner.warmup}}}"
        case "halving" | "hyperband" | "model":
            first = "" if pruner.first is None else f"first: {pruner.first}, "
            return f"{{kind: {pruner.kind}, {first}reduction: {pruner.reduction}}}"
