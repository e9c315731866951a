"""Layers that train by fast paths on a processor: torch's time for their three passes against ours.

    python -m tests.benchmarks.bench_fast_paths [--precision float32] [--batch 256] [--threads 2] [--rounds 7] [--quick]

One layer at a time, in the number format that `fit` takes on this processor (or another by `--precision`),
channels-last, memory kept as `fit` keeps it; the two take turns. A time is the median of the rounds, in milliseconds
for forward and backward together, a ratio ``median [least–greatest]`` of the rounds' ratios, torch's time over ours.
The rules in `budgetnet.training.cpu.convolution` and `budgetnet.training.cpu.dropout`
come from such tables; on another kind of processor others may be better.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from budgetnet.training.cpu.convolution import convolve
from budgetnet.training.cpu.dropout import drop
from budgetnet.training.cpu.geometry import Geometry
from budgetnet.training.cpu.malloc import keep_freed_memory
from budgetnet.training.device import choose_precision
from tests.benchmarks.tables import header, spread, table, write_json

Pass = Callable[[Tensor], Tensor]

CONVOLUTIONS: dict[str, tuple[Geometry, int]] = {
    "full 3×3, 64 at 16×16": (Geometry(3, 1, 1, 1, 1, 64, 64), 16),
    "depthwise 3×3, 64 at 16×16": (Geometry(3, 1, 1, 1, 64, 1, 1), 16),
    "depthwise 3×3 by 2, 64 at 16×16": (Geometry(3, 2, 1, 1, 64, 1, 1), 16),
    "depthwise 5×5, 64 at 16×16": (Geometry(5, 1, 2, 1, 64, 1, 1), 16),
    "depthwise 7×7, 96 at 16×16": (Geometry(7, 1, 3, 1, 96, 1, 1), 16),
    "depthwise 3×3 dilated 2, 64 at 16×16": (Geometry(3, 1, 2, 2, 64, 1, 1), 16),
    "depthwise 3×3 dilated 4, 64 at 16×16": (Geometry(3, 1, 4, 4, 64, 1, 1), 16),
    "depthwise 3×3 dilated 8, 64 at 26×26": (Geometry(3, 1, 8, 8, 64, 1, 1), 26),
    "16 groups of 4→4, at 16×16": (Geometry(3, 1, 1, 1, 16, 4, 4), 16),
    "32 groups of 2→4 dilated 2, at 26×26": (Geometry(3, 1, 2, 2, 32, 2, 4), 26),
    "32 groups of 2→4 dilated 8, at 26×26": (Geometry(3, 1, 8, 8, 32, 2, 4), 26),
    "32 groups of 2→4 dilated 22, at 26×26": (Geometry(3, 1, 22, 22, 32, 2, 4), 26),
    "full 3×3 dilated 4, 64 at 8×8": (Geometry(3, 1, 4, 4, 1, 64, 64), 8),
}
"""Layers and the side of their images."""
DROPOUTS = {"dropout 5 %, 64 at 16×16": 0.05, "dropout 30 %, 64 at 16×16": 0.3}


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--precision", choices=("auto", "bfloat16", "float32"), default="auto")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="a few images, one round: whether it runs, not how fast")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    if given.quick:
        given.batch, given.rounds = 4, 1
    return given


def seconds(layer: Pass, image: Tensor, gradient: Tensor, leaves: list[Tensor]) -> float:
    """Time of one forward and one backward pass."""
    begun = time.perf_counter()
    torch.autograd.grad(layer(image), leaves, gradient)
    return time.perf_counter() - begun


def times(straight: Pass, aside: Pass, image: Tensor, weights: list[Tensor], rounds: int) -> tuple[list[float], ...]:
    """Seconds of torch's way and of ours, round by round; the first two rounds do not count."""
    leaves = [image, *weights]
    gradient = torch.randn_like(straight(image).detach())
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds + 2):
        for way, kept in zip((straight, aside), found, strict=True):
            kept.append(seconds(way, image, gradient, leaves))
    return tuple(kept[2:] for kept in found)


def images(channels: int, side: int, batch: int, dtype: torch.dtype) -> Tensor:
    """Random activations."""
    drawn = torch.randn(batch, channels, side, side).to(dtype)
    return drawn.contiguous(memory_format=torch.channels_last).requires_grad_()


def convolution(geometry: Geometry, side: int, batch: int, rounds: int, dtype: torch.dtype) -> tuple[list[float], ...]:
    """Seconds of a convolution."""
    inputs, outputs = geometry.groups * geometry.inputs, geometry.groups * geometry.outputs
    weight = torch.randn(outputs, geometry.inputs, geometry.kernel, geometry.kernel).to(dtype).requires_grad_()

    def straight(image: Tensor) -> Tensor:
        return nn.functional.conv2d(
            image, weight, None, geometry.stride, geometry.padding, geometry.dilation, geometry.groups
        )

    def aside(image: Tensor) -> Tensor:
        return convolve(image, weight, None, geometry)

    return times(straight, aside, images(inputs, side, batch, dtype), [weight], rounds)


def dropout(share: float, batch: int, rounds: int) -> tuple[list[float], ...]:
    """Seconds of dropout, which has a fast path in bfloat16."""
    image = images(64, 16, batch, torch.bfloat16)
    return times(lambda x: nn.functional.dropout(x, share), lambda x: drop(x, share), image, [], rounds)


def row(name: str, torchs: list[float], ours: list[float]) -> list[str]:
    """A line of the table."""
    ratios = [one / other for one, other in zip(torchs, ours, strict=True)]
    return [name, f"{1e3 * statistics.median(torchs):.2f}", f"{1e3 * statistics.median(ours):.2f}", spread(ratios)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    given = options(arguments)
    torch.set_num_threads(given.threads)
    keep_freed_memory()
    torch.manual_seed(0)
    dtype = choose_precision(given.precision, torch.device("cpu"))
    kind = str(dtype).removeprefix("torch.")
    about = header(threads=given.threads, batch=given.batch, rounds=given.rounds, convolutions=kind)
    print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
    found: dict[str, tuple[list[float], ...]] = {}
    for name, (geometry, side) in CONVOLUTIONS.items():
        found[name] = convolution(geometry, side, given.batch, given.rounds, dtype)
    for name, share in DROPOUTS.items():
        found[name] = dropout(share, given.batch, given.rounds)
    columns = ["layer, forward and backward", "torch, ms", "ours, ms", "torch / ours"]
    print(f"\n{table(columns, [row(name, *both) for name, both in found.items()])}")
    write_json(given.json, {"about": about, "seconds": found})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
