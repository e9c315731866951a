"""Optimiser groups, learning-rate schedules, plateaus, averages."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from budgetnet.training.averaging import Average
from budgetnet.training.optimizer import Plateau, make_optimizer, rate
from budgetnet.training.recipe import Recipe, Schedule


def model() -> nn.Module:
    """A convolution, a norm and a linear layer."""
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "adam"])
def test_decay_spares_norms_and_biases(optimizer: str) -> None:
    """Weight decay acts on the two weight tensors only, unless all are asked for."""
    recipe = Recipe.from_mapping({"optimizer": optimizer, "weight_decay": 0.1})
    groups = make_optimizer(model(), recipe).param_groups
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(2, 0.1), (4, 0.0)]
    groups = make_optimizer(model(), Recipe.from_mapping({"decay_all": True}, base=recipe)).param_groups
    assert [(len(group["params"]), group["weight_decay"]) for group in groups] == [(6, 0.1)]


def test_frozen_parameters_are_left_out() -> None:
    """Parameters that need no gradient are not the optimiser's business."""
    net = model()
    net[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in make_optimizer(net, Recipe()).param_groups) == 4


@settings(deadline=None)
@given(
    schedule=st.sampled_from(["onecycle", "cosine", "plateau", "constant"]),
    warmup=st.floats(0, 0.9),
    final=st.floats(0, 1),
    steps=st.integers(1, 300),
)
def test_rates_rise_then_fall_and_stay_in_range(schedule: Schedule, warmup: float, final: float, steps: int) -> None:
    """Every step has a rate above 0 and at most the peak; it rises during warm-up and never rises again."""
    recipe = Recipe(lr=2.0, schedule=schedule, warmup=warmup, final=final)
    rates = [rate(recipe, step, steps) for step in range(steps)]
    assert all(0 < value <= 2.0 for value in rates)
    rise = int(warmup * steps)
    assert rates[:rise] == sorted(rates[:rise])
    assert rates[rise:] == sorted(rates[rise:], reverse=True)
    assert rates[rise] == 2.0
    if schedule in ("plateau", "constant"):
        assert set(rates[rise:]) == {2.0}


def test_one_cycle_ends_near_its_final_share() -> None:
    """The last steps approach ``final`` times the peak."""
    recipe = Recipe(lr=1.0, schedule="onecycle", warmup=0.1, final=0.1)
    assert rate(recipe, 999, 1000) == pytest.approx(0.1, abs=0.002)


def test_plateau_cuts_after_patience() -> None:
    """The rate falls once the loss has not improved for more epochs than the patience, and counting starts anew."""
    plateau = Plateau(0.5, 1)
    shares = []
    for loss in (3.0, 2.0, 2.0, 2.0, 1.0, 1.1, 1.2, 1.3, 1.4):
        plateau.see(loss)
        shares.append(plateau.share)
    assert shares == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.125]


def test_average_follows_with_its_decay_and_swaps_back() -> None:
    """The average is the recursion of its definition, covers norm statistics, and comes off as it went on."""
    net = model()
    average = Average(net, 0.5)
    weight = net[0].weight
    expected = weight.detach().clone()
    for step in range(12):
        with torch.no_grad():
            weight += 1
            net[1].running_mean += 1
        average.update()
        decay = min(0.5, (1 + step) / (10 + step))
        expected = expected * decay + weight.detach() * (1 - decay)
    live, live_mean = weight.detach().clone(), net[1].running_mean.clone()
    with average.applied():
        assert torch.allclose(weight, expected, atol=1e-5)
        assert (net[1].running_mean < live_mean).all()
    assert torch.equal(weight, live)
    assert torch.equal(net[1].running_mean, live_mean)
