"""The recipe's optimisers and learning-rate schedule."""

from __future__ import annotations

import math
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from budgetnet.training.optim.muon import Muon
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["Plateau", "make_optimizers", "rate"]


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Return the recipe's optimisers over all trainable parameters of *model*: one, or with Muon two.

    Weight decay acts on tensors of two or more dimensions (convolution and linear weights); norm parameters, biases
    and learned scales, which have one, are left out unless ``recipe.decay_all``. Every group has a ``rate``; the
    schedule's share of the peak (see `rate`) times it is the group's learning rate.
    """
    banks: set[Tensor] = set(_filter_banks(model)) if recipe.optimizer == "muon" else set()
    biases = _norm_biases(model)
    trainable = [p for p in model.parameters() if p.requires_grad]
    rest = [p for p in trainable if p not in banks]
    groups = []
    for quick in (False, True):
        share = recipe.norm_bias_rate if quick else 1.0
        some = [p for p in rest if (p in biases and recipe.norm_bias_rate != 1) is quick]
        for decayed in (True, False):
            params = [p for p in some if (p.ndim >= 2 or recipe.decay_all) is decayed]
            decay = recipe.weight_decay / share if decayed else 0.0  # the decay is not faster, as in airbench94
            if params:
                groups.append({"params": params, "weight_decay": decay, "rate": recipe.lr * share})
    optimizers = [_plain(groups, recipe)] if groups else []
    if banks:
        # In the order of the model, so runs are reproducible.
        ordered = [p for p in trainable if p in banks]
        group = {"params": ordered, "rate": recipe.muon_lr}
        optimizers.append(Muon([group], lr=recipe.muon_lr, momentum=recipe.muon_momentum, by_row=recipe.muon_rows))
    return optimizers


def _plain(groups: list[dict[str, Any]], recipe: Recipe) -> torch.optim.Optimizer:
    """Return torch's optimiser for *groups*: the recipe's own, or SGD next to Muon."""
    match recipe.optimizer:
        case "sgd" | "muon":
            return torch.optim.SGD(
                groups, lr=recipe.lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0, foreach=True
            )
        case "adamw":
            return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), foreach=True)
        case "adam":
            return torch.optim.Adam(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), foreach=True)
        case _:
            assert_never(recipe.optimizer)


def _filter_banks(model: nn.Module) -> list[Tensor]:
    """Return the parameters for Muon: the filters of full convolutions, except those of the layer with the logits.

    A grouped convolution's filters are many small matrices, not one. The scale of each output of the last layer
    carries meaning.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    return [m.weight for m in layers[:-1] if isinstance(m, nn.Conv2d) and m.groups == 1 and m.weight.requires_grad]


def _norm_biases(model: nn.Module) -> set[Tensor]:
    """Return the learned shifts of all batch norms."""
    return {m.bias for m in model.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) and m.bias is not None}


def rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the learning rate of one step as a share of the peak, 0..1, without the plateau's reductions.

    Args:
        recipe: Schedule, warm-up and final rate.
        step: 0 <= step < steps.
        steps: Steps of the whole run, >= 1.
    """
    rise = math.floor(recipe.warmup * steps)
    if step < rise:
        return (step + 1) / (rise + 1)
    position = (step - rise) / (steps - rise)
    match recipe.schedule:
        case "onecycle":
            share = 1 - position
        case "cosine":
            share = (1 + math.cos(math.pi * position)) / 2
        case "wsd":
            share = min(1.0, (1 - position) * (1 - recipe.warmup) / recipe.cooldown)
        case "plateau" | "constant":
            return 1.0
        case _:
            assert_never(recipe.schedule)
    return recipe.final + (1 - recipe.final) * share


class Plateau:
    """Reduces the learning rate when a loss has stopped falling."""

    def __init__(self, factor: float, patience: int) -> None:
        """Start at factor 1; see `Recipe.plateau_factor` and `Recipe.plateau_patience`."""
        self._factor = factor
        self._patience = patience
        self._best = math.inf
        self._waited = 0
        self.share = 1.0
        """Current factor of the schedule's learning rate."""

    @property
    def state(self) -> tuple[float, int, float]:
        """The best loss, the epochs waited since, and the factor: for a checkpoint."""
        return self._best, self._waited, self.share

    @state.setter
    def state(self, state: tuple[float, int, float]) -> None:
        self._best, self._waited, self.share = state

    def see(self, loss: float) -> None:
        """Record an epoch's loss; only changes by more than 0.01 % are improvements, as in torch's scheduler."""
        if loss < self._best * (1 - 1e-4):
            self._best = loss
            self._waited = 0
            return
        self._waited += 1
        if self._waited > self._patience:
            self.share *= self._factor
            self._waited = 0
