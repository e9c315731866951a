"""`Recipe`: all settings of a training, as one frozen value. Does not load torch."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

from budgetnet.keys.declare import check_keys, key
from budgetnet.keys.key import BadValueError
from budgetnet.training.recipe.augmentation import Augmentation

__all__ = ["Precision", "Recipe"]

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe(Augmentation):
    """Settings of a training.

    The defaults are for small networks and short runs: SGD with Nesterov momentum over one cycle, flips and small
    reflected shifts, no dropout-like noise beyond that, since networks under 200k parameters underfit in short runs.
    The fields are declared by theme, in a chain of classes: optimization, regularization, initialization, augmentation.

    Raises:
        StudyError: a value breaks its field's rule; the message gives the rule and the value.
    """

    precision: Precision = key(
        "auto",
        "Type of the activations in training; weights are always float32. `auto`: bfloat16 if the hardware has it.",
        also=("dtype",),
    )

    def __post_init__(self) -> None:
        """Check every field, and the rules between fields."""
        check_keys(self)
        if self.schedule == "wsd" and self.cooldown > 1 - self.warmup:
            raise BadValueError(
                "cooldown", f"must be at most 1 - warmup with the schedule wsd, but got {self.cooldown!r}; lower either"
            )
        averages = [name for name in ("ema", "average_last", "lookahead") if getattr(self, name)]
        if len(averages) > 1:
            kept, name = averages[0], averages[-1]
            raise BadValueError(
                name, f"must be 0 where {kept} is not 0, but got {getattr(self, name)!r}; choose one of them"
            )

    def to_mapping(self) -> dict[str, int | float | str | bool]:
        """Return all fields, in order, as plain values; `read_recipe` reads them back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}
