"""Augmentation of whole batches on the device: flip, shift, warp, jitter, cutout.

Each function takes and returns a batch (N, C, H, W), changes no labels and does not modify its input. Random numbers
come from the given generator, so the same generator state gives the same pixels.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor, nn

from budgetnet.training.recipe.augmentation import Augmentation, Padding

__all__ = ["augment", "cutout", "flip", "jitter", "shift", "warp"]


def flip(images_nchw: Tensor, chosen_n: Tensor) -> Tensor:
    """Mirror horizontally the images that *chosen_n* (bool (N,)) selects."""
    return torch.where(chosen_n.view(-1, 1, 1, 1), images_nchw.flip(3), images_nchw)


def shift(
    images_nchw: Tensor, limit: int, padding: Padding, generator: Generator, flipped_n: Tensor | None = None
) -> Tensor:
    """Move each image by whole pixels, drawn uniformly from -limit..limit for each axis.

    Equals padding every side by *limit* and cutting a random crop of the old size (Krizhevsky and others 2012; He and
    others 2016, arXiv 1512.03385).

    Args:
        images_nchw: Any type.
        limit: Pixels, >= 0.
        padding: ``reflect`` mirrors without repeating the border pixel; ``zero`` puts zeros (after normalisation:
            the mean colour).
        generator: On the images' device.
        flipped_n: bool (N,): images to mirror horizontally first, as `flip` does, at no additional cost.
    """
    if limit == 0:
        return images_nchw if flipped_n is None else flip(images_nchw, flipped_n)
    count, channels, height, width = images_nchw.shape
    device = images_nchw.device
    moves_n2 = torch.randint(-limit, limit + 1, (count, 2), generator=generator, device=device)
    rows_nh = torch.arange(height, device=device) + moves_n2[:, :1]
    columns_nw = torch.arange(width, device=device) + moves_n2[:, 1:]
    from_rows_nh, from_columns_nw = _inside(rows_nh, height), _inside(columns_nw, width)
    if flipped_n is not None:
        from_columns_nw = torch.where(flipped_n.view(-1, 1), width - 1 - from_columns_nw, from_columns_nw)
    # Flip and shift are one selection of pixels; with channels last, each pixel is one short row of a matrix.
    first_n = torch.arange(count, device=device) * (height * width)
    places_nhw = (first_n.view(-1, 1) + from_rows_nh * width).unsqueeze(2) + from_columns_nw.unsqueeze(1)
    pixels_pc = images_nchw.permute(0, 2, 3, 1).reshape(-1, channels)
    moved_nhwc = pixels_pc.index_select(0, places_nhw.view(-1)).view(count, height, width, channels)
    if padding == "zero":
        seen_nh = (rows_nh >= 0) & (rows_nh < height)
        seen_nw = (columns_nw >= 0) & (columns_nw < width)
        moved_nhwc *= (seen_nh.unsqueeze(2) & seen_nw.unsqueeze(1)).unsqueeze(3)
    return moved_nhwc.permute(0, 3, 1, 2)


def _inside(positions: Tensor, size: int) -> Tensor:
    """Mirror positions outside 0..size-1 back inside, without repeating the border (…2 1 0 1 2…)."""
    if size == 1:
        return torch.zeros_like(positions)
    folded = positions.remainder(2 * (size - 1))
    return torch.where(folded < size, folded, 2 * (size - 1) - folded)


def warp(
    images_nchw: Tensor,
    *,
    shift: float,
    scale: float,
    rotate: float,
    probability: float,
    padding: Padding,
    generator: Generator,
) -> Tensor:
    """Shift, scale and rotate each image about its centre by amounts drawn uniformly, bilinearly interpolated.

    Source: Albumentations' ShiftScaleRotate (Buslaev and others 2020, arXiv 1809.06839).

    Args:
        images_nchw: Floating point.
        shift: Largest shift, as a share of the side, along each axis.
        scale: Largest change of size: factors from 1 - scale to 1 + scale.
        rotate: Largest rotation either way, in degrees.
        probability: Share of images that are warped; the others are returned unchanged.
        padding: Source of pixels beyond the border.
        generator: On the images' device.
    """
    count, _, height, width = images_nchw.shape
    device = images_nchw.device
    draws_4n = torch.rand(4, count, generator=generator, device=device) * 2 - 1
    chosen_n = torch.rand(count, generator=generator, device=device) < probability
    angle = draws_4n[0] * math.radians(rotate)
    zoom = 1 + draws_4n[1] * scale
    cos, sin = torch.cos(angle) / zoom, torch.sin(angle) / zoom
    # affine_grid uses coordinates -1..1 on both axes, so the rotation depends on the aspect ratio; it maps output
    # positions to input positions, hence the division by the zoom.
    aspect = height / width
    theta_n23 = torch.stack(
        (
            torch.stack((cos, -sin * aspect, 2 * shift * draws_4n[2]), dim=1),
            torch.stack((sin / aspect, cos, 2 * shift * draws_4n[3]), dim=1),
        ),
        dim=1,
    )
    grid = nn.functional.affine_grid(theta_n23, list(images_nchw.shape), align_corners=False)
    mode = "reflection" if padding == "reflect" else "zeros"
    warped = nn.functional.grid_sample(
        images_nchw.to(torch.float32), grid, mode="bilinear", padding_mode=mode, align_corners=False
    )
    return torch.where(chosen_n.view(-1, 1, 1, 1), warped.to(images_nchw.dtype), images_nchw)


def jitter(images_nchw: Tensor, brightness: float, contrast: float, generator: Generator) -> Tensor:
    """Change the brightness and the contrast of each image: ``(image + offset) * factor``, one of each per image.

    Source: hiverge/cifar10-speedrun (2025), which takes 0.13 for both.

    Args:
        images_nchw: Floating point, normalised, so that zero is the mean colour.
        brightness: Largest offset, >= 0; drawn uniformly from -brightness..brightness.
        contrast: Largest change of the factor, 0 <= contrast < 1; drawn uniformly from 1 - contrast..1 + contrast.
        generator: On the images' device.
    """
    if not brightness and not contrast:
        return images_nchw
    draws_2n = torch.rand(2, len(images_nchw), generator=generator, device=images_nchw.device) * 2 - 1
    offset_n, factor_n = draws_2n[0] * brightness, 1 + draws_2n[1] * contrast
    moved = images_nchw + offset_n.view(-1, 1, 1, 1).to(images_nchw.dtype)
    return moved * factor_n.view(-1, 1, 1, 1).to(images_nchw.dtype)


def cutout(images_nchw: Tensor, size: int, probability: float, generator: Generator) -> Tensor:
    """Set a square to zero (after normalisation: the mean colour) in a share of the images.

    The centre may be anywhere in the image, so the border may cut the square (DeVries and Taylor 2017,
    arXiv 1708.04552).

    Args:
        images_nchw: Any type.
        size: Side of the square in pixels, >= 0.
        probability: Share of images that get a square.
        generator: On the images' device.
    """
    if size == 0:
        return images_nchw
    count, _, height, width = images_nchw.shape
    device = images_nchw.device
    top_n1 = torch.randint(0, height, (count, 1), generator=generator, device=device) - size // 2
    left_n1 = torch.randint(0, width, (count, 1), generator=generator, device=device) - size // 2
    chosen_n1 = torch.rand((count, 1), generator=generator, device=device) < probability
    rows_h, columns_w = torch.arange(height, device=device), torch.arange(width, device=device)
    in_rows_nh = (rows_h >= top_n1) & (rows_h < top_n1 + size) & chosen_n1
    in_columns_nw = (columns_w >= left_n1) & (columns_w < left_n1 + size)
    hidden_nhw = in_rows_nh.unsqueeze(2) & in_columns_nw.unsqueeze(1)
    return images_nchw.masked_fill(hidden_nhw.unsqueeze(1), 0)


def augment(images_nchw: Tensor, recipe: Augmentation, flipped_n: Tensor | None, generator: Generator) -> Tensor:
    """Apply a recipe's augmentation to normalised images: flip, shift, warp, jitter, cutout, in this order.

    Args:
        images_nchw: Floating point, normalised, so that zero is the mean colour.
        recipe: Kinds and strengths of augmentation.
        flipped_n: bool (N,): the images to flip if the recipe's flips alternate; None draws them at random.
        generator: On the images' device.
    """
    if recipe.flip == "none":
        flipped_n = None
    elif flipped_n is None:
        flipped_n = torch.rand(len(images_nchw), generator=generator, device=images_nchw.device) < 0.5
    images_nchw = shift(images_nchw, recipe.shift, recipe.padding, generator, flipped_n)
    if recipe.warp_probability and (recipe.warp_shift or recipe.warp_scale or recipe.warp_rotate):
        images_nchw = warp(
            images_nchw,
            shift=recipe.warp_shift,
            scale=recipe.warp_scale,
            rotate=recipe.warp_rotate,
            probability=recipe.warp_probability,
            padding=recipe.padding,
            generator=generator,
        )
    images_nchw = jitter(images_nchw, recipe.brightness, recipe.contrast, generator)
    return cutout(images_nchw, recipe.cutout, recipe.cutout_probability, generator)
