"""Muon: what its update is, which parameters it takes, that it trains and repeats itself."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from budgetnet.training.optim.make import make_optimizers
from budgetnet.training.optim.muon import Muon, orthogonalise
from budgetnet.training.recipe.recipe import Recipe

MUON = Recipe(optimizer="muon")


@settings(deadline=None, max_examples=30)
@given(
    short=st.integers(1, 24),
    more=st.integers(8, 60),
    tall=st.booleans(),
    scale=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 999),
)
def test_singular_values_come_near_one(short: int, more: int, tall: bool, scale: float, seed: int) -> None:
    """For tall and wide random matrices of any scale, all singular values end between 0.6 and 1.3."""
    matrix = scale * torch.randn(2, short, short + more, generator=torch.Generator().manual_seed(seed))
    matrix = matrix.mT if tall else matrix
    found = orthogonalise(matrix, steps=10)
    assert found.shape == matrix.shape
    values = torch.linalg.svdvals(found)
    assert values.min() > 0.6
    assert values.max() < 1.3
    # The directions are those of the matrix: the product with it is nearly symmetric and positive.
    assert (found * matrix).sum() > 0


def test_a_batch_is_worked_like_its_matrices() -> None:
    """One product for many banks gives each what it would get alone."""
    matrices = torch.randn(5, 8, 30, generator=torch.Generator().manual_seed(0))
    together = orthogonalise(matrices)
    alone = torch.cat([orthogonalise(matrix.unsqueeze(0)) for matrix in matrices])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_step_is_momentum_made_orthogonal_on_filters_of_fixed_norm() -> None:
    """The filters are scaled back to the norm they began with, then moved by the orthogonal Nesterov direction."""
    filters = nn.Parameter(torch.randn(6, 4, 3, 3))
    norm = filters.detach().norm()
    made = Muon([filters], lr=0.1, momentum=0.5)
    buffer = torch.zeros_like(filters)
    for _ in range(3):
        filters.grad = torch.randn_like(filters)
        buffer = 0.5 * buffer + filters.grad
        direction = orthogonalise((filters.grad + 0.5 * buffer).view(1, 6, -1)).view_as(filters)
        expected = filters.detach() * norm / filters.detach().norm() - 0.1 * norm / 6**0.5 * direction
        made.step()
        assert torch.allclose(filters, expected, atol=1e-5)
    with pytest.raises(ValueError, match="does not take a closure"):
        made.step(lambda: 0.0)


def test_rows_can_be_scaled_one_by_one() -> None:
    """By row, every filter has the same norm before it is moved, and the bank the norm it began with."""
    filters = nn.Parameter(torch.randn(6, 4, 3, 3) * torch.arange(1.0, 7.0).view(-1, 1, 1, 1))
    norm = filters.detach().norm()
    made = Muon([filters], lr=0.1, momentum=0.0, by_row=True)
    filters.grad = torch.zeros_like(filters)
    made.step()
    assert torch.allclose(filters.flatten(1).norm(dim=1), torch.full((6,), norm.item() / 6**0.5), rtol=1e-4)
    assert torch.allclose(filters.norm(), norm, rtol=1e-4)


def test_only_full_convolutions_but_the_last_are_taken() -> None:
    """Depthwise ones, the layer that makes the logits, biases, norms and linear layers go to SGD."""
    full, depthwise, biased = (
        nn.Conv2d(3, 8, 3, bias=False),
        nn.Conv2d(8, 8, 3, groups=8, bias=False),
        nn.Conv2d(8, 8, 1),
    )
    pointwise, linear, logits = nn.Conv2d(8, 8, 1, bias=False), nn.Linear(8, 8), nn.Conv2d(8, 4, 1, bias=False)
    net = nn.Sequential(full, nn.BatchNorm2d(8), depthwise, biased, pointwise, linear, logits)
    sgd, muon = make_optimizers(net, MUON)
    assert isinstance(sgd, torch.optim.SGD)
    assert isinstance(muon, Muon)
    taken = [p for group in muon.param_groups for p in group["params"]]
    assert [id(p) for p in taken] == [id(full.weight), id(biased.weight), id(pointwise.weight)]
    rest = [p for group in sgd.param_groups for p in group["params"]]
    assert {id(p) for p in rest} | {id(p) for p in taken} == {id(p) for p in net.parameters()}
    assert len(rest) + len(taken) == len(list(net.parameters()))
    assert {group["rate"] for group in muon.param_groups} == {MUON.muon_lr}


def test_without_such_a_convolution_sgd_does_everything() -> None:
    """A network of linear layers has nothing for Muon."""
    (only,) = make_optimizers(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), MUON)
    assert isinstance(only, torch.optim.SGD)
