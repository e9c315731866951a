"""Progressive resizing: smaller train images at first, full ones at the end."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError
from budgetnet.training.recipe.augmentation import Augmentation

__all__ = ["check_sizes", "size_at", "to_size"]

Size = tuple[int, int]
"""Height and width in pixels."""


def size_at(recipe: Augmentation, full: Size, progress: float) -> Size:
    """Return the size of the train images.

    Sides are multiples of 4 pixels, so that networks which halve them twice lose no border; they are at least 4, and at
    most the full side.

    Args:
        recipe: `Augmentation.start_size` and `Augmentation.full_size_from`.
        full: Size of the images as they are stored.
        progress: Share of all steps already taken, 0..1.

    Source: progressive resizing of J. Howard (fastai, 2018); M. Tan and Q. Le, "EfficientNetV2", 2021, arXiv
    2104.00298.
    """
    if progress >= recipe.full_size_from:
        return full
    share = recipe.start_size + (1 - recipe.start_size) * progress / recipe.full_size_from
    height, width = (min(side, max(4, round(side * share / 4) * 4)) for side in full)
    return height, width


def to_size(images_nchw: Tensor, size: Size) -> Tensor:
    """Return the images in another size, bilinearly interpolated and smoothed first."""
    if images_nchw.shape[2:] == size:
        return images_nchw
    return nn.functional.interpolate(images_nchw, size, mode="bilinear", antialias=True, align_corners=False)


@torch.no_grad()
def check_sizes(model: nn.Module, recipe: Augmentation, images_nchw: Tensor) -> None:
    """Check that the network takes images of the first size.

    Args:
        model: Left in train mode, its values unchanged.
        recipe: See `size_at`.
        images_nchw: At least one image, as the model takes them.

    Raises:
        RequestError: it does not.
    """
    full = (images_nchw.shape[2], images_nchw.shape[3])
    first = size_at(recipe, full, 0.0)
    if first == full:
        return
    model.eval()
    try:
        model(to_size(images_nchw[:1], first))
    except RuntimeError as error:
        raise RequestError(
            f"start_size must be 1 for a network that takes images of one size only, but got {recipe.start_size:g}; "
            f"with images of {first[0]}x{first[1]} pixels this one fails: {str(error).splitlines()[0]}"
        ) from None
    finally:
        model.train()
