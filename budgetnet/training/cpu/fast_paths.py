"""Fast paths around slow CPU kernels of torch: the same gradients in less time.

Three operations are slow in training on a CPU, and each has a fast path:

- *Convolutions* that are depthwise, grouped or dilated: see `budgetnet.training.cpu.convolution`.
- *Dropout*: see `budgetnet.training.cpu.dropout`.
- *Gradients in another memory layout* than the activations make batch norm's backward pass 8 to 33 times slower (torch
  2.15, two cores with AMX). They come from a mean over positions, and a skip passes them through a whole stage. They
  are converted to channels-last where they enter a norm, which costs nothing if they already are.

Parameters, gradients and outputs are the same as without, except for the order of sums; dropout draws other numbers.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from budgetnet.training.cpu.convolution import convolve, worth_it
from budgetnet.training.cpu.dropout import drop
from budgetnet.training.cpu.geometry import Geometry

__all__ = ["fast_paths"]


@contextmanager
def fast_paths(model: nn.Module, dtype: torch.dtype) -> Iterator[None]:
    """Train *model* on the CPU by the fast paths inside a ``with`` block.

    Args:
        model: On the CPU; its modules, parameters and state are not replaced.
        dtype: Type of the activations, bfloat16 or float32.
    """
    handles = [
        module.register_forward_hook(_lay_out_gradient)
        for module in model.modules()
        if isinstance(module, nn.BatchNorm2d)
    ]
    changed: list[tuple[nn.Module, str]] = []

    def replace(module: nn.Module, name: str, method: Callable[..., Tensor]) -> None:
        setattr(module, name, method)  # of this object, not of its class
        changed.append((module, name))

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            geometry = _geometry(module)
            if geometry is not None and worth_it(geometry, dtype):
                replace(module, "_conv_forward", functools.partial(_convolve, geometry, dtype))
        elif isinstance(module, nn.Dropout) and 0 < module.p < 1:
            replace(module, "forward", functools.partial(_drop_or_pass, module, dtype))
    try:
        yield
    finally:
        for module, name in changed:
            delattr(module, name)
        for handle in handles:
            handle.remove()


def _geometry(layer: nn.Conv2d) -> Geometry | None:
    """Return a layer's geometry, or None if it differs between the axes or the padding is not zeros."""
    per_axis = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    if layer.padding_mode != "zeros" or any(isinstance(pair, str) or pair[0] != pair[1] for pair in per_axis):
        return None
    return Geometry(
        kernel=layer.kernel_size[0],
        stride=layer.stride[0],
        padding=int(layer.padding[0]),
        dilation=layer.dilation[0],
        groups=layer.groups,
        inputs=layer.in_channels // layer.groups,
        outputs=layer.out_channels // layer.groups,
    )


def _convolve(geometry: Geometry, dtype: torch.dtype, image: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`nn.Conv2d._conv_forward` by the fast path, for validation too."""
    return convolve(image.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype), geometry)


def _lay_out_gradient(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
    """Ensure that the gradient of *output* is channels-last."""
    if output.requires_grad:
        output.register_hook(  # type: ignore[no-untyped-call]
            lambda gradient: gradient.contiguous(memory_format=torch.channels_last)
        )


def _drop_or_pass(module: nn.Dropout, dtype: torch.dtype, activations: Tensor) -> Tensor:
    """`nn.Dropout.forward` by the fast path; activations of another type or with gaps in memory use torch's."""
    if not module.training:
        return activations
    if activations.dtype != dtype or module.inplace or not _dense(activations):
        return nn.functional.dropout(activations, module.p, True, module.inplace)
    return drop(activations, module.p)


def _dense(activations: Tensor) -> bool:
    """Return whether activations fill their memory without gaps; a part of the channels does not."""
    return activations.is_contiguous() or (
        activations.dim() == 4 and activations.is_contiguous(memory_format=torch.channels_last)
    )
