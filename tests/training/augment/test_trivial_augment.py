"""TrivialAugment: each operation is Pillow's, each image gets one, and nothing is drawn outside the generator."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Generator, Tensor

from budgetnet.training.augment.trivial_augment import LEVELS, OPERATIONS, SPACES, AugmentDraw, trivial_augment


def pillows(name: str, image: Image.Image, level: int, sign: int) -> Image.Image:
    """What the paper's code asks of Pillow, in its RA space."""
    factor = 0.1 + level / LEVELS * 1.8
    slope, distance = sign * level * 0.01, sign * (level * 10 // LEVELS)
    match name:
        case "autocontrast":
            return ImageOps.autocontrast(image)
        case "equalize":
            return ImageOps.equalize(image)
        case "rotate":
            return image.rotate(sign * (level * 30 // LEVELS))
        case "solarize":
            return ImageOps.solarize(image, 256 - level * 256 // LEVELS)
        case "posterize":
            return ImageOps.posterize(image, 8 - level * 4 // LEVELS)
        case "color" | "contrast" | "brightness" | "sharpness":
            enhanced: Image.Image = getattr(ImageEnhance, name.capitalize())(image).enhance(factor)
            return enhanced
        case "shear_x":
            return moved(image, (1, slope, 0, 0, 1, 0))
        case "shear_y":
            return moved(image, (1, 0, 0, slope, 1, 0))
        case "translate_x":
            return moved(image, (1, 0, distance, 0, 1, 0))
        case "translate_y":
            return moved(image, (1, 0, 0, 0, 1, distance))
        case _:
            return image


def moved(image: Image.Image, matrix: tuple[float, ...]) -> Image.Image:
    """An image with its pixels taken from elsewhere."""
    return image.transform(image.size, Image.Transform.AFFINE, matrix)


def pictures(count: int = 31, side: int = 32, channels: int = 3) -> Tensor:
    """Smooth pictures with some noise, each of a range of its own."""
    generator = Generator().manual_seed(0)
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=(side, side), mode="bilinear") * 200
    noise = torch.rand(count, channels, side, side, generator=generator) * 50
    return (smooth + noise).to(torch.uint8)


def test_all_operations_of_the_paper_are_there() -> None:
    """Fourteen, in the order of the paper's code."""
    paper = (
        "identity autocontrast equalize rotate solarize color posterize contrast brightness sharpness shear_x shear_y "
        "translate_x translate_y"
    )
    assert " ".join(OPERATIONS) == paper


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_are_pillows(name: str) -> None:
    """At every strength, an operation gives what Pillow gives, but for a pixel's rounding here and there."""
    images = pictures()
    before = images.clone()
    level, sign = torch.arange(31), torch.arange(31) % 2 * 2 - 1
    found = OPERATIONS[name](images, AugmentDraw(level, sign, SPACES["ra"]))
    assert found.dtype == torch.uint8
    assert torch.equal(images, before)
    wrong = 0
    for index in range(31):
        image = Image.fromarray(images[index].permute(1, 2, 0).contiguous().numpy())
        wanted = np.asarray(pillows(name, image, int(level[index]), int(sign[index]))).astype(int)
        difference = np.abs(found[index].permute(1, 2, 0).numpy().astype(int) - wanted)
        if name in ("rotate", "shear_x", "shear_y"):
            wrong += int((difference > 0).any(axis=2).sum())  # a position on the edge of two pixels may fall either way
        else:
            assert difference.max() <= 1, index
            wrong += int((difference > 0).sum())
    assert wrong <= 0.01 * images.numel()


def test_every_operation_gets_its_share() -> None:
    """Of 28 equal images each operation gets two; what the generator says, is all that is random."""
    images = pictures(1).expand(28, 3, 32, 32)
    first = trivial_augment(images, "wide", Generator().manual_seed(1))
    assert torch.equal(first, trivial_augment(images, "wide", Generator().manual_seed(1)))
    assert not torch.equal(first, trivial_augment(images, "wide", Generator().manual_seed(2)))
    same = sum(torch.equal(image, images[0]) for image in first)
    assert 2 <= same <= 8  # the identity, and others at the strength that changes nothing


@pytest.mark.parametrize(("count", "channels", "side"), [(1, 3, 32), (5, 1, 8), (30, 4, 2), (40, 1, 1)])
def test_any_batch_of_any_images(count: int, channels: int, side: int) -> None:
    """Few images, other channels and tiny sides keep their shape; an image is made of itself alone."""
    images = torch.full((count, channels, side, side), 7, dtype=torch.uint8)
    result = trivial_augment(images, "ra", Generator().manual_seed(0))
    assert result.shape == images.shape
    assert result.dtype == torch.uint8
