"""Convolutions on the CPU in bfloat16, with a fast kernel for each of their three passes.

A convolution is computed three times in a training step: forward, for the gradient of its image, and for the gradient
of its filters. torch passes all three to oneDNN, which has fast kernels for full convolutions; for others, the speed
depends on the pass. Measured with torch 2.14 on two AVX-512 BF16 cores (by `tests.benchmarks.bench_fast_paths`):

- *Depthwise*: forward is fast up to a padding of `NARROW`, beyond that 10 to 50 times slower. The image's gradient is
  fast only without stride or dilation; without stride it is itself a depthwise convolution, with mirrored
  filters, and is computed as one. The filters' gradient is fast only for 3×3 without dilation.
- *Few channels per group*: slow in all passes. Groups are merged to at least `WIDTH` channels each, with zeros between
  the original groups (`FAR_WIDTH` if the padding is `FAR` or more). That is more arithmetic in less time.
- *Padding that covers the image* (at least half of its side; wide dilations on small images): the filters' gradient
  is slow for any number of groups, and with a stride on images one pixel wide it is uninitialised memory (torch 2.14).
  It is summed tap by tap, each a product of the overlapping parts of image and gradient; parts that overlap only
  with zeros are skipped.
- *1×1 with a stride*: the pixels that it uses are selected first. The reason is not speed: with an odd number of
  channels and more than one thread, torch 2.14 writes past the filters' gradient and corrupts the process's memory.

The results equal torch's, except for the order of sums.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

__all__ = ["Geometry", "apart", "convolve", "merged_groups", "worth_it"]

WIDTH = 16
"""Least channels per group with fast kernels."""
FAR_WIDTH = 32
"""The same if the padding is `FAR` or more."""
FAR = 16
WIDEST = 128
"""Channels of a merged group beyond which the extra arithmetic would outweigh the gain."""
NARROW = 6
"""Widest padding for which depthwise convolutions have a fast kernel."""

CHANNELS_LAST = torch.channels_last


class Geometry(NamedTuple):
    """Geometry of a convolution, the same along both axes."""

    kernel: int
    stride: int
    padding: int
    dilation: int
    groups: int
    inputs: int
    """Channels of the image per group."""
    outputs: int
    """Filters per group."""

    @property
    def depthwise(self) -> bool:
        """True if every channel has its own single filter."""
        return self.groups > 1 and self.inputs == self.outputs == 1

    @property
    def skips(self) -> bool:
        """True if only single pixels are used and others are skipped."""
        return self.kernel == 1 and self.padding == 0 and self.stride > 1

    @property
    def mirrored_padding(self) -> int:
        """Padding of the convolution, with mirrored filters, that gives the image's gradient if the stride is 1."""
        return self.dilation * (self.kernel - 1) - self.padding

    @property
    def together(self) -> int:
        """Number of groups to merge into one: the fewest that make it wide enough, or 1 if that needs too many."""
        width = FAR_WIDTH if self.padding >= FAR else WIDTH
        divisors = (m for m in range(1, self.groups + 1) if self.groups % m == 0)
        count = next((m for m in divisors if m * min(self.inputs, self.outputs) >= width), self.groups)
        return count if count * max(self.inputs, self.outputs) <= WIDEST else 1

    def covered(self, height: int, width: int) -> bool:
        """Return whether the padding covers an image of this size, so that the filters' gradient is slow or wrong."""
        return self.may_cover and 2 * self.padding >= min(height, width)

    @property
    def may_cover(self) -> bool:
        """True if the padding covers images of some size."""
        return self.padding > 1 or (self.padding > 0 and self.stride > 1)


def worth_it(geometry: Geometry) -> bool:
    """Return whether `convolve` may be faster than torch for some images; for others it does what torch does."""
    if geometry.skips or geometry.may_cover:
        return True
    if geometry.depthwise:
        return geometry.stride > 1 or geometry.kernel > 3 or geometry.dilation > 1
    return geometry.together > 1


def convolve(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Return the result of `torch.nn.functional.conv2d`, with a faster backward pass.

    Args:
        image: bfloat16 (N, groups × inputs, H, W).
        weight: bfloat16 (groups × outputs, inputs, kernel, kernel).
        bias: bfloat16 (groups × outputs,), or None.
        geometry: The convolution's geometry.
    """
    if geometry.skips:
        image, geometry = image[:, :, :: geometry.stride, :: geometry.stride], geometry._replace(stride=1)
    if geometry.groups == 1 and not geometry.covered(*image.shape[2:]):
        return _conv2d(image, weight, bias, geometry, 1)
    convolved: Tensor = _Convolution.apply(image, weight, bias, geometry)
    return convolved


class _Convolution(torch.autograd.Function):
    """The three passes, each by its own method."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        image = image.contiguous(memory_format=CHANNELS_LAST)
        ctx.save_for_backward(image, weight)
        ctx.geometry, ctx.biased = geometry, bias is not None
        if geometry.depthwise and geometry.padding <= NARROW:
            return _conv2d(image, weight, bias, geometry, 1)
        return _conv2d(image, weight, bias, geometry, geometry.together)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        image, weight = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=CHANNELS_LAST)
        of_image, of_weight, of_bias = ctx.needs_input_grad[0], ctx.needs_input_grad[1], ctx.needs_input_grad[2]
        return (
            _image_gradient(gradient, image, weight, ctx.geometry) if of_image else None,
            _weight_gradient(gradient, image, weight, ctx.geometry) if of_weight else None,
            gradient.sum((0, 2, 3)) if ctx.biased and of_bias else None,
            None,
        )


def _image_gradient(gradient: Tensor, image: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    mirrored = geometry.mirrored_padding
    if geometry.depthwise and geometry.stride == 1 and 0 <= mirrored <= NARROW:
        return conv2d(gradient, weight.flip(2, 3), None, 1, mirrored, geometry.dilation, geometry.groups)
    return _backward(gradient, image, weight, geometry, geometry.together, (True, False, False))


def _weight_gradient(gradient: Tensor, image: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    if geometry.covered(*image.shape[2:]):
        return _by_taps(gradient, image, geometry)
    plain = geometry.depthwise and geometry.kernel <= 3 and geometry.dilation == 1
    return _backward(gradient, image, weight, geometry, 1 if plain else geometry.together, (False, True, False))


def _conv2d(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, together: int) -> Tensor:
    """Convolve with *together* groups merged into one."""
    weight = merged_groups(weight, geometry.groups, together)
    groups = geometry.groups // together
    return conv2d(image, weight, bias, geometry.stride, geometry.padding, geometry.dilation, groups)


def _backward(
    gradient: Tensor, image: Tensor, weight: Tensor, geometry: Geometry, together: int, wanted: tuple[bool, bool, bool]
) -> Tensor:
    """Return the one gradient that is wanted, computed with *together* groups merged into one."""
    merged = merged_groups(weight, geometry.groups, together)
    found = torch.ops.aten.convolution_backward(
        gradient, image, merged, None, [geometry.stride] * 2, [geometry.padding] * 2, [geometry.dilation] * 2,
        False, [0, 0], geometry.groups // together, wanted,
    )  # fmt: skip
    of_image, of_weight = found[0], found[1]
    return of_image if wanted[0] else apart(of_weight, geometry.groups, together)


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


def _by_taps(gradient: Tensor, image: Tensor, geometry: Geometry) -> Tensor:
    """Return the filters' gradient as one matrix product per tap of the kernel."""
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
