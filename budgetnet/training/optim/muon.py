"""Muon: momentum with orthogonalised updates, for the filters of full convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalise"]

STEPS = 3
"""Newton-Schulz iterations. Three bring all but tiny singular values within about a third of 1, which is enough."""


def orthogonalise(matrices: Tensor, steps: int = STEPS) -> Tensor:
    """Return, for each matrix, roughly the nearest one whose singular values are all 1.

    Newton-Schulz with the quintic of Jordan's Muon, whose coefficients trade accuracy (singular values end up between
    about 0.7 and 1.2) for speed.

    Args:
        matrices: (B, R, C), floats.
        steps: Iterations, >= 1.

    Source: K. Jordan and others, "Muon: an optimizer for hidden layers in neural networks", 2024.
    """
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices  # the products below have the shorter side
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with orthogonal updates, for filters that keep their initial norm.

    Every filter bank (out, in, kernel, kernel) counts as a matrix of `out` rows. Before each update it is rescaled
    to its norm at the first step, and the update is in units of that norm's root mean square per row, so the learning
    rate is an angle per step. A norm layer after the convolution makes the output independent of the scale, so weight
    decay would have no effect; without one, the scale stays that of the initialisation.

    Banks of the same shape share one batched product.

    Args:
        groups: Parameters, or parameter groups as torch takes them, of two or more dimensions.
        lr: Size of the orthogonal update, as a share of the filters' root mean square per row, > 0.
        momentum: 0 <= momentum < 1.
        by_row: True rescales every row to the root mean square of the bank's initial rows, instead of the bank to its
            initial norm.

    Source: K. Jordan's airbench94_muon (2024), which keeps the filters' norm at one per row.
    """

    def __init__(
        self, groups: Iterable[Tensor] | Iterable[dict[str, Any]], *, lr: float, momentum: float, by_row: bool = False
    ) -> None:
        """Store the groups; see the class for the arguments."""
        super().__init__(groups, {"lr": lr, "momentum": momentum, "by_row": by_row})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step with the current gradients; a *closure* is not supported.

        Raises:
            ValueError: a closure was given.
        """
        if closure is not None:
            raise ValueError("Muon does not take a closure")
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for filters in group["params"]:
                if filters.grad is not None:
                    by_shape.setdefault(filters.shape, []).append(filters)
            for shape, banks in by_shape.items():
                updates = [self._direction(filters, group["momentum"]) for filters in banks]
                matrices = torch.stack([update.reshape(shape[0], -1) for update in updates])
                for filters, update in zip(banks, orthogonalise(matrices), strict=True):
                    size: Tensor = self.state[filters]["norm"]
                    if group["by_row"]:
                        rows = filters.flatten(1).norm(dim=1).clamp(min=1e-7).view(-1, 1, 1, 1)
                        filters.mul_(size / shape[0] ** 0.5 / rows)
                    else:
                        filters.mul_(size / filters.norm().clamp(min=1e-7))
                    filters.sub_(update.view(shape) * (size * (group["lr"] / shape[0] ** 0.5)))

    def _direction(self, filters: Tensor, momentum: float) -> Tensor:
        """Return the Nesterov direction of one filter bank and update its momentum."""
        gradient = filters.grad
        assert gradient is not None
        state = self.state[filters]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
            norm = filters.norm()
            # Filters of zeros have no scale.
            state["norm"] = torch.where(norm > 0, norm, filters.shape[0] ** 0.5)
        buffer: Tensor = state["momentum"]
        buffer.mul_(momentum).add_(gradient)
        return gradient.add(buffer, alpha=momentum)
