"""Where a search by the model loses accuracy, on synthetic worlds: never trained, not among the full, not chosen.

    python -m tests.benchmarks.stages_lost [--families size,shallow] [--trials 40] [--runs 30]

An oracle replaces one stage after the other. Had it chosen among the networks trained in full, the regret would be
that of the best of these; had it chosen the finalists, too, that of the best network trained at all; the rest is lost
by what was never trained. Worlds are drawn on networks of the flagship's space and of the two recorded tables, in
turns, whose own scores are not used (`tests.benchmarks.families`); every training has new noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from tests.benchmarks.families import FAMILIES, drawn, world
from tests.benchmarks.rivals import CONTENDERS
from tests.benchmarks.search_table import budget
from tests.benchmarks.simulated import Floats, Simulation, Table, read_table
from tests.benchmarks.tables import table as text_table

__all__ = ["stages"]

TABLES = Path(__file__).parent / "tables"
FLAGSHIP = Path("studies/cifar10-200k.yaml")
NETWORKS = 300
"""Drawn of the flagship's space."""
FIRST_WORLD = 700
"""Number of the first world, apart from those of other benchmarks."""
HEADS = ("regret", "never trained", "not in full", "not chosen", "brief", "networks in full", "full trainings")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--contender", default="model", choices=tuple(CONTENDERS))
    asked = parser.parse_args()
    bases = [drawn(FLAGSHIP, NETWORKS)]
    bases += [read_table(TABLES / f"{name}.csv", TABLES / f"{name}.yaml", (3, 16, 16)) for name in ("shapes", "widths")]
    rows = []
    for family in asked.families.split(","):
        worlds = (world(FAMILIES[family], bases[run % len(bases)], FIRST_WORLD + run) for run in range(asked.runs))
        found = np.array([stages(made, asked.trials, run, asked.contender) for run, made in enumerate(worlds)])
        error = found[:, 0].std() / np.sqrt(asked.runs)
        mean = found.mean(axis=0)
        parts = [*(f"{value:.2f}" for value in mean[1:4]), *(f"{value:.1f}" for value in mean[4:])]
        rows.append([family, f"{mean[0]:.2f} ± {error:.2f}", *parts])
        print(rows[-1], flush=True)
    print(text_table(["family", *HEADS], rows))


def stages(table: Table, trials: int, run: int, contender: str = "model") -> Floats:
    """Return the regret of one search, its three parts in points, and what it trained, in the order of `HEADS`."""
    simulation = Simulation(table, budget(table, trials, 3, 3), np.random.default_rng([7, run]), fresh=True)
    regret = simulation.regret(CONTENDERS[contender](simulation, trials, 3, 3))
    trained = min(map(simulation.regret, {*simulation.briefs, *simulation.fulls}))
    full = min(map(simulation.regret, simulation.fulls), default=regret)
    trainings = sum(map(len, simulation.fulls.values()))
    counts = len(simulation.briefs), len(simulation.fulls), trainings
    return np.array([regret, trained, full - trained, regret - full, *counts])


if __name__ == "__main__":
    main()
