"""Progressive resizing: sizes over a run, and networks that cannot follow."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from budgetnet.errors import RequestError
from budgetnet.training.augment.progressive import check_sizes, size_at, to_size
from budgetnet.training.recipe.recipe import Recipe


@given(st.floats(0.25, 1), st.floats(0.01, 1), st.integers(4, 64), st.integers(4, 64))
def test_sizes_grow_to_the_full_one(start: float, full_from: float, height: int, width: int) -> None:
    """Sides never shrink, are multiples of 4 until they are full, and end full."""
    recipe = Recipe(start_size=start, full_size_from=full_from)
    sizes = [size_at(recipe, (height, width), step / 40) for step in range(41)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == (height, width)
    for size in sizes:
        for side, full in zip(size, (height, width), strict=True):
            assert side == full or (side % 4 == 0 and 4 <= side < full)


def test_sizes_of_the_usual_image() -> None:
    """From 60 % of 32 pixels to all of them, at half of the run."""
    recipe = Recipe(start_size=0.6, full_size_from=0.5)
    assert [size_at(recipe, (32, 32), p)[0] for p in (0, 0.1, 0.25, 0.45, 0.5, 0.9)] == [20, 20, 24, 32, 32, 32]


def test_resizing_keeps_constant_images() -> None:
    """Smoothing and interpolation have weights that add up to one; the full size is the image itself."""
    image = torch.full((2, 3, 32, 32), 0.7)
    smaller = to_size(image, (20, 24))
    assert smaller.shape == (2, 3, 20, 24)
    assert torch.allclose(smaller, torch.full_like(smaller, 0.7))
    assert to_size(image, (32, 32)) is image


def test_a_network_of_one_size_is_refused() -> None:
    """A linear layer on all positions does not take smaller images; the message names the field and the sizes."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 10))
    with pytest.raises(RequestError, match=r"start_size must be 1 for .* but got 0\.5; with images of 16x16 pixels"):
        check_sizes(model, Recipe(start_size=0.5), torch.zeros(1, 3, 32, 32))
    check_sizes(model, Recipe(), torch.zeros(1, 3, 32, 32))
    assert model.training
