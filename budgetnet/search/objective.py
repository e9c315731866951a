"""What a study optimises, in Optuna's terms: values, directions, constraints, pruner."""

from __future__ import annotations

import math
from typing import Literal

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner

from budgetnet.network.budget import Budget
from budgetnet.search.study import Goal, Pruner
from budgetnet.space.draw import Rejection

__all__ = ["directions", "make_pruner", "metric_names", "shortfall", "values_of", "violation"]


def directions(goal: Goal) -> list[Literal["maximize", "minimize"]]:
    """Return Optuna's directions for a goal."""
    match goal:
        case "accuracy":
            return ["maximize"]
        case "smallest":
            return ["minimize"]
        case "pareto":
            return ["maximize", "minimize"]


def metric_names(goal: Goal) -> list[str]:
    """Return what the values are called in figures and dashboards, in the order of `directions`."""
    match goal:
        case "accuracy":
            return ["validation accuracy"]
        case "smallest":
            return ["parameters"]
        case "pareto":
            return ["validation accuracy", "parameters"]


def values_of(goal: Goal, accuracy: float, params: int) -> tuple[float, ...]:
    """Return the values of a completed trial: accuracy, parameters, or both."""
    match goal:
        case "accuracy":
            return (accuracy,)
        case "smallest":
            return (float(params),)
        case "pareto":
            return (accuracy, float(params))


def shortfall(goal: Goal, target: float | None, accuracy: float) -> dict[str, float]:
    """Return the constraint of a completed trial: for the goal "smallest", what is missing to the target."""
    return {"accuracy": target - accuracy} if goal == "smallest" and target is not None else {}


def violation(budget: Budget, rejection: Rejection) -> dict[str, float]:
    """Return by how much a derivation breaks the budget: log10(cost / limit) of each broken bound; else nothing.

    The logarithm makes ten times too large three times as bad as twice too large, and no more.
    """
    if rejection.cost is None:
        return {}
    ratios = {bound: getattr(rejection.cost, bound) / limit for bound, limit in budget.bounds().items()}
    return {bound: math.log10(ratio) for bound, ratio in ratios.items() if ratio > 1}


def make_pruner(pruner: Pruner, epochs: int) -> BasePruner:
    """Return Optuna's pruner for trials of *epochs* epochs."""
    match pruner.kind:
        case "none":
            return NopPruner()
        case "median":
            # Optuna judges from step n_warmup_steps on; epochs are counted from 1.
            return MedianPruner(n_startup_trials=pruner.startup, n_warmup_steps=pruner.warmup + 1, n_min_trials=3)
        case "halving":
            return SuccessiveHalvingPruner(min_resource=1, reduction_factor=pruner.reduction)
        case "hyperband":
            return HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=pruner.reduction)
