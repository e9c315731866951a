"""Recipes by name. Does not load torch."""

from __future__ import annotations

from budgetnet.keys.key import Key
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["HAND_MADE", "MUON", "PRESET", "RECIPES"]

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
"""Recipe of the hand-made network that this project starts from: 20 epochs of Adam at 0.01, lowering the
rate on a validation plateau, flips, shift-scale-rotate and a 16x16 cutout. Shift, scale and rotation limits are those
customary for 32x32 images (Albumentations' ShiftScaleRotate)."""

MUON = Recipe(batch=128, optimizer="muon", lr=0.2, muon_lr=0.03, label_smoothing=0.1, flip="alternating", whiten=True)
"""Muon with label smoothing, alternating flips and a whitening first layer, at rates that suit 3 epochs as well as 12
(K. Jordan's airbench94_muon, 2024)."""

RECIPES: dict[str, Recipe] = {"default": Recipe(), "muon": MUON, "hand-made": HAND_MADE}
"""Recipes by name, for ``preset:`` in a study file."""

PRESET = Key(
    name="preset",
    kind="word",
    words=tuple(RECIPES),
    default="default",
    help="The recipe to start from. The other keys change it.",
    left_out="the defaults below",
    example="muon",
)
"""The key that names one of them."""
