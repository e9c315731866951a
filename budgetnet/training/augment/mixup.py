"""Mixup: images blended in pairs, and the loss with them (Zhang and others 2018, arXiv 1710.09412)."""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn

__all__ = ["Blend"]


class Blend:
    """Blends each image of a batch with the one before it: share x image + (1 - share) x other.

    The order of a batch is random, so a neighbour is as good a partner as a randomly drawn one. The share is one number
    per batch, as in the authors' code, and is drawn on the host: it is passed to a GPU with the kernel launch, without
    synchronisation.
    """

    def __init__(self, alpha: float, generator: random.Random) -> None:
        """Draw the share from Beta(alpha, alpha), alpha > 0."""
        self.share = generator.betavariate(alpha, alpha)

    def images(self, images_nchw: Tensor) -> Tensor:
        """Return the blended images."""
        return torch.lerp(images_nchw.roll(1, dims=0), images_nchw, self.share)

    def loss(self, logits: Tensor, labels: Tensor, smoothing: float) -> Tensor:
        """Return the mean cross-entropy, blended in the same way, which equals that of blended targets."""
        own = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        others = nn.functional.cross_entropy(logits, labels.roll(1), label_smoothing=smoothing)
        return torch.lerp(others, own, self.share)

    def main(self, labels: Tensor) -> Tensor:
        """Return the label of each blended image that has the larger share in it."""
        return labels if self.share >= 0.5 else labels.roll(1)

    def hits(self, predicted: Tensor, labels: Tensor) -> Tensor:
        """Return the number of correct predictions; each of an image's two labels counts by its share."""
        own, others = (predicted == labels).sum(), (predicted == labels.roll(1)).sum()
        return own * self.share + others * (1 - self.share)
