"""Mixup: pairs, shares, the loss of blended targets, and how hits count."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from budgetnet.training.augment.mixup import Blend


def test_images_and_loss_are_blended_alike() -> None:
    """The loss is that of the blended targets, whose shares are the pixels' shares."""
    torch.manual_seed(0)
    images, logits, labels = torch.randn(6, 3, 4, 4), torch.randn(6, 5), torch.tensor([0, 1, 2, 3, 4, 0])
    blend = Blend(0.5, random.Random(3))
    assert 0 < blend.share < 1
    mixed = blend.images(images)
    targets = nn.functional.one_hot(labels, 5).float()
    for index in range(6):
        expected = blend.share * images[index] + (1 - blend.share) * images[index - 1]
        assert torch.allclose(mixed[index], expected, atol=1e-6)
    soft = blend.share * targets + (1 - blend.share) * targets.roll(1, 0)
    for smoothing in (0.0, 0.2):
        expected = nn.functional.cross_entropy(logits, soft, label_smoothing=smoothing)
        assert blend.loss(logits, labels, smoothing).item() == pytest.approx(expected.item(), abs=1e-6)


def test_hits_count_by_their_share() -> None:
    """Naming the own label counts the share, the other's the rest, both at once a whole hit."""
    blend = Blend(1.0, random.Random(1))
    labels = torch.tensor([1, 2, 2, 0])
    own, others = labels.clone(), labels.roll(1)
    assert blend.hits(own, labels).item() == pytest.approx(4 * blend.share + 1 * (1 - blend.share))
    assert blend.hits(others, labels).item() == pytest.approx(4 * (1 - blend.share) + 1 * blend.share)
    assert blend.hits(torch.full((4,), 9), labels).item() == 0


def test_shares_follow_the_beta_distribution() -> None:
    """Alpha 1 is uniform; a small alpha leaves most images nearly alone; one seed gives one sequence."""
    drawn = {}
    for alpha in (0.2, 1.0):
        generator = random.Random(0)
        drawn[alpha] = torch.tensor([Blend(alpha, generator).share for _ in range(4000)])
        assert drawn[alpha].mean().item() == pytest.approx(0.5, abs=0.03)
        assert drawn[alpha].var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.01)
    assert Blend(0.3, random.Random(5)).share == Blend(0.3, random.Random(5)).share
