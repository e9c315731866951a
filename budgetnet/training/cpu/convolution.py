"""Convolutions on the CPU, with a fast kernel for each of their three passes.

A convolution is computed three times in a training step: forward, for the gradient of its image, and for the gradient
of its filters. torch passes all three to oneDNN, which has fast kernels for full convolutions; for others, the speed
depends on the pass, the number format and the processor. Measured with torch 2.14 (by
`tests.benchmarks.bench_fast_paths`) on two cores with AVX-512 BF16 in bfloat16, and on two with AVX2 in float32:

- *Depthwise*: forward is fast up to a padding of `NARROW`, beyond that 10 to 50 times slower. The image's gradient is
  fast only without stride or dilation; without stride it is itself a depthwise convolution, with mirrored
  filters, and is computed as one. The filters' gradient is fast only without dilation, in bfloat16 only for 3×3.
- *Few channels per group*: slow in all passes. Groups are merged to at least `WIDTH` channels each, with zeros between
  the original groups (`FAR_WIDTH` if the padding is `FAR` or more; `FLOAT_WIDTH` in float32, where the filters'
  gradient is fast as it is). That is more arithmetic in less time.
- *Dilation*, in float32 with groups: the filters' gradient is 2 to 5 times slower than without. It is computed on the
  image's phases (every *d*-th pixel), on each of which the convolution has no dilation; so are the other passes of
  depthwise convolutions with wide padding.
- *Padding that covers the image* (at least half of its side; wide dilations on small images): the filters' gradient
  is slow for any number of groups, and with a stride on images one pixel wide it is uninitialised memory (torch 2.14).
  It is summed tap by tap, each a product of the overlapping parts of image and gradient; parts that overlap only
  with zeros are skipped.
- *1×1 with a stride*: the pixels that it uses are selected first. The reason is not speed: with an odd number of
  channels and more than one thread, torch 2.14 writes past the filters' gradient and corrupts the process's memory.

The results equal torch's, except for the order of sums.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import conv2d

from budgetnet.training.cpu.geometry import Geometry
from budgetnet.training.cpu.rewriting import apart, by_taps, joined_phases, merged_groups, phases

__all__ = ["convolve", "worth_it"]

WIDTH = 16
"""Least channels per group with fast kernels in bfloat16."""
FAR_WIDTH = 32
"""The same if the padding is `FAR` or more."""
FAR = 16
FLOAT_WIDTH = 8
"""Least channels per group with fast kernels in float32."""
NARROW = 6
"""Widest padding for which depthwise convolutions have a fast kernel."""

CHANNELS_LAST = torch.channels_last


def worth_it(geometry: Geometry, dtype: torch.dtype) -> bool:
    """Return whether `convolve` may be faster than torch for some images; for others it does what torch does."""
    if geometry.skips or geometry.may_cover:
        return True
    if geometry.depthwise:
        if dtype == torch.bfloat16:
            return geometry.stride > 1 or geometry.kernel > 3 or geometry.dilation > 1
        return geometry.stride == 1 and geometry.dilation > 1
    return _together(geometry, dtype) > 1


def convolve(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Return the result of `torch.nn.functional.conv2d`, with a faster backward pass.

    Args:
        image: (N, groups × inputs, H, W), bfloat16 or float32.
        weight: (groups × outputs, inputs, kernel, kernel), of the same type.
        bias: (groups × outputs,), of the same type, or None.
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
        return _output(image, weight, bias, geometry)

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


def _output(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    if not geometry.depthwise:
        return _conv2d(image, weight, bias, geometry, _together(geometry, image.dtype))
    if geometry.padding <= NARROW:
        return _conv2d(image, weight, bias, geometry, 1)
    if image.dtype == torch.float32 and geometry.splits:
        return _by_phases(image, weight, bias, geometry)
    return _conv2d(image, weight, bias, geometry, _together(geometry, image.dtype))


def _image_gradient(gradient: Tensor, image: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    mirrored = geometry.mirrored_padding
    if geometry.depthwise and geometry.stride == 1 and 0 <= mirrored <= NARROW:
        return conv2d(gradient, weight.flip(2, 3), None, 1, mirrored, geometry.dilation, geometry.groups)
    if geometry.depthwise and geometry.splits and image.dtype == torch.float32:
        return _by_phases(gradient, weight.flip(2, 3), None, geometry)
    return _backward(gradient, image, weight, geometry, _together(geometry, image.dtype), (True, False, False))


def _weight_gradient(gradient: Tensor, image: Tensor, weight: Tensor, geometry: Geometry) -> Tensor:
    if geometry.covered(*image.shape[2:]):
        return by_taps(gradient, image, geometry)
    if image.dtype == torch.float32:
        if geometry.groups > 1 and geometry.splits:
            gradient, image, geometry = (
                phases(gradient, geometry.dilation), phases(image, geometry.dilation), _of_phases(geometry)
            )  # fmt: skip
        together = _together(geometry, image.dtype) if geometry.dilation > 1 else 1
        return _backward(gradient, image, weight, geometry, together, (False, True, False))
    plain = geometry.depthwise and geometry.kernel <= 3 and geometry.dilation == 1
    together = 1 if plain else _together(geometry, image.dtype)
    return _backward(gradient, image, weight, geometry, together, (False, True, False))


def _together(geometry: Geometry, dtype: torch.dtype) -> int:
    """Return the number of groups to merge into one in this number format."""
    if dtype == torch.bfloat16:
        return geometry.together(FAR_WIDTH if geometry.padding >= FAR else WIDTH)
    return 1 if geometry.depthwise else geometry.together(FLOAT_WIDTH)


def _conv2d(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry, together: int) -> Tensor:
    """Convolve with *together* groups merged into one."""
    weight = merged_groups(weight, geometry.groups, together)
    groups = geometry.groups // together
    return conv2d(image, weight, bias, geometry.stride, geometry.padding, geometry.dilation, groups)


def _by_phases(image: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
    """Convolve each phase of the image, without dilation."""
    split = _conv2d(phases(image, geometry.dilation), weight, bias, _of_phases(geometry), 1)
    return joined_phases(split, geometry.dilation, *image.shape[2:])


def _of_phases(geometry: Geometry) -> Geometry:
    """Return the geometry of a dilated convolution on each phase of its image."""
    return geometry._replace(padding=geometry.padding // geometry.dilation, dilation=1)


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
