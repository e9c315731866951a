"""Layers in int8 on a Cortex-M processor: the kernel that each becomes, and its bytes of flash.

The kernels are CMSIS-NN's as ExecuTorch 1.5's Cortex-M backend calls them (``backends/cortex_m/quantizer`` and
``passes`` there). In flash stand, for each

- convolution: 1 byte per weight, and per output channel 4 bytes of bias (batch norm is folded into it) and 8 of scale
  (a multiplier and a shift);
- linear layer: 1 byte per weight, 4 of bias per output; its one scale is part of the program;
- batch norm or learned scale that has no convolution right in front of it in its own operation: as a depthwise 1×1
  convolution, which it becomes. Behind a max pooling it is folded where all its factors are positive, which is
  known after training only, so this is an upper bound;
- activation that is a table of 256 values: 256 bytes;
- layer that stays in float32: 4 bytes per parameter. Attention is one, with its linear layers.

The program that names the kernels comes on top: an ExecuTorch file takes about 3.5 KiB and 0.6 to 0.9 KiB per kernel.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, Protocol

__all__ = ["Kernel", "LayerSpec", "aligned", "flash_of", "kernel_of", "scratch_of"]


class LayerSpec(Protocol):
    """A layer as `budgetnet.ops.base.Spec` describes it."""

    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def output(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def arguments(self) -> tuple[Any, ...]: ...  # noqa: D102
    @property
    def options(self) -> tuple[tuple[str, Any], ...]: ...  # noqa: D102
    @property
    def params(self) -> int: ...  # noqa: D102
    @property
    def parts(self) -> tuple[tuple[str, LayerSpec], ...]: ...  # noqa: D102


Kernel = Literal[
    "conv", "linear", "norm", "clamp", "gate", "lookup", "hardswish", "maxpool", "avgpool", "gap", "shuffle", "pad",
    "margin", "excite", "view", "none", "float",
]  # fmt: skip
"""The way a layer runs. ``clamp`` and ``gate`` are part of the kernel in front of them where that can have them,
``norm`` is folded or a depthwise convolution, ``excite`` is squeeze-and-excitation, ``float`` has no int8 kernel."""

_KERNELS: dict[str, Kernel] = {
    "nn.Conv2d": "conv",
    "nn.Linear": "linear",
    "nn.BatchNorm2d": "norm",
    "ChannelScale": "norm",
    "nn.ReLU": "clamp",
    "nn.ReLU6": "clamp",
    "nn.Hardtanh": "clamp",
    "nn.Hardsigmoid": "gate",
    "nn.Hardswish": "hardswish",
    "nn.Sigmoid": "lookup",
    "nn.Tanh": "lookup",
    "nn.SiLU": "lookup",
    "nn.GELU": "lookup",
    "nn.MaxPool2d": "maxpool",
    "nn.AdaptiveMaxPool2d": "maxpool",
    "nn.AvgPool2d": "avgpool",
    "nn.AdaptiveAvgPool2d": "gap",
    "ChannelShuffle": "shuffle",
    "ChannelPad": "pad",
    "SqueezeExcitation": "excite",
    "nn.Flatten": "view",
    "nn.ZeroPad2d": "margin",
    "nn.Dropout": "none",
    "nn.Dropout2d": "none",
    "ImageDropout": "none",
    "nn.Identity": "none",
}


_ALIGNMENT = 16
"""ExecuTorch's planner starts every tensor at a multiple of this."""

_CHANNEL = 4 + 8
"""Bias and scale of an output channel."""

_TABLE = 256


def kernel_of(spec: LayerSpec) -> Kernel:
    """Return the way a layer runs in int8; ``float`` for those that are not known."""
    kernel = _KERNELS.get(spec.path, "float")
    return "float" if kernel in ("maxpool", "avgpool") and ("ceil_mode", True) in spec.options else kernel


def flash_of(specs: Iterable[LayerSpec]) -> int:
    """Return the bytes of flash of one operation's layers, given in the order they run."""
    total, before = 0, None
    for spec in specs:
        kernel = kernel_of(spec)
        if spec.parts and kernel != "float":
            total += sum(flash_of((part,)) for _, part in spec.parts)
        elif kernel in _IN_FLASH:  # all but these weigh nothing
            total += _layer(spec, kernel, before)
        before = kernel
    return total


_IN_FLASH = frozenset[Kernel](("conv", "linear", "norm", "lookup", "float"))


def _layer(spec: LayerSpec, kernel: Kernel, before: Kernel | None) -> int:
    channels = spec.output[0]
    match kernel:
        case "conv" | "linear":
            weights = spec.params if ("bias", False) in spec.options else spec.params - channels
            return weights + channels * (_CHANNEL if kernel == "conv" else 4)
        case "norm":
            return 0 if before == "conv" else channels * (1 + _CHANNEL)
        case "lookup":
            return _TABLE
        case _:
            return 4 * (spec.params + sum(part.params for _, part in spec.parts))


def scratch_of(spec: LayerSpec, entry: tuple[int, ...]) -> int:
    """Return the bytes that CMSIS-NN's kernel of a layer needs beside its input and output.

    Formulas of ``arm_convolve_wrapper_s8_get_buffer_size_dsp``, ``arm_depthwise_conv_wrapper_s8_get_buffer_size_dsp``
    and ``arm_avgpool_s8_get_buffer_size_dsp`` (CMSIS-NN 7), for cores with the DSP extension (Cortex-M4, M7, M33).
    Attention, in float32, has queries, keys and values, the scores of all positions of each head before and after the
    softmax, and what it mixes.

    Args:
        spec: the layer.
        entry: shape of its input.
    """
    match kernel_of(spec):
        case "conv":
            options = dict(spec.options)
            kernel, padding = _pair(spec.arguments[2]), _pair(options.get("padding", 0))
            area, dilated = kernel[0] * kernel[1], _pair(options.get("dilation", 1)) != (1, 1)
            if options.get("groups", 1) == entry[0]:
                plain = spec.output[0] == entry[0] and not dilated
                return 2 * entry[0] * area if plain and not (kernel == (3, 3) and max(padding) <= 1) else 0
            if kernel == (1, 1) and padding == (0, 0):
                return 0
            return 4 * (-(-(area * entry[0]) // 4) * 4)
        case "norm":
            return 2 * entry[0]
        case "avgpool" | "gap":
            return 4 * entry[0]
        case "float" if spec.path == "SelfAttention":
            mix = dict(spec.parts)["mix"]
            (count, width), heads = mix.output, int(mix.arguments[0])
            mixed, scores = count * width, heads * count * count
            return 4 * max(3 * mixed + scores, mixed + 2 * scores, 2 * mixed + scores)
        case _:
            return 0


def _pair(sides: int | tuple[int, int]) -> tuple[int, int]:
    return (sides, sides) if isinstance(sides, int) else sides


def aligned(size: int) -> int:
    """Return the bytes that a tensor takes in the plan."""
    return -(-size // _ALIGNMENT) * _ALIGNMENT
