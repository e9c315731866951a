"""Exponential moving average of a network's weights and norm statistics."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["Average"]


class Average:
    """Follows a model's parameters and buffers: ``average += (1 - d) * (value - average)`` after every step.

    The decay *d* of step t (from 0) is ``min(decay, (1 + t) / (10 + t))``: early on it is small, so the random start
    is forgotten soon.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start from the model's present values; 0 < decay < 1."""
        self._decay = decay
        self._steps = 0
        # state_dict would also hold buffers that are no numbers to average (batch counters); those stay as they are.
        tensors = [*model.parameters(), *model.buffers()]
        self._live: list[Tensor] = [t.detach() for t in tensors if t.is_floating_point()]
        self._average: list[Tensor] = [t.clone() for t in self._live]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the model's present values."""
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        torch._foreach_lerp_(self._average, self._live, 1 - decay)
        self._steps += 1

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's values and the averages."""
        for live, average in zip(self._live, self._average, strict=True):
            held = live.clone()
            live.copy_(average)
            average.copy_(held)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the averaged values inside a ``with`` block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()
