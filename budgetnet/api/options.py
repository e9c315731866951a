"""Declarations of study keys, by which the command line reads the options that override them."""

from __future__ import annotations

from budgetnet.files.search_options import Finalists, SearchOptions
from budgetnet.files.variants import variant_path
from budgetnet.keys.declare import keys_of
from budgetnet.keys.key import Key
from budgetnet.network.budget import Budget
from budgetnet.training.recipe.presets import PRESET
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["PRESET", "Budget", "Finalists", "Key", "Recipe", "SearchOptions", "keys_of", "variant_path"]
