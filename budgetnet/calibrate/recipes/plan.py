"""The plan of a comparison of recipes: one network a round, trained by the study's own recipe and by each other one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from budgetnet.calibrate.record import CalibratedNetwork
from budgetnet.calibrate.tasks import CalibrationTask, CampaignPlan
from budgetnet.errors import RequestError, nearest
from budgetnet.files.study import Study
from budgetnet.keys.declare import keys_of
from budgetnet.records.ledger import trial_seed
from budgetnet.training.recipe.presets import PRESET, RECIPES
from budgetnet.training.recipe.reading import read_recipe
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["LEAST_PAIRS", "OWN", "RecipePlan", "recipe_plan", "recipe_text"]

LEAST_PAIRS = 3
"""Networks before the first look at a difference: two say nothing about a spread."""
OWN = "own"
"""The name of the study's own recipe, which the others are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipePlan(CampaignPlan):
    """Everything that is asked of a comparison of recipes."""

    campaign: ClassVar[str] = "comparison of recipes"
    least: ClassVar[int] = LEAST_PAIRS

    epochs: int
    """Epochs of every training."""
    recipes: Mapping[str, Recipe]
    """Recipes by name: first the study's own (`OWN`), then those that are compared with it."""
    margin: float
    """Gain in accuracy, as a fraction, below which a recipe is not worth taking."""

    @property
    def looks(self) -> int:
        """Times that each difference is looked at: after every network from the third on."""
        return self.networks - LEAST_PAIRS + 1

    def tasks(self, networks: Sequence[CalibratedNetwork]) -> list[CalibrationTask]:
        """Return all trainings, network by network; all trainings of a network share its seed."""
        return [
            CalibrationTask(
                network=network,
                role=name,
                recipe=recipe,
                repeat=0,
                seed=trial_seed(self.seed, "recipes", network.hash, self.epochs, 0),
            )
            for network in networks
            for name, recipe in self.recipes.items()
        ]


def recipe_plan(
    study: Study,
    tries: Sequence[str] = (),
    *,
    networks: int = 8,
    epochs: int | None = None,
    margin: float = 0.001,
    seed: int | None = None,
) -> RecipePlan:
    """Return the plan for a study.

    Args:
        study: gives the networks and the own recipe, which is the finalists'.
        tries: each a recipe as ``KEY=VALUE,KEY=VALUE``: changes of the own one, or of a ``preset``; every preset
            that is not the own recipe if there are none.
        networks: the most networks, at least `LEAST_PAIRS`.
        epochs: epochs of every training; the finalists' if None.
        margin: gain in accuracy, as a fraction, that is worth taking, at least 0.
        seed: of draws and trainings; the study's if None.

    Raises:
        RequestError: too few networks, or a recipe that is written wrongly, given twice or equal to the own one.
        StudyError: a value of a recipe is wrong.
    """
    if networks < LEAST_PAIRS:
        raise RequestError(f"--networks must be at least {LEAST_PAIRS} to see a spread, but got {networks}")
    full = study.finalists.training
    own = full if epochs is None else replace(full, epochs=epochs)
    if tries:
        others = {text.strip(): _recipe(text.strip(), own) for text in tries}
    else:
        others = {f"preset={name}": replace(recipe, epochs=own.epochs) for name, recipe in RECIPES.items()}
        others = {name: recipe for name, recipe in others.items() if recipe != own}
    seen = {own: "the study's own recipe"}
    for name, recipe in others.items():
        if recipe in seen:
            raise RequestError(f"--try must name another recipe each time, but {name} is the same as {seen[recipe]}")
        seen[recipe] = name
    return RecipePlan(
        networks=networks,
        seed=study.search.seed if seed is None else seed,
        epochs=own.epochs,
        recipes={OWN: own, **others},
        margin=margin,
    )


def _recipe(text: str, own: Recipe) -> Recipe:
    values: dict[str, object] = {}
    keys = {**keys_of(Recipe), PRESET.name: PRESET}
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not key or not value or key in values:
            raise RequestError(
                f"--try must be KEY=VALUE,KEY=VALUE, each key once, but got {text!r}; write for example "
                "--try mixup=0.2,ema=0.99"
            )
        if key not in keys:
            raise RequestError(f"--try must name keys of a recipe, but got {key!r}{nearest(key, keys)}")
        replace(keys[key], name=f"--try {key}").read(value)  # refused in the words of the option
        values[key] = value
    if "epochs" in values:
        raise RequestError(
            f"--try must leave the epochs alone, but got {text!r}: recipes are compared at equal epochs; set them for "
            "all with --epochs"
        )
    return replace(read_recipe(values, base=own), epochs=own.epochs)


def recipe_text(name: str) -> str:
    """Return a tried recipe as a section of a study file: ``{preset: muon, ema: 0.99}``."""
    return "{" + ", ".join(": ".join(part.strip().split("=", 1)) for part in name.split(",")) + "}"
