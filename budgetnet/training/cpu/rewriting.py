"""Convolutions rewritten as others that have fast kernels: merged groups, single taps, phases of the image.

All of them compute the same numbers as the convolution that they replace, except for the order of sums.
"""

from __future__ import annotations

import torch
from torch import Tensor

from budgetnet.training.cpu.geometry import Geometry

__all__ = ["apart", "by_taps", "joined_phases", "merged_groups", "phases"]


def merged_groups(weight: Tensor, groups: int, together: int) -> Tensor:
    """Return filters that compute the same in fewer groups.

    Args:
        weight: (O, I, k, k) with I the channels per group.
        groups: A divisor of O.
        together: Number of groups to merge into one, a divisor of *groups*.

    Returns:
        (O, together × I, k, k), with zeros between the original groups.
    """
    if together == 1:
        return weight
    inputs, kernel = weight.shape[1], weight.shape[2:]
    split = weight.reshape(groups // together, together, -1, 1, inputs, *kernel)
    diagonal = torch.eye(together, dtype=weight.dtype, device=weight.device).view(1, together, 1, together, 1, 1, 1)
    return (split * diagonal).reshape(len(weight), together * inputs, *kernel)


def apart(merged: Tensor, groups: int, together: int) -> Tensor:
    """Return the original filters: the inverse of `merged_groups`, which drops the values between groups.

    Args:
        merged: (O, together × I, k, k).
        groups: Number of groups before merging.
        together: Number of groups that were merged into one.
    """
    if together == 1:
        return merged
    kernel = merged.shape[2:]
    inputs = merged.shape[1] // together
    blocks = merged.reshape(groups // together, together, -1, together, inputs, *kernel)
    return blocks.diagonal(dim1=1, dim2=3).permute(0, 5, 1, 2, 3, 4).reshape(len(merged), inputs, *kernel)


def phases(image: Tensor, dilation: int) -> Tensor:
    """Return the images of every *dilation*-th pixel, which a dilated convolution sees apart from each other.

    "Space to batch" in TensorFlow; Yu and Koltun 2016 (arXiv 1511.07122) define the convolution.

    Args:
        image: (N, C, H, W).
        dilation: Distance d of the pixels.

    Returns:
        Channels-last (d² × N, C, ⌈H / d⌉, ⌈W / d⌉); what lies outside the image is zero.
    """
    count, channels, height, width = image.shape
    rows, columns = -(-height // dilation), -(-width // dilation)
    pixels = image.permute(0, 2, 3, 1)
    if (height, width) != (rows * dilation, columns * dilation):
        padding = (0, 0, 0, columns * dilation - width, 0, rows * dilation - height)
        pixels = torch.nn.functional.pad(pixels, padding)
    split = pixels.reshape(count, rows, dilation, columns, dilation, channels).permute(2, 4, 0, 1, 3, 5)
    return split.reshape(dilation * dilation * count, rows, columns, channels).permute(0, 3, 1, 2)


def joined_phases(split: Tensor, dilation: int, height: int, width: int) -> Tensor:
    """Return the image of this size whose `phases` are given: the inverse of `phases`.

    Args:
        split: (d² × N, C, ⌈height / d⌉, ⌈width / d⌉).
        dilation: Distance d of the pixels.
        height: Of the image.
        width: Of the image.

    Returns:
        (N, C, height, width), channels-last.
    """
    together, channels, rows, columns = split.shape
    count = together // (dilation * dilation)
    pixels = split.permute(0, 2, 3, 1).reshape(dilation, dilation, count, rows, columns, channels)
    whole = pixels.permute(2, 3, 0, 4, 1, 5).reshape(count, rows * dilation, columns * dilation, channels)
    return whole[:, :height, :width].permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)


def by_taps(gradient: Tensor, image: Tensor, geometry: Geometry) -> Tensor:
    """Return the filters' gradient as one matrix product per tap of the kernel.

    Args:
        gradient: Of the output, (N, groups × outputs, H', W').
        image: (N, groups × inputs, H, W).
        geometry: The convolution's geometry.

    Returns:
        (groups × outputs, inputs, kernel, kernel).
    """
    gradient_nhwo, image_nhwi = gradient.permute(0, 2, 3, 1), image.permute(0, 2, 3, 1)
    outputs, channels, kernel = gradient.shape[1], image.shape[1], geometry.kernel
    taps = image.new_zeros(kernel, kernel, outputs, channels)
    for down in range(kernel):
        rows, rows_seen = _overlap(down, geometry, gradient.shape[2], image.shape[2])
        for right in range(kernel):
            columns, columns_seen = _overlap(right, geometry, gradient.shape[3], image.shape[3])
            part = gradient_nhwo[:, rows, columns].reshape(-1, outputs)
            seen = image_nhwi[:, rows_seen, columns_seen].reshape(-1, channels)
            torch.mm(part.T, seen, out=taps[down, right])
    return apart(taps.permute(2, 3, 0, 1), geometry.groups, geometry.groups)


def _overlap(tap: int, geometry: Geometry, outputs: int, inputs: int) -> tuple[slice, slice]:
    """Return, along one axis, the positions of the output that see the image through a tap, and those they see."""
    stride, offset = geometry.stride, tap * geometry.dilation - geometry.padding
    first = max(0, -(offset // stride))  # the first with stride * first + offset, its place in the image, >= 0
    last = min(outputs, (inputs - 1 - offset) // stride + 1)
    if last <= first:
        return slice(0, 0), slice(0, 0)
    return slice(first, last), slice(first * stride + offset, (last - 1) * stride + offset + 1, stride)
