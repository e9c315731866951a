"""Averages of weights, and lookahead."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from budgetnet.training.optim.averaging import Average, Lookahead, TailAverage


def model() -> nn.Module:
    """A convolution, a norm and a linear layer."""
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


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


@pytest.mark.parametrize(("rate", "ramp"), [(0.5, 0.0), (0.25, 3.0), (1.0, 0.0)])
def test_lookahead_goes_back_every_k_steps(rate: float, ramp: float) -> None:
    """Between, the weights go their own way; at every k-th step they become the slow ones, as the paper has it."""
    net = model()
    weight, mean = net[0].weight, net[1].running_mean
    slow = weight.detach().clone()
    lookahead = Lookahead(net, 4, rate=rate, ramp=ramp, steps=16)
    for step in range(1, 17):
        with torch.no_grad():
            weight += 1
            mean += 1
        before = weight.detach().clone()
        lookahead.update()
        if step % 4:
            assert torch.equal(weight, before)
            continue
        share = 1 - (1 - rate) * (step / 16) ** ramp
        slow = slow + share * (before - slow)
        assert torch.allclose(weight, slow, atol=1e-5)
    if rate == 1:
        assert torch.equal(mean, torch.full((2,), 16.0))


def test_lookahead_shows_its_slow_weights() -> None:
    """Between two meetings, validation sees the slow weights, and training goes on with the quick ones."""
    net = model()
    weight = net[0].weight
    start = weight.detach().clone()
    lookahead = Lookahead(net, 5, rate=0.5, ramp=0.0, steps=10)
    with torch.no_grad():
        weight += 1
    lookahead.update()
    with lookahead.applied():
        assert torch.equal(weight, start)
    assert torch.equal(weight, start + 1)


def test_the_tail_is_averaged_with_equal_weight() -> None:
    """Until it begins the model's own values count; then the mean of those after each step, statistics included."""
    net = model()
    average = TailAverage(net, 0.4, steps=10)
    weight, mean = net[0].weight, net[1].running_mean
    start = weight.detach().clone()
    for step in range(1, 11):
        with torch.no_grad():
            weight += 1
            mean += 1
        average.update()
        tail = range(7, step + 1)
        expected = sum(tail) / len(tail) if tail else step
        with average.applied():
            assert torch.allclose(weight, start + expected, atol=1e-5)
            assert torch.allclose(mean, torch.full((2,), float(expected)))
        assert torch.allclose(weight, start + step, atol=1e-5)


def test_a_short_tail_is_at_least_the_last_step() -> None:
    """A share that rounds to no step averages one."""
    net = model()
    average = TailAverage(net, 0.01, steps=3)
    for _ in range(3):
        with torch.no_grad():
            net[0].weight += 1
        average.update()
    live = net[0].weight.detach().clone()
    with average.applied():
        assert torch.allclose(net[0].weight, live)
