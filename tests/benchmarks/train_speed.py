"""Images per second of training: `fit`, a plain PyTorch loop, and the bare step, on three networks.

    python -m tests.benchmarks.train_speed [--quick] [--parts] [--compile] [--json FILE]

- *ours*: `fit` by the default recipe with its augmentation (flips, shifts by 2 pixels, reflected); everything it does
  is on the clock, validation aside.
- *plain*: torchvision's RandomHorizontalFlip, RandomCrop(32, 4), ToTensor and Normalize on PIL images, a shuffling
  DataLoader (without and with two processes; the better counts), float32, contiguous, SGD. Starting the loader's
  processes is not on the clock.
- *bare*: forward, backward and optimizer on one random batch that is in place; precision, layout and fast paths around
  slow kernels (`budgetnet.training.cpu.fast_paths`) are fit's.

The contenders take turns (A B C A B C …), so what else the machine does meets all of them. A number is ``median
[least–greatest]`` of the rounds, a ratio that of the rounds' ratios. CIFAR-10 is taken from the data directory; where
it is not, random images of its size.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import torch

from budgetnet.files.network_file import read
from budgetnet.training.data.sources import data_directory
from budgetnet.training.device import choose_device, choose_precision
from budgetnet.training.recipe.recipe import Recipe
from tests.benchmarks.contenders import STORED, Contender, House, Lane, Settings, Turn
from tests.benchmarks.speed_tables import (
    TWO_AT_ONCE,
    CompileRow,
    Rates,
    compile_table,
    parts_table,
    speed_table,
    thread_table,
)
from tests.benchmarks.tables import header, write_json

ROOT = Path(__file__).parents[2]
NETWORKS = {
    path.stem: path
    for path in (
        ROOT / "studies/networks/dilated-residual-100k.yaml",
        ROOT / "tests/benchmarks/networks/pooling-resnet.yaml",
        ROOT / "tests/benchmarks/networks/separable.yaml",
    )
}
EPOCH = 45_000
"""Images of an epoch of CIFAR-10 with a tenth held out, for what a compilation must be spread over."""


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--networks", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each turn, about")
    parser.add_argument("--batch", type=int, default=Recipe().batch)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of ours, plain and bare")
    parser.add_argument("--data", choices=("auto", "cifar10", "random"), default="auto")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--parts", action="store_true", help="show where the time of a step goes")
    parser.add_argument("--compile", action="store_true", help="show what torch.compile costs and gives")
    parser.add_argument("--quick", action="store_true", help="one round of short turns: whether it runs, not how fast")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    if given.quick:
        given.rounds, given.seconds, given.batch = 1, 0.0, 16
    if given.data == "auto":
        there = [data_directory() / place for place in ("cifar10", "packed/cifar10")]
        given.data = "cifar10" if any(place.exists() for place in there) else "random"
    return given


def contenders(threads: int, device: str) -> list[Contender]:
    """Who takes part; one thread and two processes only where there are processors to share."""
    found = [
        Contender(name="ours", kind="ours", threads=threads),
        Contender(name="plain", kind="plain", threads=threads),
        Contender(name="plain, 2 loaders", kind="plain", threads=threads, loaders=2),
        Contender(name="bare", kind="bare", threads=threads),
    ]
    if device == "cpu" and threads > 1:
        found += [
            Contender(name="ours, 1 thread", kind="ours", threads=1),
            Contender(name="bare, 1 thread", kind="bare", threads=1),
        ]
    return found


def size(rate: float, seconds: float, batch: int) -> int:
    """How many images make a turn of about so many seconds: whole batches, at least two, at most all images."""
    return batch * max(2, min(round(rate * seconds / batch), STORED // batch))


def rounds(lanes: dict[str, Lane], given: argparse.Namespace) -> Rates:
    """Let everyone take turns; the first two, which prepare kernels and find out how fast one is, do not count."""
    rates: Rates = {name: {lane: [] for lane in lanes if lane != "second"} for name in given.networks}
    sizes: dict[tuple[str, str], int] = {}
    for name in given.networks:
        for key, lane in lanes.items():
            sizes[name, key] = measured_size(lane, name, given)
        print(f"warmed up: {name}", file=sys.stderr, flush=True)
    for place in range(given.rounds):
        for name in given.networks:
            for key in rates[name]:
                if key != TWO_AT_ONCE:
                    rates[name][key].append(lanes[key].turn(NETWORKS[name], sizes[name, key]).rate)
            if "second" in lanes:
                pair = (lanes["ours, 1 thread"], lanes["second"])
                rates[name].setdefault(TWO_AT_ONCE, []).append(
                    both(pair, NETWORKS[name], sizes[name, "ours, 1 thread"]).rate
                )
            print(f"round {place + 1} of {given.rounds}: {name}", file=sys.stderr, flush=True)
    return rates


def measured_size(lane: Lane, name: str, given: argparse.Namespace) -> int:
    """How many images make a turn of the wanted length for this contender and network."""
    if given.quick:
        return size(0, 0, given.batch)
    first = lane.turn(NETWORKS[name], 2 * given.batch)
    if first.seconds < given.seconds:  # what the first steps prepare would count too much
        first = lane.turn(NETWORKS[name], 4 * given.batch)
    return size(first.rate, given.seconds, given.batch)


def both(pair: tuple[Lane, Lane], network: Path, images: int) -> Turn:
    """Two processes at once; the clock stops with the slower one."""
    begun = time.perf_counter()
    for lane in pair:
        lane.begin(network, images)
    for lane in pair:
        lane.end()
    return Turn(images=2 * images, seconds=time.perf_counter() - begun)


def compile_row(name: str, lane: Lane, plain: float, given: argparse.Namespace) -> CompileRow:
    """What compiling one network costs, what it gives, and after how many epochs it has paid."""
    first = lane.turn(NETWORKS[name], 2 * given.batch)
    steady = lane.turn(NETWORKS[name], measured_size(lane, name, given)).rate
    seconds = first.seconds - first.images / steady
    saved = EPOCH / plain - EPOCH / steady
    return CompileRow(
        network=name, seconds=seconds, rate=steady, without=plain, epochs=seconds / saved if saved > 0 else None
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    given = options(arguments)
    recipe = Recipe(epochs=1, batch=given.batch)
    device = choose_device(given.device)
    settings = Settings(data=given.data, device=str(device), recipe=recipe)
    precision = str(choose_precision(recipe.precision, device)).removeprefix("torch.")
    about = header(
        data="CIFAR-10" if given.data == "cifar10" else "random uint8 images of 3×32×32", device=str(device),
        threads=given.threads, precision=precision, batch=recipe.batch, rounds=given.rounds,
        seconds_per_turn=given.seconds, networks={name: read(NETWORKS[name]).claimed for name in given.networks},
    )  # fmt: skip
    print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
    taking_part = contenders(given.threads, device.type)
    compiled: list[CompileRow] = []
    parts: dict[str, Turn] = {}
    with ExitStack() as stack:

        def house(one: Contender) -> House:
            made = House(one.threads, settings, compiled=one.kind == "compiled")
            stack.callback(made.close)
            return made

        houses: dict[tuple[str, int], House] = {}
        for one in taking_part:
            if one.house not in houses:
                houses[one.house] = house(one)
        lanes = {one.name: Lane(one, houses[one.house]) for one in taking_part}
        if "ours, 1 thread" in lanes:
            lanes["second"] = Lane(lanes["ours, 1 thread"].contender, house(lanes["ours, 1 thread"].contender))
        rates = rounds(lanes, given)
        medians = {name: statistics.median(found["ours"]) for name, found in rates.items()}
        if given.parts:
            for name, median in medians.items():
                parts[name] = lanes["ours"].turn(NETWORKS[name], size(median, given.seconds, recipe.batch), parts=True)
        if given.compile:
            compiling = Contender(name="compiled", kind="compiled", threads=given.threads)
            extra = Lane(compiling, house(compiling))
            compiled = [compile_row(name, extra, median, given) for name, median in medians.items()]
    print(f"\n{speed_table(rates)}")
    if "ours, 1 thread" in lanes:
        print(f"\n{thread_table(rates, given.threads)}")
    if parts:
        print(f"\n{parts_table(parts)}")
    if compiled:
        print(f"\n{compile_table(compiled)}")
    if hasattr(os, "getloadavg"):
        print(f"\nload after: {os.getloadavg()[0]:.2f}")
    write_json(
        given.json,
        {
            "about": about, "images_per_second": rates, "compile": [asdict(row) for row in compiled],
            "parts_seconds": {name: turn.parts for name, turn in parts.items()},
        },
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
