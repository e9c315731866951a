"""Rules of a recipe for batch norms."""

from __future__ import annotations

import torch
from torch import nn

from budgetnet.training.optim.norms import LEAST_SCALE, NormRules
from budgetnet.training.recipe.recipe import Recipe


def model() -> nn.Sequential:
    """Two norms, one without learned values."""
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.BatchNorm2d(4, affine=False))


def test_the_default_changes_nothing() -> None:
    """Momentum and scales are torch's."""
    net = model()
    rules = NormRules(net, Recipe())
    rules.after_step()
    assert (net[1].momentum, net[2].momentum, net[1].weight.requires_grad) == (0.1, 0.1, True)


def test_frozen_scales_learn_again_after_the_run() -> None:
    """They are left out of training, and released at its end."""
    net = model()
    rules = NormRules(net, Recipe(norm_scale="frozen", norm_momentum=0.4))
    assert [parameter.requires_grad for parameter in net[1].parameters()] == [False, True]
    assert (net[1].momentum, net[2].momentum) == (0.4, 0.4)
    rules.release()
    assert net[1].weight.requires_grad


def test_positive_scales_are_lifted() -> None:
    """After a step no scale is below the smallest one; those above are unchanged."""
    net = model()
    rules = NormRules(net, Recipe(norm_scale="positive"))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor([-1.0, 0.0, 0.5, 2.0]))
    rules.after_step()
    assert net[1].weight.tolist() == torch.tensor([LEAST_SCALE, LEAST_SCALE, 0.5, 2.0]).tolist()
    assert net[1].weight.requires_grad
