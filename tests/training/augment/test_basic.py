"""Augmentation: shapes, types, reproducibility, and what each operation does to pixels."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator, Tensor

from budgetnet.training.augment.basic import augment, cutout, flip, jitter, shift, warp
from budgetnet.training.recipe.augmentation import Padding
from budgetnet.training.recipe.presets import HAND_MADE
from budgetnet.training.recipe.recipe import Recipe

RECIPES = {
    "none": Recipe(flip="none", shift=0),
    "default": Recipe(),
    "zero": Recipe(shift=3, padding="zero"),
    "hand-made": HAND_MADE,
    "jitter": Recipe(brightness=0.1, contrast=0.2),
    "all": Recipe(
        brightness=0.1,
        contrast=0.2,
        shift=2,
        warp_shift=0.1,
        warp_scale=0.2,
        warp_rotate=30,
        warp_probability=1,
        cutout=3,
    ),
}


def batch(count: int = 32, height: int = 9, width: int = 7, channels: int = 3) -> Tensor:
    """Random normalised images."""
    return torch.randn(count, channels, height, width, generator=seeded(5))


def seeded(seed: int = 0) -> Generator:
    """A fresh generator."""
    return Generator().manual_seed(seed)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_type_and_input_are_kept(name: str, dtype: torch.dtype) -> None:
    """Every recipe keeps shape and type, and leaves its input as it was."""
    images = batch().to(dtype)
    before = images.clone()
    result = augment(images, RECIPES[name], None, seeded())
    assert result.shape == images.shape
    assert result.dtype == dtype
    assert torch.equal(images, before)
    assert torch.isfinite(result).all()


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_generator_gives_the_same_pixels(name: str) -> None:
    """Randomness comes from the generator alone."""
    images = batch()
    first = augment(images, RECIPES[name], None, seeded(1))
    assert torch.equal(first, augment(images, RECIPES[name], None, seeded(1)))
    if name != "none":
        assert not torch.equal(first, augment(images, RECIPES[name], None, seeded(2)))


@pytest.mark.parametrize("name", RECIPES)
def test_images_keep_their_place_in_the_batch(name: str) -> None:
    """Image i of the result is made of image i alone, so labels stay right: constant images stay constant."""
    images = torch.arange(1.0, 33.0).view(32, 1, 1, 1).expand(32, 3, 9, 7)
    recipe = replace(RECIPES[name], brightness=0.0, contrast=0.0)  # they change constant images
    result = augment(images, recipe, None, seeded())
    reflect = RECIPES[name].padding == "reflect"
    for index in range(32):
        values = result[index].unique()
        values = values[values != 0] if reflect else values[(values - (index + 1)).abs() < 1e-4]
        assert torch.allclose(values, torch.tensor(index + 1.0), atol=1e-4)


def test_flip_mirrors_the_chosen_images_only() -> None:
    """The chosen images are mirrored left and right; the others come back as they were."""
    images = batch(4)
    result = flip(images, torch.tensor([True, False, True, False]))
    assert torch.equal(result[0], images[0].flip(2))
    assert torch.equal(result[2], images[2].flip(2))
    assert torch.equal(result[1::2], images[1::2])


@settings(deadline=None, max_examples=30)
@given(
    limit=st.integers(0, 4),
    padding=st.sampled_from(["reflect", "zero"]),
    height=st.integers(5, 9),
    seed=st.integers(0, 99),
)
def test_shift_equals_a_random_crop_of_the_padded_image(limit: int, padding: Padding, height: int, seed: int) -> None:
    """Each shifted image is one of the crops of the padded image, all channels moved alike."""
    images = batch(6, height=height)
    mode = "reflect" if padding == "reflect" else "constant"
    padded = torch.nn.functional.pad(images, [limit] * 4, mode=mode)
    result = shift(images, limit, padding, seeded(seed))
    for index in range(6):
        crops = [
            padded[index, :, top : top + height, left : left + 7]
            for top in range(2 * limit + 1)
            for left in range(2 * limit + 1)
        ]
        assert any(torch.equal(result[index], crop) for crop in crops)


def test_shifts_reach_all_positions() -> None:
    """Over many images, all 25 shifts of up to two pixels occur."""
    images = torch.zeros(2000, 1, 9, 9)
    images[:, :, 4, 4] = 1
    places = shift(images, 2, "zero", seeded()).flatten(1).argmax(dim=1)
    assert len(places.unique()) == 25


def test_warp_without_amounts_or_probability_changes_nothing() -> None:
    """With all amounts 0 the picture is the same to rounding; with probability 0, bit for bit."""
    images = batch()
    same = warp(images, shift=0, scale=0, rotate=0, probability=1, padding="zero", generator=seeded())
    assert torch.allclose(same, images, atol=1e-5)
    none = warp(images, shift=0.3, scale=0.3, rotate=90, probability=0, padding="zero", generator=seeded())
    assert torch.equal(none, images)


def test_warp_turns_without_stretching() -> None:
    """In an image twice as wide as high, a rotated disc stays a disc: its extent is alike along both axes."""
    rows, columns = torch.meshgrid(torch.arange(32.0) - 15.5, torch.arange(64.0) - 31.5, indexing="ij")
    disc = ((rows**2 + columns**2) < 100).float().expand(50, 1, 32, 64)
    turned = warp(disc, shift=0, scale=0, rotate=180, probability=1, padding="zero", generator=seeded())
    assert (turned - disc).abs().mean() < 0.01


def test_warp_shifts_at_most_as_far_as_said() -> None:
    """A point in the middle moves by no more than the given share of the side."""
    images = torch.zeros(300, 1, 21, 21)
    images[:, :, 10, 10] = 1
    moved = warp(images, shift=0.2, scale=0, rotate=0, probability=1, padding="zero", generator=seeded())
    places = moved.flatten(1).argmax(dim=1)
    distance = torch.maximum((places // 21 - 10).abs(), (places % 21 - 10).abs()).max()
    assert distance == 4


def test_cutout_hides_one_square() -> None:
    """What is hidden is a square of the given side, cut by the border where its centre is near it."""
    result = cutout(torch.ones(500, 2, 12, 12), 4, 1.0, seeded())
    hidden = result == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    areas = hidden[:, 0].sum(dim=(1, 2))
    assert areas.max() == 16
    assert areas.min() >= 4
    heights, widths = hidden[:, 0].any(dim=2).sum(dim=1), hidden[:, 0].any(dim=1).sum(dim=1)
    assert torch.equal(areas, heights * widths)


def test_cutout_probability_is_the_share_of_images() -> None:
    """About a third of the images are hidden in part when the probability is a third."""
    changed = (cutout(torch.ones(3000, 1, 8, 8), 3, 1 / 3, seeded()) == 0).flatten(1).any(dim=1)
    assert 0.30 < changed.float().mean() < 0.37


def test_alternating_flips_follow_the_given_choice() -> None:
    """Where the caller says which images to flip, no random draw decides."""
    images = batch()
    chosen = torch.arange(32) % 2 == 0
    recipe = Recipe(flip="alternating", shift=0)
    assert torch.equal(augment(images, recipe, chosen, seeded(1)), flip(images, chosen))


def test_jitter_gives_each_image_one_offset_and_one_factor() -> None:
    """Differences within an image keep their proportions; offsets and factors stay within their limits."""
    images = torch.zeros(4000, 3, 2, 1)
    images[:, :, 1] = 1
    found = jitter(images, 0.2, 0.3, seeded())
    factors = found[:, 0, 1, 0] - found[:, 0, 0, 0]
    offsets = found[:, 0, 0, 0] / factors
    assert torch.equal(found[:, 0], found[:, 2])
    assert (factors.min().item(), factors.max().item()) == pytest.approx((0.7, 1.3), abs=0.01)
    assert (offsets.min().item(), offsets.max().item()) == pytest.approx((-0.2, 0.2), abs=0.01)
    assert factors.mean().item() == pytest.approx(1, abs=0.02)
    assert jitter(images, 0.0, 0.0, seeded()) is images
