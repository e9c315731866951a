"""A comparison of recipes in words, as a table, and as JSON. Text says percent and points; JSON says fractions."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from budgetnet.calibrate.draw import DRAW
from budgetnet.calibrate.recipes.plan import LEAST_PAIRS, OWN, recipe_text
from budgetnet.calibrate.recipes.run import ComparedRecipes
from budgetnet.calibrate.recipes.verdict import RecipeComparison
from budgetnet.records.training_run import Score
from budgetnet.text import NOTHING, counted, joined_table, percent

__all__ = ["recipes_document", "recipes_text"]


def recipes_text(found: ComparedRecipes) -> list[str]:
    """Return the table and what follows from it."""
    plan = found.plan
    own = Score.of(run.accuracy for run in found.own if run.diverged is None)
    lines = [
        f"Recipes for {found.study.name}: {counted(plan.epochs, 'epoch')}, up to {counted(plan.networks, 'network')} "
        "that were drawn from its space, each trained by every recipe with the same seed",
        f"The study's own recipe (finalists): {percent(own.mean)} % of the validation images on average over "
        f"{counted(own.n, 'network')}"
        if own.n
        else "Nothing is trained by the study's own recipe yet.",
        "The test images were not read.",
    ]
    header = ("recipe", "points", "± standard error", "interval", "n", "time", "")
    rows = [_row(one) for one in found.comparisons]
    lines += ["", *joined_table(header, rows, left=(0, len(header) - 1)), "", *_explained(found), *_notes(found)]
    return [*lines, "", *_advice(found)]


def _row(one: RecipeComparison) -> tuple[str, ...]:
    low, high = one.interval or (None, None)
    return (
        one.name,
        _points(one.mean),
        percent(one.error),
        NOTHING if one.interval is None else f"{_points(low)} to {_points(high)}",
        str(one.n),
        NOTHING if one.time is None else f"{one.time:.2f}×",
        one.verdict,
    )


def _points(value: float | None) -> str:
    return NOTHING if value is None else f"{100 * value:+.2f}"


def _explained(found: ComparedRecipes) -> list[str]:
    margin = f"{100 * found.plan.margin:g}"
    return [
        "points: mean of the accuracy minus the own recipe's on the same network and seed. Interval: Student's over",
        f"networks, looked at after each from the {LEAST_PAIRS}rd on; all looks together are wrong in 5 % of cases.",
        f"no gain: less than {margin} points, as far as the interval tells. time: over the own recipe's, median.",
    ]


def _notes(found: ComparedRecipes) -> list[str]:
    lines = [
        f"network {run.index}, {run.role}: training was given up: {run.diverged}"
        + ("; the network does not count" if run.role == OWN else "")
        for run in found.runs
        if run.diverged
    ]
    if found.missing:
        lines.append(f"{counted(found.missing, 'training')} missing; the same command goes on")
    return lines


def _advice(found: ComparedRecipes) -> list[str]:
    best = found.best
    if best is not None and best.mean is not None and best.error is not None:
        gain = f"{100 * best.mean:.2f} ± {100 * best.error:.2f} points (n = {best.n})"
        others = [one.name for one in found.comparisons if one.verdict == "better" and one is not best]
        also = f" So are {', '.join(others)}; try them together." if others else ""
        return [
            f"Take {best.name}: it is better by {gain}.{also} In the study file:",
            f"  finalists: {recipe_text(best.name)}",
        ]
    if any(one.verdict == "undecided" for one in found.comparisons):
        return [f"Undecided: raise --networks above {found.plan.networks}, or keep the study's own recipe."]
    return ["Keep the study's own recipe: none of these is better."]


def recipes_document(found: ComparedRecipes) -> dict[str, Any]:
    """Return everything as one JSON document; accuracies and differences are fractions."""
    plan = found.plan
    left_out = {"index", "hash", "arch", "network", "params", "flops", "recipe"}
    return {
        "study": found.study.name,
        "networks_drawn": DRAW,
        "seed": plan.seed,
        "epochs": plan.epochs,
        "margin": plan.margin,
        "ended": found.ended,
        "missing": found.missing,
        "own": plan.recipes[OWN].to_mapping(),
        "own_accuracy": Score.of(run.accuracy for run in found.own if run.diverged is None).mean,
        "recipes": [
            asdict(one) | {"n": one.n, "recipe": plan.recipes[one.name].to_mapping()} for one in found.comparisons
        ],
        "best": None if found.best is None else found.best.name,
        "networks": [
            asdict(network)
            | {
                "runs": [
                    {key: value for key, value in run.line().items() if key not in left_out}
                    for run in found.runs
                    if run.index == network.index
                ]
            }
            for network in found.networks
        ],
        "seconds": sum(run.seconds for run in found.runs),
    }
