"""Stochastic depth: bodies of skips left out at random."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor, nn

from budgetnet.network.torch.modules import Residual
from budgetnet.training.optim.stochastic_depth import stochastic_depth


class Ones(nn.Module):
    """Adds one to zeros."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ones in the shape of *x*."""
        return torch.ones_like(x)


def test_bodies_are_kept_with_their_share_and_their_mean() -> None:
    """The l-th of L skips is left out with probability last * l / L; its mean over images stays."""
    count = 20_000
    skips = [Residual(Ones()) for _ in range(4)]
    model = nn.Sequential(*skips)
    with stochastic_depth(model, 0.4, Generator().manual_seed(0)):
        outputs = [skip(torch.zeros(count, 1)) for skip in skips]
    for number, output in enumerate(outputs, start=1):
        rate = 0.4 * number / 4
        assert (output == 0).float().mean().item() == pytest.approx(rate, abs=0.02)
        assert output.mean().item() == pytest.approx(1, abs=0.03)
        assert output.unique().tolist() == [0.0, pytest.approx(1 / (1 - rate))]


def test_evaluation_and_the_time_after_use_all_bodies() -> None:
    """In eval mode, and once the block has ended, nothing is left out."""
    model = nn.Sequential(Residual(Ones()))
    generator = Generator().manual_seed(0)
    with stochastic_depth(model.eval(), 0.9, generator):
        assert torch.equal(model(torch.zeros(50, 1)), torch.ones(50, 1))
    assert torch.equal(model.train()(torch.zeros(50, 1)), torch.ones(50, 1))
    with stochastic_depth(model, 0.0, generator):
        assert torch.equal(model(torch.zeros(50, 1)), torch.ones(50, 1))
