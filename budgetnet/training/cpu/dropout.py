"""Dropout on the CPU: the same distribution as torch's, faster.

torch draws a random number for each activation, in a loop that is not vectorised; that is most of dropout's time. For
a share of up to `SPARSE`, only the dropped places are drawn, uniformly and with repetition, and so many that each is
hit at least once with the given probability. If their number is Poisson with mean -n log(1 - p), hits of different
places are independent, and a place is missed by all with probability 1 - p exactly. For larger shares, 64 bits are
drawn for four activations and compared, 16 at a time, with p in steps of 1/65,536.

Measured forward and backward: on two AVX-512 cores in bfloat16, at 5 %, the first method takes half the time of the
second, which takes three quarters of torch's; on an AVX2 core in float32, the first takes 0.29 of torch's time at 5 %,
the second 0.65 at 5 % and 0.48 at 30 %.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = ["drop"]

SPARSE = 0.12
"""Share up to which drawing the dropped places is faster than drawing for every activation."""


def drop(activations: Tensor, probability: float) -> Tensor:
    """Return the activations, each with the given probability set to zero, the others scaled to keep the mean.

    Args:
        activations: bfloat16 or float32, of any shape, dense in memory.
        probability: 0 < probability < 1; above `SPARSE` in steps of 1/65,536.
    """
    method = _DropByHits if probability <= SPARSE else _DropByMask
    dropped: Tensor = method.apply(activations, probability)
    return dropped


class _DropByHits(torch.autograd.Function):
    """Dropout by drawing the dropped places."""

    @staticmethod
    def forward(ctx: Any, activations: Tensor, probability: float) -> Tensor:
        places = activations.numel()
        mean = torch.tensor(-math.log1p(-probability) * places, dtype=torch.float64)
        ctx.hits = torch.randint(places, (int(torch.poisson(mean)),))
        ctx.scale, ctx.strides = 1 / (1 - probability), activations.stride()
        return _without(activations, ctx.hits, ctx.scale, ctx.strides)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _without(gradient, ctx.hits, ctx.scale, ctx.strides), None


def _without(values: Tensor, places: Tensor, scale: float, strides: tuple[int, ...]) -> Tensor:
    """Return the values times *scale* and zero at *places*, which are counted in the memory that *strides* describe."""
    scaled = torch.empty_strided(values.shape, strides, dtype=values.dtype)
    torch.mul(values, scale, out=scaled)
    _flat(scaled).index_fill_(0, places, 0.0)
    return scaled


class _DropByMask(torch.autograd.Function):
    """Dropout by a mask of 16 bits per activation in bfloat16, all ones if it is kept, and of truth values else."""

    @staticmethod
    def forward(ctx: Any, activations: Tensor, probability: float) -> Tensor:
        count = activations.numel()
        bits = torch.empty((count + 3) // 4, dtype=torch.int64).random_(-(2**63), None).view(torch.int16)[:count]
        share = min(round(probability * 2**16), 2**16 - 1)
        in_bits = activations.dtype == torch.bfloat16
        mask = torch.empty_like(activations, dtype=torch.int16 if in_bits else torch.bool)
        torch.ge(bits, share - 2**15, out=_flat(mask))
        ctx.mask, ctx.scale = mask.neg_() if in_bits else mask, 1 / (1 - share / 2**16)
        return _masked(activations, ctx.mask).mul_(ctx.scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _masked(gradient, ctx.mask).mul_(ctx.scale), None


def _masked(values: Tensor, mask: Tensor) -> Tensor:
    """Return the values where the mask is set and zero elsewhere, in bfloat16 by their bits."""
    if mask.dtype == torch.bool:
        return values * mask
    return (values.view(torch.int16) & mask).view(torch.bfloat16)


def _flat(tensor: Tensor) -> Tensor:
    """Return a dense tensor as one row, in the order of its memory."""
    return tensor.as_strided((tensor.numel(),), (1,))
