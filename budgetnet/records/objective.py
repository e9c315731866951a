"""The objective of a study in Optuna's terms: values, directions, constraints."""

from __future__ import annotations

import math
from typing import Literal

from budgetnet.files.study import Goal
from budgetnet.network.budget import Budget
from budgetnet.space.judge import Rejection

__all__ = ["directions", "metric_names", "shortfall", "values_of", "violation"]


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
    ratios = {bound: budget.actual(rejection.cost, bound) / limit for bound, limit in budget.bounds().items()}
    return {bound: math.log10(ratio) for bound, ratio in ratios.items() if ratio > 1}
