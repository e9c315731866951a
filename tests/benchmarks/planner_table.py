"""Compare RAM and flash in closed form with what ExecuTorch plans and writes, on networks drawn from studies.

``python -m tests.benchmarks.planner_table [STUDY …] [--networks N] [--seed N]``, in an environment with the extra
``mcu``. Every network takes some ten seconds. Weights and statistics of norms are random, for ExecuTorch stores equal
constants once, and ranges come from random images.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import torch
from torch import nn

import budgetnet as bn
from budgetnet.export.mcu.lower import lower
from budgetnet.text import joined_table

STUDIES = ("studies/cifar10-200k.yaml", "studies/quickstart.yaml", "studies/cifar10-64k-bytes.yaml")
IMAGES = 8


def model_of(network: bn.Network) -> nn.Module:
    """Build a network with random weights and norms, as if it were trained."""
    model = bn.build(network).eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)
            for tensor in (module.bias, module.running_mean):
                nn.init.normal_(tensor)
    return model


def compared(study: str, networks: int, seed: int) -> list[dict[str, object]]:
    """Draw networks from a study, lower each, and return both figures."""
    drawn = bn.sample(study, networks, seed=seed, distinct=True)
    found = []
    for number, network in enumerate(drawn.networks):
        torch.manual_seed(number)
        images = torch.randn(IMAGES, *network.input_shape)
        begun = time.perf_counter()
        lowered = lower(model_of(network), images, images[:1])
        cost = bn.count(network)
        found.append(
            {
                "study": Path(study).stem,
                "network": number,
                "params": cost.params,
                "ram": cost.ram,
                "planned": lowered.ram,
                "own": lowered.ram_of_its_own,
                "flash": cost.flash,
                "constants": lowered.flash,
                "file": len(lowered.program),
                "kernels": lowered.kernels,
                "in_float": dict(lowered.in_float),
                "seconds": round(time.perf_counter() - begun, 1),
            }
        )
        print(json.dumps(found[-1]), flush=True)
    return found


def table(found: list[dict[str, object]]) -> list[str]:
    """Return the comparison as lines; differences are closed form minus ExecuTorch, in percent of the latter."""
    pairs = {
        "RAM": ("ram", "planned"),
        "RAM (its own algorithm)": ("ram", "own"),
        "flash": ("flash", "constants"),
    }
    rows, largest = [], dict.fromkeys(pairs, 0.0)
    for entry in found:
        row = [f"{entry['study']} {entry['network']}", f"{entry['params']:,}"]
        for name, (ours, theirs) in pairs.items():
            off = 100 * (entry[ours] / entry[theirs] - 1)  # type: ignore[operator]
            largest[name] = max(largest[name], off, key=abs)
            row += [*([f"{entry[ours]:,}"] if theirs != "own" else []), f"{entry[theirs]:,}", f"{off:+.2f}"]
        rows.append([*row, f"{entry['file']:,}", str(entry["kernels"])])
    header = [
        "network",
        "parameters",
        "RAM",
        "planned",
        "%",
        "its own",
        "%",
        "flash",
        "constants",
        "%",
        "file",
        "kernels",
    ]
    told = ", ".join(f"{name} {off:+.2f} %" for name, off in largest.items())
    return [*joined_table(header, rows, left=(0,)), f"{len(found)} networks; largest differences: {told}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", default=[study for study in STUDIES if Path(study).is_file()])
    parser.add_argument("--networks", type=int, default=8, help="networks of each study")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    found = [entry for study in asked.studies for entry in compared(study, asked.networks, asked.seed)]
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
