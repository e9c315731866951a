"""Stored inputs of a folder: images that belong to nobody, with the logits of each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from budgetnet.training.data.conversion import Conversion
from budgetnet.training.data.decode import convert
from budgetnet.training.data.images import Normalisation
from budgetnet.training.permissions import by_umask

__all__ = ["sample_inputs", "sample_logits", "sample_picture", "write_samples"]

SAMPLE_SEED = 0
COUNT = 8
LARGE = 3 * 64 * 64
"""Values of an image above which a folder keeps fewer of them."""


def sample_inputs(shape: tuple[int, ...], normalisation: Normalisation) -> tuple[Tensor, Tensor]:
    """Return uint8 images (N, C, H, W) and the same as the network takes them, in float32.

    They are smooth gradients with noise on them: nobody's pictures, so a folder may hold them whatever the data's
    licence is, and closer to pictures than plain noise, which int8 needs.
    """
    generator = torch.Generator().manual_seed(SAMPLE_SEED)
    channels, height, width = shape
    count = COUNT if channels * height * width <= LARGE else 2
    coarse = torch.rand(count, channels, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, (height, width), mode="bilinear", align_corners=False)
    noise = torch.rand(count, channels, height, width, generator=generator) - 0.5
    pixels = ((smooth + 0.2 * noise).clamp(0, 1) * 255).round().to(torch.uint8)
    # With one channel, channels-last images also count as contiguous; a copy settles the order of their values.
    return pixels, normalisation.apply(pixels).clone(memory_format=torch.contiguous_format)


def sample_picture(conversion: Conversion | None) -> dict[str, Tensor]:
    """Return a picture of another shape and its pixels after the conversion, for folders of images that are scaled.

    ``picture`` is uint8 (H, W, 4), red, green, blue and alpha; ``picture_pixels`` is uint8 (C, H, W). Nothing where
    images are not scaled.
    """
    if conversion is None or conversion.size is None:
        return {}
    # Coarse noise, in which every filter and every cut leaves other levels, in a shape that is nobody's.
    noise = np.random.default_rng(SAMPLE_SEED).integers(0, 2, (20, 50, 3)) * 255
    colours = noise.repeat(3, axis=0).repeat(3, axis=1)
    alpha = np.broadcast_to(np.linspace(255, 0, colours.shape[1]), colours.shape[:2])
    layers = [colours, (alpha if conversion.background else np.full(colours.shape[:2], 255))[..., np.newaxis]]
    picture = np.concatenate(layers, axis=2).astype(np.uint8)
    pixels = convert(Image.fromarray(picture), Path("picture"), conversion)
    return {"picture": torch.from_numpy(picture), "picture_pixels": torch.from_numpy(pixels.copy())}


@torch.no_grad()
def sample_logits(model: nn.Module, inputs: Tensor) -> Tensor:
    """Return the logits (N, K) of a network in eval mode on the processor."""
    logits: Tensor = model.to("cpu").eval()(inputs)
    return logits


def write_samples(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write ``pixels``, ``inputs``, ``logits``, the logits of other formats, and what `sample_picture` gives."""
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata={"format": "pt"})
    by_umask(path)
