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
from budgetnet.text import PAGE_WIDTH

__all__ = ["render", "rows"]

_MEGABYTE = 2**20
_WIDTH = 64
"""Columns of torchsummary's table."""
_OUTPUT = 25
"""Columns of its output shapes; a narrow terminal takes from them."""


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
    width = min(PAGE_WIDTH.get() or _WIDTH, _WIDTH)
    cells = rows(layers)
    longest = max((len(output) for _, output, _ in cells), default=0)
    place = max(longest, len("Output Shape"), _OUTPUT - (_WIDTH - width))
    params = sum(layer.params for layer in layers)
    image = _megabytes(prod(input_shape))
    passes = _megabytes(2 * sum(prod(layer.output) for layer in layers))
    weights = _megabytes(params)
    return "\n".join(
        [
            "-" * width,
            f"{'Layer (type)':>20}  {'Output Shape':>{place}} {'Param #':>15}",
            "=" * width,
            *(f"{name:>20}  {output:>{place}} {count:>15}" for name, output, count in cells),
            "=" * width,
            f"Total params: {params:,}",
            f"Trainable params: {params:,}",
            "Non-trainable params: 0",
            "-" * width,
            f"Input size (MB): {image:.2f}",
            f"Forward/backward pass size (MB): {passes:.2f}",
            f"Params size (MB): {weights:.2f}",
            f"Estimated Total Size (MB): {image + passes + weights:.2f}",
            "-" * width,
            f"FLOPs (one multiply-add = one FLOP): {sum(layer.flops for layer in layers):,}",
            "-" * width,
        ]
    )


def _megabytes(values: int) -> float:
    return values * BYTES_PER_VALUE / _MEGABYTE
