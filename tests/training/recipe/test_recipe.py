"""`Recipe`: validation, reading, writing, presets."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import StudyError
from budgetnet.keys.declare import keys_of
from budgetnet.training.recipe.presets import HAND_MADE, RECIPES
from budgetnet.training.recipe.reading import read_recipe, same_recipe
from budgetnet.training.recipe.recipe import Recipe

recipes = st.builds(
    Recipe,
    epochs=st.integers(1, 500),
    batch=st.integers(2, 4096),
    optimizer=st.sampled_from(["sgd", "adamw", "adam", "muon"]),
    lr=st.floats(1e-5, 10),
    momentum=st.floats(0, 0.99),
    weight_decay=st.floats(0, 1),
    decay_all=st.booleans(),
    schedule=st.sampled_from(["onecycle", "cosine", "wsd", "plateau", "constant"]),
    label_smoothing=st.floats(0, 0.5),
    mixup=st.floats(0, 2),
    mixup_until=st.floats(0.01, 1),
    norm_scale=st.sampled_from(["learned", "frozen", "positive"]),
    norm_momentum=st.floats(0.01, 1),
    stochastic_depth=st.floats(0, 0.9),
    logit_deviation=st.floats(0, 2),
    brightness=st.floats(0, 1),
    contrast=st.floats(0, 0.9),
    start_size=st.floats(0.25, 1),
    full_size_from=st.floats(0.01, 1),
    muon_rows=st.booleans(),
    lookahead=st.integers(0, 20),
    lookahead_ramp=st.floats(0, 4),
    whiten=st.booleans(),
    whiten_frozen=st.integers(0, 20),
    trivial_augment=st.sampled_from(["none", "ra", "wide"]),
    flip=st.sampled_from(["none", "random", "alternating"]),
    cutout=st.integers(0, 16),
    precision=st.sampled_from(["auto", "float32", "bfloat16"]),
)


@settings(deadline=None)
@given(recipes)
def test_a_recipe_survives_writing_and_reading(recipe: Recipe) -> None:
    """``from_mapping(to_mapping())`` gives an equal recipe."""
    assert read_recipe(recipe.to_mapping()) == recipe


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, but got 0"),
        ({"epochs": 1.5}, "epochs must be a whole number of at least 1, but got 1.5"),
        ({"epochs": True}, "epochs must be a whole number of at least 1, but got True"),
        ({"batch": 1}, "batch must be a whole number of at least 2, but got 1"),
        ({"lr": 0}, "lr must be a number above 0, but got 0"),
        ({"lr": "fast"}, "lr must be a number above 0, but got 'fast'"),
        ({"lr": float("nan")}, "lr must be a number above 0, but got nan"),
        ({"lr": None}, "lr must be a number above 0, but got None"),
        ({"momentum": 1}, "momentum must be a number of at least 0 and below 1, but got 1"),
        ({"weight_decay": -1e-4}, "weight_decay must be a number of at least 0, but got -0.0001"),
        ({"decay_all": "yes"}, "decay_all must be true or false, but got 'yes'"),
        ({"label_smoothing": 1.0}, "label_smoothing must be a share of at least 0 and below 1"),
        ({"ema": 1.0}, "ema must be a number of at least 0 and below 1"),
        ({"mixup": -0.1}, "mixup must be a number of at least 0, but got -0.1"),
        ({"muon_lr": 0.0}, "muon_lr must be a number above 0, but got 0.0"),
        ({"muon_momentum": 1.0}, "muon_momentum must be a number of at least 0 and below 1, but got 1.0"),
        ({"norm_bias_rate": 0}, "norm_bias_rate must be a number above 0, but got 0"),
        ({"cooldown": 0}, "cooldown must be a share above 0 and at most 1, such as 85% or 0.85, but got 0"),
        ({"schedule": "wsd", "warmup": 0.8}, "cooldown must be at most 1 - warmup with the schedule wsd, but got 0.3"),
        ({"lookahead": 5, "ema": 0.9}, "lookahead must be 0 where ema is not 0, but got 5; choose one"),
        (
            {"lookahead": 5, "average_last": 0.2},
            "lookahead must be 0 where average_last is not 0, but got 5; choose one",
        ),
        ({"average_last": 0.2, "ema": 0.9}, "average_last must be 0 where ema is not 0, but got 0.2; choose one"),
        ({"average_last": 1.5}, "average_last must be a share from 0 to 1, .*, but got 1.5"),
        ({"norm_scale": "fixed"}, "norm_scale must be one of learned, frozen, positive, but got 'fixed'"),
        ({"norm_momentum": 0}, "norm_momentum must be a share above 0 and at most 1, .*, but got 0"),
        ({"start_size": 0.1}, "start_size must be a share from 0.25 to 1, .*, but got 0.1"),
        ({"stochastic_depth": 1}, "stochastic_depth must be a share of at least 0 and below 1, .*, but got 1"),
        ({"lookahead": 0.5}, "lookahead must be a whole number of at least 0, but got 0.5"),
        ({"lookahead_rate": 0.0}, "lookahead_rate must be a share above 0 and at most 1, .*, but got 0.0"),
        ({"lookahead_ramp": -1.0}, "lookahead_ramp must be a number of at least 0, but got -1.0"),
        ({"whiten": 1}, "whiten must be true or false, but got 1"),
        ({"whiten_frozen": -1}, "whiten_frozen must be a whole number of at least 0, but got -1"),
        ({"trivial_augment": "wild"}, "trivial_augment must be one of none, ra, wide, but got 'wild'; did you mean 'w"),
        ({"shift": -1}, "shift must be a whole number of at least 0, but got -1"),
        ({"warp_rotate": 200}, "warp_rotate must be a number from 0 to 180, but got 200"),
        ({"cutout_probability": 2}, "cutout_probability must be a share from 0 to 1, .*, but got 2"),
        (
            {"optimizer": "adamW"},
            "optimizer must be one of sgd, adamw, adam, muon, but got 'adamW'; did you mean 'adamw'?",
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
        read_recipe({key: 1})


def test_an_alien_key_lists_the_known_ones() -> None:
    """Where nothing is near, all keys are listed."""
    with pytest.raises(StudyError, match=r"a recipe has no key 'zzz'; known keys: epochs, batch, "):
        read_recipe({"zzz": 1})


def test_numbers_as_yaml_gives_them() -> None:
    """YAML 1.1 reads 1e-5 as text, and 1 where 1.0 is meant; both are taken as the number."""
    recipe = read_recipe({"lr": 1, "weight_decay": "1e-5"})
    assert (recipe.lr, recipe.weight_decay) == (1.0, 1e-5)
    assert isinstance(recipe.lr, float)


def test_presets_and_bases_are_starting_points() -> None:
    """A preset, or the base, gives what the mapping does not."""
    found = read_recipe({"preset": "hand-made", "epochs": 3})
    assert (found.optimizer, found.lr, found.cutout, found.epochs) == ("adam", 0.01, 16, 3)
    assert read_recipe({"epochs": 3}, base=HAND_MADE) == found
    assert read_recipe({}) == Recipe() == RECIPES["default"]
    with pytest.raises(
        StudyError, match="preset must be one of default, muon, hand-made, but got 'handmade'; did you mean 'hand-made'"
    ):
        read_recipe({"preset": "handmade"})


def test_recipes_and_data_descriptions_load_no_torch() -> None:
    """Checking a study file and exploring a space must not wait for torch."""
    program = (
        "import sys\n"
        "import budgetnet.training.recipe.reading, budgetnet.training.data.known, budgetnet.training.data.sources\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_number_has_a_range() -> None:
    """No field takes every number."""
    for declared in keys_of(Recipe).values():
        if declared.kind in ("whole", "number", "share"):
            assert declared.low is not None or declared.above is not None, declared.name
            assert declared.kind != "share" or declared.high == 1 or declared.below == 1, declared.name


def test_every_field_is_a_key_with_words() -> None:
    """What a recipe holds can be written, and its help is a sentence."""
    assert list(keys_of(Recipe)) == list(Recipe().to_mapping())
    for declared in keys_of(Recipe).values():
        assert declared.help[0].isupper(), declared.name
        assert declared.help.rstrip(")").endswith((".", "steps")), declared.name


def test_recipes_compare_by_what_was_done():
    """A field that a record lacks was added later and had its default."""
    stored = Recipe(epochs=3).to_mapping()
    assert same_recipe(stored, Recipe(epochs=3))
    assert not same_recipe(stored, Recipe(epochs=4))
    older = {name: value for name, value in stored.items() if name != "cutout"}
    assert same_recipe(older, Recipe(epochs=3))
    assert not same_recipe(older, Recipe(epochs=3, cutout=4))
    assert not same_recipe({}, Recipe()), "a record without a recipe tells nothing about it"
