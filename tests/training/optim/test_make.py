"""Optimiser groups, learning-rate schedules, plateaus, averages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from budgetnet.training.optim.make import Plateau, make_optimizers, rate
from budgetnet.training.recipe.optimization import Schedule
from budgetnet.training.recipe.reading import read_recipe
from budgetnet.training.recipe.recipe import Recipe


def model() -> nn.Module:
    """A convolution, a norm and a linear layer."""
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "adam"])
def test_decay_spares_norms_and_biases(optimizer: str) -> None:
    """Weight decay acts on the two weight tensors only, unless all are asked for."""
    recipe = read_recipe({"optimizer": optimizer, "weight_decay": 0.1})
    (made,) = make_optimizers(model(), recipe)
    groups = made.param_groups
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(2, 0.1), (4, 0.0)]
    (made,) = make_optimizers(model(), read_recipe({"decay_all": True}, base=recipe))
    assert [(len(group["params"]), group["weight_decay"]) for group in made.param_groups] == [(6, 0.1)]


def test_frozen_parameters_are_left_out() -> None:
    """Parameters that need no gradient are not the optimiser's business."""
    net = model()
    net[0].requires_grad_(False)
    assert sum(len(group["params"]) for made in make_optimizers(net, Recipe()) for group in made.param_groups) == 4


@settings(deadline=None)
@given(
    schedule=st.sampled_from(["onecycle", "cosine", "wsd", "plateau", "constant"]),
    warmup=st.floats(0, 0.9),
    final=st.floats(0, 1),
    steps=st.integers(1, 300),
)
def test_rates_rise_then_fall_and_stay_in_range(schedule: Schedule, warmup: float, final: float, steps: int) -> None:
    """Every step has a rate above 0 and at most the peak; it rises during warm-up and never rises again."""
    recipe = Recipe(lr=2.0, schedule=schedule, warmup=warmup, final=final, cooldown=min(0.3, 1 - warmup))
    rates = [rate(recipe, step, steps) for step in range(steps)]
    assert all(0 < value <= 1.0 for value in rates)
    rise = int(warmup * steps)
    assert rates[:rise] == sorted(rates[:rise])
    assert rates[rise:] == sorted(rates[rise:], reverse=True)
    assert rates[rise] == 1.0
    if schedule in ("plateau", "constant"):
        assert set(rates[rise:]) == {1.0}


def test_one_cycle_ends_near_its_final_share() -> None:
    """The last steps approach ``final`` times the peak."""
    recipe = Recipe(lr=1.0, schedule="onecycle", warmup=0.1, final=0.1)
    assert rate(recipe, 999, 1000) == pytest.approx(0.1, abs=0.002)


def test_warmup_stable_decay_holds_the_peak_and_then_falls_in_a_line() -> None:
    """A fifth up, half at the peak, three tenths down, to the step."""
    recipe = Recipe(schedule="wsd", warmup=0.2, cooldown=0.3, final=0.0)
    rates = [rate(recipe, step, 100) for step in range(100)]
    assert rates[19] < 1
    assert rates[20:71] == [1.0] * 51
    assert rates[71:] == pytest.approx([(100 - step) / 30 for step in range(71, 100)])


def test_norm_biases_may_have_a_rate_of_their_own() -> None:
    """Biases of batch norms move at a multiple of the rate and decay no faster; all other biases do not."""
    net = model()
    recipe = Recipe(lr=0.5, norm_bias_rate=4.0, weight_decay=0.2, decay_all=True)
    (made,) = make_optimizers(net, recipe)
    quick = [group for group in made.param_groups if group["rate"] == 2.0]
    assert [p for group in quick for p in group["params"]] == [net[1].bias]
    assert [group["weight_decay"] for group in quick] == [0.05]
    assert {group["rate"] for group in made.param_groups} == {0.5, 2.0}
    (plain,) = make_optimizers(model(), Recipe(lr=0.5))
    assert {group["rate"] for group in plain.param_groups} == {0.5}


def test_plateau_cuts_after_patience() -> None:
    """The rate falls once the loss has not improved for more epochs than the patience, and counting starts anew."""
    plateau = Plateau(0.5, 1)
    shares = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.1, 1.2, 1.3, 1.4):
        plateau.see(loss)
        shares.append(plateau.share)
    assert shares == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]
