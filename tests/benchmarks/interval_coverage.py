"""Share of full trainings that lie in the model's 90 % intervals, after simulated searches on a table.

    python -m tests.benchmarks.interval_coverage TABLE.csv STUDY.yaml [--input 3x16x16] [--trials 40] [--runs 20]
        [--world biased]

A search by the model trains some networks. Then every network of the table that it did not train in full is predicted,
and one further full training of it lies in the interval or not: posterior and noise of a seed together, as the model's
fit gives them, and as `budgetnet.search.model.trust.Trust.half_width` makes them wider. Each seed of the table is such
a training: a single one would be unfair, since all networks of a seed share its images' order and its level. Networks
that the search would choose are also told apart: those among the tenth with the highest predictions.

``--world`` gives the table's networks scores of a synthetic family (`tests.benchmarks.families`), another world for
each run, and every network two new seeds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import norm

from budgetnet.errors import BudgetnetError
from budgetnet.search.model.policy import Plan, Policy
from budgetnet.search.model.surrogate import Observation
from budgetnet.search.model.trust import judge_model
from tests.benchmarks.families import FAMILIES, world
from tests.benchmarks.rivals import model as by_model
from tests.benchmarks.search_table import budget
from tests.benchmarks.simulated import Floats, Simulation, Table, input_shape, read_table
from tests.benchmarks.tables import table as text_table

__all__ = ["covered", "with_seeds"]

KINDS = ("as fitted", "Student's, widened")
FIRST_WORLD = 900
"""Number of the first world, apart from those of other benchmarks."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--input", type=input_shape, default=None, help="where the images are not the study's")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--world", choices=tuple(FAMILIES), default=None, help="scores of a synthetic family instead")
    asked = parser.parse_args()
    try:
        table = read_table(asked.table, asked.study, asked.input)
    except BudgetnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    if asked.world is not None:
        _ = table.chances  # the same in every world
    found = np.array([
        covered(table if asked.world is None else with_seeds(table, asked.world, run), asked.trials, run)
        for run in range(asked.runs)
    ])  # fmt: skip
    seeds = found.shape[2] - 2
    error = found.std(axis=0, ddof=1) / np.sqrt(asked.runs)
    heads = [
        "intervals of 90 %",
        *(f"seed {seed + 1}" for seed in range(seeds)),
        "the tenth predicted best",
        "half width",
    ]
    rows = [
        [
            name,
            *(f"{found[:, kind, c].mean():.3f} ± {error[kind, c]:.3f}" for c in range(seeds + 1)),
            f"{found[:, kind, -1].mean():.2f}",
        ]
        for kind, name in enumerate(KINDS)
    ]
    scores = "recorded scores" if asked.world is None else f"worlds of the family {asked.world}"
    print(f"{len(table)} networks, {scores}, {asked.trials} trials, {asked.runs} runs; half widths in points")
    print(text_table(heads, rows))


def with_seeds(base: Table, family: str, run: int) -> Table:
    """Return a table of the base's networks with scores of a world, each network with two full trainings."""
    made = world(FAMILIES[family], base, FIRST_WORLD + run)
    rng = np.random.default_rng([13, run])
    noise = made.noise
    made.full = made.full + noise[1] * rng.standard_normal((len(made), 2))
    made.brief = made.brief + noise[0] * rng.standard_normal((len(made), 1))
    return made


def covered(table: Table, trials: int, run: int) -> Floats:
    """Return shares covered of each seed and of the best, and mean half width, (2 kinds of intervals, seeds + 2)."""
    simulation = Simulation(table, budget(table, trials, 3, 3), np.random.default_rng([7, run]), fresh=False)
    by_model(simulation, trials, 3, 3)
    seen = [Observation(table.texts[p], s, brief=True) for p, scores in simulation.briefs.items() for s in scores]
    seen += [Observation(table.texts[p], s, brief=False) for p, scores in simulation.fulls.items() for s in scores]
    plan = Plan(brief=table.price_brief, full=table.price_full, epochs=simulation.left)
    fitted = Policy(plan, table.matrix, reference=table.texts).model(seen)
    others = [place for place in range(len(table)) if place not in simulation.fulls]
    mean, deviation = fitted.moments([table.texts[place] for place in others])
    deviation = np.hypot(deviation, fitted.noise[1])
    off = np.abs(table.full[others] - mean[:, None]) / deviation[:, None]
    trained = ~np.isnan(off)
    best = (mean >= np.quantile(mean, 0.9))[:, None] & trained
    rows = []
    for width in (float(norm.ppf(0.95)), judge_model(fitted, seen).half_width()):
        inside = off <= width
        by_seed = [inside[trained[:, seed], seed].mean() for seed in range(off.shape[1])]
        rows.append([*by_seed, inside[best].mean(), 100 * np.mean(width * deviation)])
    return np.array(rows)


if __name__ == "__main__":
    main()
