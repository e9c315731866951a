"""`tune-recipe`: train the networks of a plan by every recipe until each is decided, and compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from budgetnet.calibrate.campaign import Ending, left_to_train, recorded_of, run_campaign
from budgetnet.calibrate.events import CalibrationListener
from budgetnet.calibrate.recipes.plan import OWN, RecipePlan
from budgetnet.calibrate.recipes.verdict import RecipeComparison, compare_recipes, decided_recipes
from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun, Recorded
from budgetnet.calibrate.tasks import CalibrationTask
from budgetnet.files.study import Study
from budgetnet.search.events import silent

__all__ = ["RECIPES_FILE", "ComparedRecipes", "recorded_recipes", "run_recipes"]

RECIPES_FILE = "recipes.jsonl"
"""Name of the record in a study's run folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRecipes:
    """A comparison of recipes as far as it has come."""

    study: Study
    plan: RecipePlan
    folder: Path
    networks: tuple[CalibratedNetwork, ...]
    runs: tuple[CalibrationRun, ...]
    """The plan's trainings that are done; others the record may hold are left out."""
    comparisons: tuple[RecipeComparison, ...]
    """In the order in which the recipes were given."""
    missing: int
    """Trainings still to do."""
    ended: Ending

    @property
    def own(self) -> tuple[CalibrationRun, ...]:
        """The trainings by the study's own recipe."""
        return tuple(run for run in self.runs if run.role == OWN)

    @property
    def best(self) -> RecipeComparison | None:
        """The recipe to take: the largest mean gain of those that are better; None if the own one stays."""
        better = [one for one in self.comparisons if one.verdict == "better"]
        return max(better, key=lambda one: one.mean or 0.0, default=None)


def run_recipes(
    study: Study,
    plan: RecipePlan,
    *,
    out: Path | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    device: str = "auto",
    listen: CalibrationListener = silent,
) -> ComparedRecipes:
    """Train a plan's networks by its recipes, or continue; a recipe that is decided is trained no further.

    Args:
        study: the study.
        plan: what to compare (`budgetnet.calibrate.recipes.plan.recipe_plan`).
        out: the run folder; ``runs/NAME`` if None. The record is ``recipes.jsonl`` in it.
        workers: see `budgetnet.calibrate.campaign.run_campaign`, as for what follows.
        minutes: start no further training after this time.
        device: ``auto``, ``cpu``, ``cuda`` …
        listen: receives every event.

    Raises:
        RequestError, SearchError, DataError: as `run_campaign` says.
    """
    folder = study.run_folder(out)
    recorded, ended = run_campaign(
        study,
        plan,
        folder / RECIPES_FILE,
        decided=partial(decided_recipes, plan),
        workers=workers,
        minutes=minutes,
        device=device,
        listen=listen,
    )
    return _compared(study, plan, folder, recorded, ended)


def recorded_recipes(study: Study, plan: RecipePlan, *, out: Path | None = None) -> ComparedRecipes:
    """Compare what is recorded of a plan, without training anything.

    Raises:
        RequestError: there is no record, or it was made with other settings.
        SearchError: it is damaged.
    """
    folder = study.run_folder(out)
    recorded = recorded_of(study, plan, folder / RECIPES_FILE, command="tune-recipe")
    return _compared(study, plan, folder, recorded, "unfinished")


def _compared(study: Study, plan: RecipePlan, folder: Path, recorded: Recorded, ended: Ending) -> ComparedRecipes:
    networks = recorded.networks[: plan.networks]
    tasks = plan.tasks(networks)
    missing = len(left_to_train(tasks, recorded.runs, decided_recipes(plan, networks, recorded.runs)))
    return ComparedRecipes(
        study=study,
        plan=plan,
        folder=folder,
        networks=networks,
        runs=tuple(_done(tasks, recorded.runs)),
        comparisons=tuple(compare_recipes(plan, networks, recorded.runs)),
        missing=missing,
        ended=ended if missing else "complete",
    )


def _done(tasks: Sequence[CalibrationTask], runs: Sequence[CalibrationRun]) -> list[CalibrationRun]:
    return [run for run in runs if any(run.role == task.role and task.is_done_by(run) for task in tasks)]
