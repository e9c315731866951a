"""Is the closed form fvcore's count, and how much faster: ``python -m tests.benchmarks.bench_space_closed_form``.

Networks are drawn from the flagship grammar (by its prior, uniformly, by strata of depth) and from the language's
first example, built, and counted by both. Times are of one thread; the closed form is timed as a search uses it (what a
leaf of the tree costs on an input shape is remembered) and with nothing remembered. ``--networks`` for fewer,
``--json PATH`` writes the results, too.
"""

from __future__ import annotations

import pickle
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from budgetnet.network.cost.closed_form import layers
from budgetnet.network.cost.combine import count_leaf
from budgetnet.network.nodes import Node
from budgetnet.network.shapes import builtin_shape
from budgetnet.network.torch.build import build_nodes
from budgetnet.network.torch.measure import measure_module, measure_nodes
from budgetnet.space.counting.depths import tabulate_depths
from budgetnet.space.counting.table import Table
from budgetnet.space.sampling import draw_fitting, draw_stratified
from budgetnet.space.space import Space
from tests.benchmarks.spaces import arguments, example, finish, flagship, header, markdown, table_of

__all__ = ["compared", "drawn", "speeds"]

CLASSES = ((1, 14), (15, 24), (25, 34), (35, 1000))
"""Networks by their number of layers (leaf modules that compute something)."""


def drawn(count: int, seed: int = 0) -> list[tuple[Space, Node]]:
    """Networks of all sizes and depths, a quarter from each source."""
    rng = random.Random(seed)
    study, language = flagship(), example()
    table, other, deep = table_of(study), table_of(language), tabulate_depths(study)
    assert isinstance(deep, Table)
    quarter = -(-count // 4)
    found = [(study, draw_fitting(table, rng)) for _ in range(quarter)]
    found += [(study, draw_fitting(table, rng, weighting="uniform")) for _ in range(quarter)]
    found += [(study, each) for each in draw_stratified(deep, rng, quarter, along="depth", bands=len(deep.depths))]
    found += [(language, draw_fitting(other, rng)) for _ in range(quarter)]
    return [(space, each.expansion.network) for space, each in found[:count]]


def compared(networks: list[tuple[Space, Node]]) -> dict[str, int]:
    """How many networks have equal parameters, FLOPs and activations by both counts."""
    equal = dict.fromkeys(("params", "flops", "activations"), 0)
    for space, network in networks:
        ours, theirs = space.cost(network), measure_nodes(network, space.input_shape)
        for name in equal:
            equal[name] += getattr(ours, name) == getattr(theirs, name)
    return {"networks": len(networks), **equal}


def speeds(networks: list[tuple[Space, Node]], sample: int = 30) -> list[dict[str, Any]]:
    """Networks per CPU second, by number of layers."""
    by_class: dict[tuple[int, int], list[tuple[Space, Node]]] = {limits: [] for limits in CLASSES}
    for space, network in networks:
        number = len(layers(network, space.input_shape))
        by_class[next(limits for limits in CLASSES if limits[0] <= number <= limits[1])].append((space, network))
    found = []
    for limits, members in by_class.items():
        if not members:
            continue
        few = members[:sample]
        warm = _seconds(lambda members=members: [space.cost(network) for space, network in members]) / len(members)
        cold = median(_cold(space, network) for space, network in few)
        modules = [(build_nodes(network, space.input_shape), space.input_shape) for space, network in few]
        counting = _seconds(lambda modules=modules: [measure_module(*each) for each in modules], 2) / len(few)
        whole = _seconds(
            lambda few=few: [measure_nodes(network, space.input_shape) for space, network in few], 2
        ) / len(few)
        found.append(
            {
                "layers": f"{limits[0]}–{limits[1]}" if limits[1] < 1000 else f"≥ {limits[0]}",
                "networks": len(members),
                "median layers": int(median(len(layers(network, space.input_shape)) for space, network in members)),
                "closed form, µs": 1e6 * warm,
                "per second": int(1 / warm),
                "nothing remembered, µs": 1e6 * cold,
                "fvcore, ms": 1e3 * counting,
                "with building, ms": 1e3 * whole,
                "ratio": int(counting / warm),
                "ratio with building": int(whole / warm),
                "ratio, nothing remembered": int(whole / cold),
            }
        )
    return found


def _seconds(run: Callable[[], object], rounds: int = 5) -> float:
    """CPU time of a call, the best of some rounds: other work on the machine does not count."""
    best = float("inf")
    for _ in range(rounds):
        begun = time.process_time()
        run()
        best = min(best, time.process_time() - begun)
    return best


def _cold(space: Space, network: Node) -> float:
    network = pickle.loads(pickle.dumps(network))  # with operations of its own, which remember nothing yet
    count_leaf.cache_clear()
    builtin_shape.cache_clear()
    begun = time.process_time()
    space.cost(network)
    return time.process_time() - begun


def main() -> None:
    """Print both tables."""
    chosen = arguments(__doc__, networks=2000)
    begun = header()
    networks = drawn(chosen.networks)
    equal = compared(networks)
    print(markdown([equal]) + "\n")
    found = speeds(networks)
    print(markdown(found))
    finish(begun, {"equal": equal, "speeds": found}, chosen.json)
    assert set(equal.values()) == {len(networks)}


if __name__ == "__main__":
    main()
