"""Torch modules of others as networks of the language: counts and scores beside the module's, or what cannot be said.

``python -m tests.benchmarks.import_table`` imports models of torchvision and brings every network of studies/networks
back from the torch module that is built of it; names in the arguments choose some of them.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch

import budgetnet as bn
from budgetnet.convert.imported import ImportedNetwork
from budgetnet.errors import BudgetnetError
from budgetnet.network.canonical.hash import canonical_hash

__all__ = ["MODELS", "NETWORKS", "main"]

MODELS: dict[str, int] = {
    "alexnet": 224,
    "vgg11": 224,
    "vgg16_bn": 224,
    "resnet18": 64,
    "resnet34": 64,
    "resnet50": 64,
    "resnext50_32x4d": 64,
    "wide_resnet50_2": 64,
    "squeezenet1_0": 64,
    "squeezenet1_1": 64,
    "densenet121": 64,
    "googlenet": 64,
    "inception_v3": 107,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "mobilenet_v3_large": 64,
    "mnasnet0_5": 64,
    "shufflenet_v2_x0_5": 64,
    "shufflenet_v2_x1_0": 64,
    "efficientnet_b0": 64,
    "efficientnet_v2_s": 64,
    "regnet_x_400mf": 64,
    "regnet_y_400mf": 64,
    "convnext_tiny": 64,
    "vit_b_16": 224,
    "swin_t": 224,
    "maxvit_t": 224,
}
"""Models of torchvision, and the side of the images that they are imported at."""
NETWORKS = Path(__file__).parents[2] / "studies" / "networks"
_HEAD = ("name", "image", "parameters", "FLOPs", "scores differ by", "text", "seconds")


@dataclass(frozen=True)
class _Row:
    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()


def _model(name: str, side: int) -> _Row:
    """Import a model of torchvision."""
    begun = time.perf_counter()
    try:
        found = bn.import_network(f"torchvision:{name}", input=(3, side, side))
    except BudgetnetError as error:
        return _Row((name, f"{side}", "–", "–", "–", "–", f"{time.perf_counter() - begun:.0f}"), (str(error),))
    return _row(name, found, f"{len(found.text.splitlines())} lines", time.perf_counter() - begun)


def _network(path: Path) -> _Row:
    """Build a network file as a torch module and import that."""
    begun = time.perf_counter()
    known = bn.read_network(path)
    try:
        found = bn.import_network(bn.build(known, seed=0), input=known.input_shape, name=known.name)
    except BudgetnetError as error:
        side = f"{known.input_shape[1]}"
        return _Row((path.stem, side, "–", "–", "–", "–", f"{time.perf_counter() - begun:.0f}"), (str(error),))
    same = canonical_hash(known.network) == canonical_hash(found.network.network)
    return _row(path.stem, found, "same hash" if same else "other hash", time.perf_counter() - begun)


def _row(name: str, found: ImportedNetwork, text: str, seconds: float) -> _Row:
    compared = found.comparison
    assert compared is not None
    mark = {True: "", False: " DIFFERENT"}
    apart = sum(compared.counted_elsewhere.values())
    flops = f"{compared.flops:,}{mark[compared.same_flops]}" + (f" ({apart:+,})" if apart else "")
    return _Row(
        (
            name,
            str(found.network.input_shape[1]),
            f"{compared.params:,}{mark[compared.same_params]}",
            flops,
            f"{compared.difference:.0e}{mark[compared.same_scores]}",
            text,
            f"{seconds:.0f}",
        ),
        found.notes,
    )


def main() -> None:
    """Print the table as rows of Markdown, as they come."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="models of torchvision and networks; all if left out")
    wanted = parser.parse_args().names
    torch.set_num_threads(1)
    print(f"| {' | '.join(_HEAD)} |\n|{'---|' * len(_HEAD)}", flush=True)
    notes: dict[str, tuple[str, ...]] = {}
    for name, side in MODELS.items():
        if not wanted or name in wanted:
            _print(_model(name, side), notes)
    for path in sorted(NETWORKS.glob("*.yaml")):
        if not wanted or path.stem in wanted:
            _print(_network(path), notes)
    print()
    for name, each in notes.items():
        for note in each:
            print(f"- {name}: {note}")


def _print(row: _Row, notes: dict[str, tuple[str, ...]]) -> None:
    print(f"| {' | '.join(row.cells)} |", flush=True)
    if row.notes:
        notes[row.cells[0]] = row.notes


if __name__ == "__main__":
    main()
