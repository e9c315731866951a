"""Reading a recipe from what YAML gives: presets, numbers written as text, misspelt keys. Loads no torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from budgetnet.errors import StudyError, nearest
from budgetnet.training.recipe.checks import check_value
from budgetnet.training.recipe.presets import RECIPES
from budgetnet.training.recipe.recipe import FIELD_TYPES, Recipe

__all__ = ["USUAL", "preset", "read_recipe", "read_value"]

USUAL = {
    "learning_rate": "lr",
    "batch_size": "batch",
    "optimiser": "optimizer",
    "scheduler": "schedule",
    "smoothing": "label_smoothing",
    "dtype": "precision",
    "wd": "weight_decay",
    "crop": "shift",
    "translate": "shift",
    "rotate": "warp_rotate",
    "bias_scaler": "norm_bias_rate",
    "trivialaugment": "trivial_augment",
    "mixup_alpha": "mixup",
    "whitening": "whiten",
}
"""Other tools' names of our fields."""


def read_recipe(mapping: Mapping[str, Any], *, base: Recipe | None = None) -> Recipe:
    """Return the recipe that *mapping* (as read from YAML) describes.

    Args:
        mapping: Field names to values. ``preset: NAME`` starts from one of `RECIPES` instead of the defaults.
            Numbers may be whole where fractions are meant, and text where YAML reads text (``1e-5``).
        base: Where to start from if no preset is named; the defaults if None.

    Raises:
        StudyError: an unknown key or preset (with the nearest known one) or an illegal value.
    """
    values = {key: read_value(key, value) for key, value in mapping.items() if key != "preset"}
    start = preset(mapping["preset"]) if "preset" in mapping else base or Recipe()
    return replace(start, **values)


def read_value(key: str, value: object) -> Any:
    """Return one field's value, checked; what must hold between fields is for the whole recipe.

    Raises:
        StudyError: as `read_recipe`.
    """
    if key not in FIELD_TYPES:
        raise StudyError(
            f"A recipe has no key {key!r}{_nearest_key(str(key), FIELD_TYPES) or '.'} Known keys: preset, "
            f"{', '.join(sorted(FIELD_TYPES))}."
        )
    found = _number_from_yaml(FIELD_TYPES[key], value)
    check_value(key, FIELD_TYPES[key], found)
    return found


def preset(name: object) -> Recipe:
    """Return the recipe of that name.

    Raises:
        StudyError: there is none.
    """
    if not isinstance(name, str) or name not in RECIPES:
        raise StudyError(
            f"There is no recipe preset {name!r}{nearest(str(name), RECIPES) or '.'} "
            f"Known presets: {', '.join(RECIPES)}."
        )
    return RECIPES[name]


def _number_from_yaml(hint: object, value: object) -> object:
    """Return *value*, as a float where a float is meant: YAML 1.1 reads ``1e-5`` as text and ``1`` as an int."""
    if hint is not float or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _nearest_key(key: str, known: Collection[str]) -> str:
    """Return the suggestion for an unknown key; other tools' usual names lead to ours."""
    if key.lower() in USUAL:
        return f"; did you mean {USUAL[key.lower()]!r}?"
    return nearest(key, known)
