"""Batch norms as a recipe wants them: their running statistics, and their scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from budgetnet.training.recipe.optimization import Optimization

__all__ = ["LEAST_SCALE", "NormRules"]

LEAST_SCALE = 0.01
"""Smallest scale with ``norm_scale: positive``."""


class NormRules:
    """A recipe's rules for the batch norms of one model, during one training."""

    def __init__(self, model: nn.Module, recipe: Optimization) -> None:
        """Set the momentum of the statistics and, if the scales are frozen, exclude them from training."""
        norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
        if recipe.norm_momentum != 0.1:  # torch's own
            for norm in norms:
                norm.momentum = recipe.norm_momentum
        scales: list[Tensor] = [norm.weight for norm in norms if norm.weight is not None]
        self._frozen = [scale for scale in scales if recipe.norm_scale == "frozen" and scale.requires_grad]
        self._positive = [scale.detach() for scale in scales] if recipe.norm_scale == "positive" else []
        for scale in self._frozen:
            scale.requires_grad_(False)

    def after_step(self) -> None:
        """Lift scales that are to be positive."""
        if self._positive:
            torch._foreach_clamp_min_(self._positive, LEAST_SCALE)

    def release(self) -> None:
        """Make frozen scales trainable again; the model is then as other code expects it."""
        for scale in self._frozen:
            scale.requires_grad_(True)
