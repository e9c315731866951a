"""Reading a recipe from a mapping: presets, numbers written as text, misspelt keys. Does not load torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from budgetnet.keys.declare import read_values
from budgetnet.training.recipe.presets import PRESET, RECIPES
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["preset", "read_recipe", "same_recipe", "with_defaults"]


def read_recipe(mapping: Mapping[str, object], *, base: Recipe | None = None) -> Recipe:
    """Return the recipe that *mapping* describes.

    Args:
        mapping: Field names to values, or to texts as in study files. ``preset: NAME`` starts from one of
            `RECIPES` instead of the defaults.
        base: The recipe to start from if no preset is named; the defaults if None.

    Raises:
        StudyError: an unknown key or preset (with the nearest known one) or an illegal value.
    """
    values = read_values(Recipe, {name: value for name, value in mapping.items() if name != PRESET.name})
    start = preset(mapping[PRESET.name]) if PRESET.name in mapping else base or Recipe()
    return replace(start, **values)


def with_defaults(recorded: Mapping[str, object]) -> dict[str, object]:
    """Return a recorded recipe with all fields.

    A field that a record lacks was added to budgetnet later; its default is the behaviour of that time. A record
    without any field (of version 0.1) stays empty: its recipe is unknown.
    """
    return {**_defaults(), **recorded} if recorded else {}


@cache
def _defaults() -> Mapping[str, object]:
    return Recipe().to_mapping()


def same_recipe(recorded: Mapping[str, object], recipe: Recipe) -> bool:
    """Tell whether a recorded recipe is *recipe*, by the rule of `with_defaults`."""
    return with_defaults(recorded) == recipe.to_mapping()


def preset(name: object) -> Recipe:
    """Return the recipe with that name.

    Raises:
        StudyError: there is no such recipe.
    """
    PRESET.check(name)
    return RECIPES[str(name)]
