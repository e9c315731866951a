"""`Recipe`: validation, reading, writing, presets."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import StudyError
from budgetnet.training.recipe import HAND_MADE, RECIPES, Recipe

recipes = st.builds(
    Recipe,
    epochs=st.integers(1, 500),
    batch=st.integers(2, 4096),
    optimizer=st.sampled_from(["sgd", "adamw", "adam"]),
    lr=st.floats(1e-5, 10),
    momentum=st.floats(0, 0.99),
    weight_decay=st.floats(0, 1),
    decay_all=st.booleans(),
    schedule=st.sampled_from(["onecycle", "cosine", "plateau", "constant"]),
    label_smoothing=st.floats(0, 0.5),
    ema=st.floats(0, 0.9999),
    flip=st.sampled_from(["none", "random", "alternating"]),
    cutout=st.integers(0, 16),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
)


@settings(deadline=None)
@given(recipes)
def test_a_recipe_survives_writing_and_reading(recipe: Recipe) -> None:
    """``from_mapping(to_mapping())`` gives an equal recipe."""
    assert Recipe.from_mapping(recipe.to_mapping()) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, but got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number, but got 1.5"),
        ({"epochs": True}, "epochs must be a whole number, but got True"),
        ({"batch": 1}, "batch must be at least 2, but got 1"),
        ({"lr": 0}, "lr must be above 0, but got 0"),
        ({"lr": "fast"}, "lr must be a finite number, but got 'fast'"),
        ({"lr": float("nan")}, "lr must be a finite number, but got nan"),
        ({"lr": None}, "lr must be a finite number, but got None"),
        ({"momentum": 1}, "momentum must be at least 0 and below 1, but got 1"),
        ({"weight_decay": -1e-4}, "weight_decay must be at least 0, but got -0.0001"),
        ({"decay_all": "yes"}, "decay_all must be true or false, but got 'yes'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be at least 0 and below 1"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1"),
        ({"shift": -1}, "shift must be at least 0, but got -1"),
        ({"warp_rotate": 200}, "warp_rotate must be between 0 and 180, but got 200"),
        ({"cutout_probability": 2}, "cutout_probability must be between 0 and 1, but got 2"),
        (
            {"optimizer": "adamW"},
            "optimizer must be one of sgd, adamw, adam, but got 'adamW'; did you mean 'adamw'?",
        ),
        ({"schedule": ["cosine"]}, r"schedule must be one of .*, but got \['cosine'\]"),
    ],
)
def test_illegal_values_cannot_be_built(values: dict[str, Any], message: str) -> None:
    """Every rule is stated with the value that broke it."""
    with pytest.raises(StudyError, match=message):
        Recipe(**values)


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("epoch", "epochs"),
        ("learning_rate", "lr"),
        ("batch_size", "batch"),
        ("optimiser", "optimizer"),
        ("Crop", "shift"),
    ],
)
def test_unknown_keys_get_the_nearest(key: str, suggestion: str) -> None:
    """A misspelt key, or another tool's word for it, is answered with ours."""
    with pytest.raises(StudyError, match=f"no key '{key}'; did you mean '{suggestion}'\\?"):
        Recipe.from_mapping({key: 1})


def test_an_alien_key_lists_the_known_ones() -> None:
    """Where nothing is near, all keys are listed."""
    with pytest.raises(StudyError, match=r"no key 'zzz'\. Known keys: preset, batch, "):
        Recipe.from_mapping({"zzz": 1})


def test_numbers_as_yaml_gives_them() -> None:
    """YAML 1.1 reads 1e-5 as text, and 1 where 1.0 is meant; both are taken as the number."""
    recipe = Recipe.from_mapping({"lr": 1, "weight_decay": "1e-5"})
    assert (recipe.lr, recipe.weight_decay) == (1.0, 1e-5)
    assert isinstance(recipe.lr, float)


def test_presets_and_bases_are_starting_points() -> None:
    """A preset, or the base, gives what the mapping does not."""
    found = Recipe.from_mapping({"preset": "hand-made", "epochs": 3})
    assert (found.optimizer, found.lr, found.cutout, found.epochs) == ("adam", 0.01, 16, 3)
    assert Recipe.from_mapping({"epochs": 3}, base=HAND_MADE) == found
    assert Recipe.from_mapping({}) == Recipe() == RECIPES["default"]
    with pytest.raises(StudyError, match="no recipe preset 'handmade'; did you mean 'hand-made'"):
        Recipe.from_mapping({"preset": "handmade"})


def test_recipes_and_data_descriptions_load_no_torch() -> None:
    """Checking a study file and exploring a space must not wait for torch."""
    program = (
        "import sys\n"
        "import budgetnet.training.recipe, budgetnet.training.datasets_table, budgetnet.training.sources\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
