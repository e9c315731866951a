"""What a recipe's values must be: types, ranges, and what two fields may not say together. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, get_args

from budgetnet.errors import StudyError, nearest

if TYPE_CHECKING:
    from budgetnet.training.recipe.recipe import Recipe

__all__ = ["check", "check_value"]

Rule = tuple[str, Callable[[Any], bool]]
"""In words, and as a test of the value."""

AT_LEAST_0: Rule = ("at least 0", lambda value: value >= 0)
ABOVE_0: Rule = ("above 0", lambda value: value > 0)
BELOW_1: Rule = ("at least 0 and below 1", lambda value: 0 <= value < 1)
SHARE: Rule = ("between 0 and 1", lambda value: 0 <= value <= 1)

RULES: dict[str, Rule] = {
    "epochs": ("at least 1", lambda value: value >= 1),
    "batch": ("at least 2", lambda value: value >= 2),
    "lr": ABOVE_0,
    "momentum": BELOW_1,
    "muon_lr": ABOVE_0,
    "muon_momentum": BELOW_1,
    "norm_bias_rate": ABOVE_0,
    "weight_decay": AT_LEAST_0,
    "warmup": BELOW_1,
    "cooldown": ("above 0 and at most 1", lambda value: 0 < value <= 1),
    "final": SHARE,
    "plateau_factor": ("above 0 and below 1", lambda value: 0 < value < 1),
    "plateau_patience": AT_LEAST_0,
    "label_smoothing": BELOW_1,
    "mixup": AT_LEAST_0,
    "ema": BELOW_1,
    "lookahead": AT_LEAST_0,
    "lookahead_rate": ("above 0 and at most 1", lambda value: 0 < value <= 1),
    "lookahead_ramp": AT_LEAST_0,
    "whiten_frozen": AT_LEAST_0,
    "shift": AT_LEAST_0,
    "warp_shift": SHARE,
    "warp_scale": BELOW_1,
    "warp_rotate": ("between 0 and 180", lambda value: 0 <= value <= 180),
    "warp_probability": SHARE,
    "cutout": AT_LEAST_0,
    "cutout_probability": SHARE,
}
"""Of each field that has a range, by its name."""

TOGETHER: tuple[tuple[str, str, Callable[[Recipe], bool]], ...] = (
    (
        "cooldown",
        "at most 1 - warmup for the schedule wsd",
        lambda recipe: recipe.schedule != "wsd" or recipe.cooldown <= 1 - recipe.warmup,
    ),
    ("lookahead", "0 where ema is not 0: they are alternatives", lambda recipe: not (recipe.lookahead and recipe.ema)),
)
"""Which field, what it must be, and whether a recipe keeps to it."""


def check(recipe: Recipe, types: Mapping[str, object]) -> None:
    """Check every field, and what must hold between fields; *types* are the fields' types, by name.

    Raises:
        StudyError: a rule is broken; the message gives the rule and the value.
    """
    for name, kind in types.items():
        check_value(name, kind, getattr(recipe, name))
    for name, rule, holds in TOGETHER:
        if not holds(recipe):
            raise _broken(name, rule, getattr(recipe, name))


def check_value(name: str, kind: object, value: object) -> None:
    """Check one field's value: its type, *kind*, and its range. Numbers must be finite, booleans are no numbers.

    Raises:
        StudyError: as `check`.
    """
    choices = get_args(kind)
    if choices:
        if value not in choices:
            close = nearest(str(value).lower(), [str(choice) for choice in choices])
            raise StudyError(f"A recipe's {name} must be one of {', '.join(choices)}, but got {value!r}{close or '.'}")
        return
    match kind:
        case _ if kind is bool:
            right, wanted = isinstance(value, bool), "true or false"
        case _ if kind is int:
            right, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        case _:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            right, wanted = is_number and math.isfinite(float(str(value))), "a finite number"
    if not right:
        raise _broken(name, wanted, value)
    if name in RULES and not RULES[name][1](value):
        raise _broken(name, RULES[name][0], value)


def _broken(name: str, rule: str, value: object) -> StudyError:
    return StudyError(f"A recipe's {name} must be {rule}, but got {value!r}.")
