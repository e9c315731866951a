"""Averaged weights that follow the trained ones: an exponential moving average, and lookahead."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

__all__ = ["Average", "Followers", "Lookahead", "TailAverage"]


class Followers(ABC):
    """A second set of a model's values: its parameters and those of its buffers that are floating point."""

    def __init__(self, model: nn.Module) -> None:
        """Start from the model's current values."""
        # state_dict would also hold buffers that cannot be averaged (batch counters); those stay unchanged.
        tensors = [*model.parameters(), *model.buffers()]
        self._live: list[Tensor] = [t.detach() for t in tensors if t.is_floating_point()]
        self._followers: list[Tensor] = [t.clone() for t in self._live]
        self._steps = 0

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The followers, for a checkpoint; filled in place when training goes on."""
        return {str(place): follower for place, follower in enumerate(self._followers)}

    @property
    def steps(self) -> int:
        """Steps counted so far."""
        return self._steps

    @steps.setter
    def steps(self, steps: int) -> None:
        self._steps = steps

    @abstractmethod
    def update(self) -> None:
        """Record a step of training."""

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange the model's values and the followers."""
        for live, follower in zip(self._live, self._followers, strict=True):
            held = live.clone()
            live.copy_(follower)
            follower.copy_(held)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Give the model the followers' values inside a ``with`` block."""
        self.swap()
        try:
            yield
        finally:
            self.swap()


class Average(Followers):
    """Follows a model: ``average += (1 - d) * (value - average)`` after every step.

    The decay *d* of step t (from 0) is ``min(decay, (1 + t) / (10 + t))``: it is small at
    first, so the random start is forgotten quickly.

    Source: averaging of iterates is Polyak and Juditsky's (1992); the exponential average with this growing decay is
    TensorFlow's ExponentialMovingAverage.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Start from the model's current values; 0 < decay < 1."""
        super().__init__(model)
        self._decay = decay

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the model's current values."""
        decay = min(self._decay, (1 + self._steps) / (10 + self._steps))
        torch._foreach_lerp_(self._followers, self._live, 1 - decay)
        self._steps += 1


class TailAverage(Followers):
    """The mean, with equal weight, of the values after each of the last steps; until then, the values themselves.

    Source: P. Izmailov and others, "Averaging weights leads to wider optima", 2018, arXiv 1803.05407; per step and for
    the end of a run: J. Kaddour, "Stop wasting my time!", 2022, arXiv 2209.14981.
    """

    def __init__(self, model: nn.Module, share: float, *, steps: int) -> None:
        """Average over the last *share* of *steps* steps, 0 < share <= 1, at least one step."""
        super().__init__(model)
        self._first = min(steps - 1, steps - round(share * steps))
        """Number of steps that are not averaged."""

    @torch.no_grad()
    def update(self) -> None:
        """Count a step; average, from the first of the last ones on."""
        self._steps += 1
        averaged = self._steps - self._first
        if averaged > 0:
            torch._foreach_lerp_(self._followers, self._live, 1 / averaged)

    def swap(self) -> None:
        """Exchange the model's values and the average, if it has begun."""
        if self._steps > self._first:
            super().swap()


class Lookahead(Followers):
    """Slow weights that, every k steps, move a share of the way to the current weights.

    The weights are then set back to the slow ones. The optimiser's state (momentum) is kept, and norm statistics are
    treated like the weights. The share is *rate*; with a *ramp* p it falls from 1 to *rate* over the run, as
    ``1 - (1 - rate) * (t / steps) ** p``, so the weights move freely at first. airbench94 does so with p = 3,
    k = 5 and 1 - rate = 0.95 ** 5, from its third epoch on.

    Source: M. Zhang and others, "Lookahead Optimizer: k steps forward, 1 step back", 2019, arXiv 1907.08610; the
    ramp: K. Jordan's airbench94, 2024, arXiv 2404.00498.
    """

    def __init__(self, model: nn.Module, every: int, *, rate: float, ramp: float, steps: int) -> None:
        """Start from the model's current values.

        Args:
            model: The trained model.
            every: k, >= 1.
            rate: Share of the way, 0 < rate <= 1.
            ramp: Power, >= 0; 0 = none.
            steps: Steps of the whole run, >= 1.
        """
        super().__init__(model)
        self._every = every
        self._rate = rate
        self._ramp = ramp
        self._total = steps

    @torch.no_grad()
    def update(self) -> None:
        """Count a step; after every k-th, move the slow weights and set the model back to them."""
        self._steps += 1
        if self._steps % self._every:
            return
        share = 1 - (1 - self._rate) * min(1.0, self._steps / self._total) ** self._ramp
        torch._foreach_lerp_(self._followers, self._live, share)
        torch._foreach_copy_(self._live, self._followers)
