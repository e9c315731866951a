"""Detours around slow kernels of the processor's libraries: the same gradients, sooner.

Measured with torch 2.15 on two cores with AMX in bfloat16; ratios of one training step of the layer:

- *Convolutions of few channels per group* (depthwise ones, first of all) have no fast backward pass as soon as they are
  strided, dilated, or wider than 3×3: 2.5 to 11 times as long as the detour. Groups are merged to at least `WIDTH`
  channels each, with zeros between what was apart. That is more arithmetic, which the matrix unit does at once.
- *Gradients in another layout* than the activations make batch norm's backward pass 8 to 33 times as long. They come
  from a mean over positions, and a skip passes them on through a whole stage. They are laid out anew where they enter a
  norm; most often they lie right and this is nothing.
- *Dropout* draws a random number for each activation by a loop without vectors. Drawing 64 bits for four activations
  and masking their bits takes three quarters of the time.

Parameters, their gradients and what a network computes are as without, but for the order of sums; dropout draws other
numbers, with the same probability to within 1/131,072.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

__all__ = ["detours", "drop", "merged_groups"]

WIDTH = 16
"""Channels per group from which on there are fast kernels."""
WIDEST = 128
"""Channels of a merged group beyond which the extra arithmetic would outweigh the gain."""


@contextmanager
def detours(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """Let *model* train on the processor by the detours while the block lasts.

    Args:
        model: On the processor; its modules, parameters and state stay what they are.
        dtype: Of the activations. In anything but bfloat16 only gradients are laid out anew.
    """
    handles = [
        module.register_forward_hook(_lay_out_gradient)
        for module in model.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    changed: list[tuple[nn.Module, str]] = []

    def replace(module: nn.Module, name: str, method: Callable[..., Tensor]) -> None:
        setattr(module, name, functools.partial(method, module))  # this object's, not its class's
        changed.append((module, name))

    for module in model.modules() if dtype == torch.bfloat16 else ():
        if _slow(module):
            replace(module, "_conv_forward", _convolve)
        elif isinstance(module, nn.Dropout) and 0 < module.p < 1:
            replace(module, "forward", _drop_or_pass)
    try:
        yield
    finally:
        for module, name in changed:
            delattr(module, name)
        for handle in handles:
            handle.remove()


def merged_groups(weight: Tensor, groups: int) -> tuple[Tensor, int]:
    """Return filters, and a smaller number of groups, that compute the same.

    Args:
        weight: (O, I, k, k) with I the channels per group.
        groups: a divisor of O.

    Returns:
        Filters (O, m × I, k, k) and groups / m, with m the smallest divisor of the groups for which a group has at
        least `WIDTH` channels, or all groups if none has.
    """
    inputs, kernel = weight.shape[1], weight.shape[2:]
    count = _together(groups, inputs)
    apart = weight.reshape(groups // count, count, -1, 1, inputs, *kernel)
    diagonal = torch.eye(count, dtype=weight.dtype, device=weight.device).view(1, count, 1, count, 1, 1, 1)
    return (apart * diagonal).reshape(len(weight), count * inputs, *kernel), groups // count


def _together(groups: int, inputs: int) -> int:
    """Return how many groups of so many channels make one."""
    return next((m for m in range(1, groups + 1) if groups % m == 0 and m * inputs >= WIDTH), groups)


def _slow(module: nn.Module) -> bool:
    """Whether a layer's backward pass is slow, and quicker by the detour.

    It is for few channels per group, unless the layer is a plain depthwise 3×3; it is not where groups can be merged in
    large numbers only.
    """
    if not isinstance(module, nn.Conv2d) or module.groups == 1 or module.padding_mode != "zeros":
        return False
    inputs, outputs = module.in_channels // module.groups, module.out_channels // module.groups
    plain = (module.kernel_size, module.stride, module.dilation) == ((3, 3), (1, 1), (1, 1))
    if inputs >= WIDTH or (plain and inputs == outputs == 1):
        return False
    return _together(module.groups, inputs) * inputs <= WIDEST


def _convolve(module: nn.Conv2d, image: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`nn.Conv2d._conv_forward` by the detour; validation, which has no backward pass, goes straight."""
    groups = module.groups
    if module.training:
        weight, groups = merged_groups(weight, groups)
    return conv2d(image, weight, bias, module.stride, module.padding, module.dilation, groups)


def _lay_out_gradient(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """Make sure that the gradient which comes back to *output* is channels-last."""
    if output.requires_grad:
        output.register_hook(  # type: ignore[no-untyped-call]
            lambda gradient: gradient.contiguous(memory_format=torch.channels_last)
        )


def drop(activations: Tensor, probability: float) -> Tensor:
    """Return the activations, each with the given probability set to zero, the others scaled to keep the mean.

    Args:
        activations: bfloat16, of any shape, dense in memory.
        probability: 0 < probability < 1; in steps of 1/65,536.
    """
    dropped: Tensor = _Drop.apply(activations, probability)
    return dropped


class _Drop(torch.autograd.Function):
    """Dropout by a mask of 16 bits per activation: all ones where it is kept."""

    @staticmethod
    def forward(ctx: Any, activations: Tensor, probability: float) -> Tensor:
        count = activations.numel()
        bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count]
        share = min(round(probability * 2**16), 2**16 - 1)
        mask = torch.empty_like(activations, dtype=torch.int16)
        torch.ge(bits, share - 2**15, out=_flat(mask))
        ctx.mask, ctx.scale = mask.neg_(), 1 / (1 - share / 2**16)
        return _masked(activations, ctx.mask).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _masked(gradient, ctx.mask).mul_(ctx.scale), None


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    """Return bfloat16 values with the bits of the mask."""
    return (values.view(torch.int16) & mask).view(torch.bfloat16)


def _flat(tensor: Tensor) -> Tensor:
    """Return a dense tensor as one row, in the order of its memory."""
    return tensor.as_strided((tensor.numel(),), (1,))


def _drop_or_pass(module: nn.Dropout, activations: Tensor) -> Tensor:
    """`nn.Dropout.forward` by the detour; what is not bfloat16 goes straight."""
    if not module.training:
        return activations
    if activations.dtype != torch.bfloat16 or module.inplace:
        return nn.functional.dropout(activations, module.p, True, module.inplace)
    return drop(activations, module.p)
