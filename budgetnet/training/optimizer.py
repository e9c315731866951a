"""The recipe's optimiser and learning-rate schedule."""

from __future__ import annotations

import math
from typing import assert_never

import torch
from torch import nn

from budgetnet.training.recipe import Recipe

__all__ = ["Plateau", "make_optimizer", "rate"]


def make_optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the recipe's optimiser over all trainable parameters of *model*, in two groups: decayed and not.

    Weight decay acts on tensors of two or more dimensions (convolution and linear weights); norm parameters, biases
    and learned scales, which have one, are left alone unless ``recipe.decay_all``.
    """
    trainable = [p for p in model.parameters() if p.requires_grad]
    decayed = [p for p in trainable if p.ndim >= 2 or recipe.decay_all]
    spared = [p for p in trainable if p.ndim < 2 and not recipe.decay_all]
    groups = [
        {"params": params, "weight_decay": decay}
        for params, decay in ((decayed, recipe.weight_decay), (spared, 0.0))
        if params
    ]
    match recipe.optimizer:
        case "sgd":
            return torch.optim.SGD(
                groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True
            )
        case "adamw":
            return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), foreach=True)
        case "adam":
            return torch.optim.Adam(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), foreach=True)
        case _:
            assert_never(recipe.optimizer)


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the learning rate of one step, without the plateau's reductions.

    Args:
        recipe: Gives peak, schedule, warm-up and end.
        step: 0 <= step < steps.
        steps: Steps of the whole run, >= 1.
    """
    rise = math.floor(recipe.warmup * steps)
    if step < rise:
        return recipe.lr * (step + 1) / (rise + 1)
    position = (step - rise) / (steps - rise)
    match recipe.schedule:
        case "onecycle":
            share = 1 - position
        case "cosine":
            share = (1 + math.cos(math.pi * position)) / 2
        case "plateau" | "constant":
            return recipe.lr
        case _:
            assert_never(recipe.schedule)
    return recipe.lr * (recipe.final + (1 - recipe.final) * share)


class Plateau:
    """Cuts the learning rate when a loss has stopped falling."""

    def __init__(self, factor: float, patience: int) -> None:
        """Start at factor 1; see `Recipe.plateau_factor` and `Recipe.plateau_patience`."""
        self._factor = factor
        self._patience = patience
        self._best = math.inf
        self._waited = 0
        self.share = 1.0
        """What the schedule's learning rate is multiplied with, at present."""

    def see(self, loss: float) -> None:
        """Take note of an epoch's loss; an improvement is one by more than 0.01 %, as in torch's scheduler."""
        if loss < self._best * (1 - 1e-4):
            self._best = loss
            self._waited = 0
            return
        self._waited += 1
        if self._waited > self._patience:
            self.share *= self._factor
            self._waited = 0
