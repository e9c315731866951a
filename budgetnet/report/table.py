"""The layer table in the form that torchsummary made familiar; no torch needed.

Sizes are torchsummary's estimates for a batch of one in float32, 1 MB being 2^20 bytes: "Forward/backward pass
size" takes the output of every row twice (activation and gradient). It is an upper estimate of training memory;
`budgetnet.network.cost.types.Cost` has the peak of running the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from budgetnet.network.cost.types import BYTES_PER_VALUE, Layer
from budgetnet.network.nodes import Shape

__all__ = ["render", "rows"]

_MEGABYTE = 2**20
_WIDTH = 64
"""Columns of torchsummary's table."""


def rows(layers: Sequence[Layer]) -> list[tuple[str, str, str]]:
    """Return ``("Conv2d-1", "[-1, 64, 30, 30]", "1,728")`` per layer: type and number, output, parameters."""
    return [
        (f"{layer.type}-{number}", f"[{', '.join(map(str, (-1, *layer.output)))}]", f"{layer.params:,}")
        for number, layer in enumerate(layers, start=1)
    ]


def render(layers: Sequence[Layer], input_shape: Shape) -> str:
    """Return the whole table as text without a newline at its end.

    Args:
        layers: the rows in the order they run.
        input_shape: ``(channels, height, width)`` of one image.
    """
    params = sum(layer.params for layer in layers)
    image = _megabytes(prod(input_shape))
    passes = _megabytes(2 * sum(prod(layer.output) for layer in layers))
    weights = _megabytes(params)
    return "\n".join(
        [
            "-" * _WIDTH,
            f"{'Layer (type)':>20}  {'Output Shape':>25} {'Param #':>15}",
            "=" * _WIDTH,
            *(f"{name:>20}  {output:>25} {count:>15}" for name, output, count in rows(layers)),
            "=" * _WIDTH,
            f"Total params: {params:,}",
            f"Trainable params: {params:,}",
            "Non-trainable params: 0",
            "-" * _WIDTH,
            f"Input size (MB): {image:.2f}",
            f"Forward/backward pass size (MB): {passes:.2f}",
            f"Params size (MB): {weights:.2f}",
            f"Estimated Total Size (MB): {image + passes + weights:.2f}",
            "-" * _WIDTH,
            f"FLOPs (one multiply-add = one FLOP): {sum(layer.flops for layer in layers):,}",
            "-" * _WIDTH,
        ]
    )


def _megabytes(values: int) -> float:
    return values * BYTES_PER_VALUE / _MEGABYTE
