"""`Recipe`: everything that decides how a network is trained, as one frozen value. Loads no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from budgetnet.errors import StudyError, nearest

__all__ = ["HAND_MADE", "RECIPES", "Flip", "Optimizer", "Padding", "Precision", "Recipe", "Schedule"]

Optimizer = Literal["sgd", "adamw", "adam"]
Schedule = Literal["onecycle", "cosine", "plateau", "constant"]
Precision = Literal["auto", "float32", "bfloat16"]
Flip = Literal["none", "random", "alternating"]
Padding = Literal["reflect", "zero"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """How a network is trained.

    The defaults are for small networks and short runs: SGD with Nesterov momentum over one cycle, flips and small
    reflected shifts, no dropout-like noise beyond that, since networks under 200k parameters underfit in short runs.

    Raises:
        StudyError: a value breaks its field's rule; the message gives the rule and the value.
    """

    epochs: int = 12
    """Passes over the train images, >= 1."""

    batch: int = 256
    """Images per step, >= 2. The images left over at the end of an epoch wait for the next (order is redrawn)."""

    optimizer: Optimizer = "sgd"
    """``sgd`` (Nesterov momentum), ``adamw`` (decoupled weight decay) or ``adam`` (decay added to the gradient)."""

    lr: float = 0.4
    """Peak learning rate, > 0, for a loss that is the mean over the batch."""

    momentum: float = 0.9
    """Nesterov momentum of SGD, 0 <= momentum < 1; for Adam and AdamW the first beta."""

    weight_decay: float = 5e-4
    """>= 0. Acts on weights of convolutions and linear layers only, unless `decay_all`: norm scales and all biases
    have one number per channel, and pulling those to zero changes what the layer can represent."""

    decay_all: bool = False
    """Whether weight decay acts on norm parameters and biases too."""

    schedule: Schedule = "onecycle"
    """``onecycle``: linear rise over `warmup`, linear fall to `final`. ``cosine``: the same rise, cosine fall.
    ``plateau``: the rise, then times `plateau_factor` whenever the validation loss (the train loss where there is no
    validation) has not improved for `plateau_patience` epochs. ``constant``: the rise, then `lr`."""

    warmup: float = 0.2
    """Share of all steps in which the learning rate rises linearly to `lr`, 0 <= warmup < 1."""

    final: float = 0.0
    """Learning rate at the end of ``onecycle`` and ``cosine``, as a share of `lr`, 0 <= final <= 1."""

    plateau_factor: float = 0.3
    """0 < plateau_factor < 1."""

    plateau_patience: int = 2
    """Epochs without improvement before the rate falls, >= 0."""

    label_smoothing: float = 0.0
    """Share of the target spread over all classes, 0 <= label_smoothing < 1."""

    ema: float = 0.0
    """Decay per step of an exponential moving average of weights and norm statistics; 0 = off, otherwise < 1. With
    it, validation, and the network after `fit`, have the averaged weights. The decay starts lower and grows, so that
    short runs do not average in the random start."""

    flip: Flip = "random"
    """Horizontal flips: ``random`` with probability 1/2; ``alternating``: at random in the first epoch, then every
    image flips from epoch to epoch, so no image is seen the same way twice running (airbench94)."""

    shift: int = 2
    """Largest shift in pixels along each axis, drawn uniformly from whole numbers, >= 0."""

    padding: Padding = "reflect"
    """What a shift or warp brings in at the border: the mirrored image or zeros (the mean colour)."""

    warp_shift: float = 0.0
    """Shift-scale-rotate: largest shift as a share of the side, 0 <= warp_shift <= 1."""

    warp_scale: float = 0.0
    """Shift-scale-rotate: largest change of size, 0.1 = from 90 % to 110 %, 0 <= warp_scale < 1."""

    warp_rotate: float = 0.0
    """Shift-scale-rotate: largest rotation in degrees, 0 <= warp_rotate <= 180."""

    warp_probability: float = 0.5
    """Share of images that are warped, 0..1; matters only where one of the three above is not 0."""

    cutout: int = 0
    """Side in pixels of a square set to the mean colour, centred anywhere in the image, >= 0; 0 = off."""

    cutout_probability: float = 1.0
    """Share of images that get a cutout, 0..1."""

    precision: Precision = "auto"
    """Of activations in training; weights are float32 always. ``auto``: bfloat16 where the hardware has it."""

    def __post_init__(self) -> None:
        """Check every field's type and range."""
        hints = get_type_hints(Recipe)
        for name, hint in hints.items():
            _check_type(name, hint, getattr(self, name))
        for name, rule, holds in (
            ("epochs", "at least 1", self.epochs >= 1),
            ("batch", "at least 2", self.batch >= 2),
            ("lr", "above 0", self.lr > 0),
            ("momentum", "at least 0 and below 1", 0 <= self.momentum < 1),
            ("weight_decay", "at least 0", self.weight_decay >= 0),
            ("warmup", "at least 0 and below 1", 0 <= self.warmup < 1),
            ("final", "between 0 and 1", 0 <= self.final <= 1),
            ("plateau_factor", "above 0 and below 1", 0 < self.plateau_factor < 1),
            ("plateau_patience", "at least 0", self.plateau_patience >= 0),
            ("label_smoothing", "at least 0 and below 1", 0 <= self.label_smoothing < 1),
            ("ema", "at least 0 and below 1", 0 <= self.ema < 1),
            ("shift", "at least 0", self.shift >= 0),
            ("warp_shift", "between 0 and 1", 0 <= self.warp_shift <= 1),
            ("warp_scale", "at least 0 and below 1", 0 <= self.warp_scale < 1),
            ("warp_rotate", "between 0 and 180", 0 <= self.warp_rotate <= 180),
            ("warp_probability", "between 0 and 1", 0 <= self.warp_probability <= 1),
            ("cutout", "at least 0", self.cutout >= 0),
            ("cutout_probability", "between 0 and 1", 0 <= self.cutout_probability <= 1),
        ):
            if not holds:
                raise StudyError(f"A recipe's {name} must be {rule}, but got {getattr(self, name)!r}.")

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any], *, base: Recipe | None = None) -> Recipe:
        """Return the recipe that *mapping* (as read from YAML) describes.

        Args:
            mapping: Field names to values. ``preset: NAME`` starts from one of `RECIPES` instead of the defaults.
                Numbers may be whole where fractions are meant, and text where YAML reads text (``1e-5``).
            base: Where to start from if no preset is named; the defaults if None.

        Raises:
            StudyError: an unknown key or preset (with the nearest known one) or an illegal value.
        """
        known = {field.name for field in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in mapping.items():
            if key == "preset":
                continue
            if key not in known:
                raise StudyError(
                    f"A recipe has no key {key!r}{_nearest_key(str(key), known) or '.'} Known keys: preset, "
                    f"{', '.join(sorted(known))}."
                )
            values[key] = _number_from_yaml(get_type_hints(cls)[key], value)
        start = base or cls()
        if "preset" in mapping:
            preset = mapping["preset"]
            if preset not in RECIPES:
                raise StudyError(
                    f"There is no recipe preset {preset!r}{nearest(str(preset), RECIPES) or '.'} "
                    f"Known presets: {', '.join(RECIPES)}."
                )
            start = RECIPES[preset]
        return replace(start, **values)

    def to_mapping(self) -> dict[str, int | float | str | bool]:
        """Return all fields, in order, as plain values; ``from_mapping(to_mapping())`` gives this recipe back."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _check_type(name: str, hint: object, value: object) -> None:
    """Raise `StudyError` unless *value* is of the field's type; numbers must be finite, booleans are no numbers."""
    choices = get_args(hint)
    if choices:
        if value not in choices:
            close = nearest(str(value).lower(), [str(choice) for choice in choices])
            raise StudyError(f"A recipe's {name} must be one of {', '.join(choices)}, but got {value!r}{close or '.'}")
        return
    match hint:
        case _ if hint is bool:
            right, wanted = isinstance(value, bool), "true or false"
        case _ if hint is int:
            right, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        case _:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            right, wanted = is_number and math.isfinite(float(str(value))), "a finite number"
    if not right:
        raise StudyError(f"A recipe's {name} must be {wanted}, but got {value!r}.")


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


def _nearest_key(key: str, known: set[str]) -> str:
    """Return the suggestion for an unknown key; other tools' usual names lead to ours."""
    usual = {
        "learning_rate": "lr",
        "batch_size": "batch",
        "optimiser": "optimizer",
        "scheduler": "schedule",
        "smoothing": "label_smoothing",
        "dtype": "precision",
        "wd": "weight_decay",
        "crop": "shift",
        "rotate": "warp_rotate",
    }
    if key.lower() in usual:
        return f"; did you mean {usual[key.lower()]!r}?"
    return nearest(key, known)


HAND_MADE = Recipe(
    epochs=20,
    batch=128,
    optimizer="adam",
    lr=0.01,
    weight_decay=1e-5,
    decay_all=True,
    schedule="plateau",
    warmup=0.0,
    flip="random",
    shift=0,
    warp_shift=0.0625,
    warp_scale=0.1,
    warp_rotate=15.0,
    warp_probability=0.5,
    cutout=16,
)
"""How the hand-made network that this project starts from was trained: 20 epochs of Adam at 0.01, lowering the
rate on a validation plateau, flips, shift-scale-rotate and a 16x16 cutout. Shift, scale and rotation limits are those
customary for 32x32 images (Albumentations' ShiftScaleRotate)."""

RECIPES: dict[str, Recipe] = {"default": Recipe(), "hand-made": HAND_MADE}
"""Recipes by name, for ``preset:`` in a study file."""
