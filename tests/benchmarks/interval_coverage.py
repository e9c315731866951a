"""Share of full trainings that lie in the model's 90 % intervals, after simulated searches on a table.

    python -m tests.benchmarks.interval_coverage TABLE.csv STUDY.yaml [--input 3x16x16] [--trials 40] [--runs 20]

A search by the model trains some networks. Then every network of the table that it did not train in full is predicted,
and one full training of it (a seed of the table) lies in the interval or not: as the model's fit gives it, and widened
by what the model's full trainings were off when left out (`budgetnet.search.model.trust.Trust.half_width`). Networks
that were chosen by the search are also told apart: those among the tenth with the highest predictions.
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
from tests.benchmarks.rivals import model as by_model
from tests.benchmarks.search_table import budget
from tests.benchmarks.simulated import Simulation, Table, input_shape, read_table
from tests.benchmarks.tables import table as text_table

__all__ = ["covered"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--input", type=input_shape, default=None, help="where the images are not the study's")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--runs", type=int, default=20)
    asked = parser.parse_args()
    try:
        table = read_table(asked.table, asked.study, asked.input)
    except BudgetnetError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(2) from None
    found = np.array([covered(table, asked.trials, run) for run in range(asked.runs)])
    error = found.std(axis=0, ddof=1) / np.sqrt(asked.runs)
    heads = ["intervals of 90 %", "all others", "the tenth predicted best", "mean half width, points"]
    rows = [
        [
            name,
            *(f"{found[:, kind, c].mean():.3f} ± {error[kind, c]:.3f}" for c in (0, 1)),
            f"{found[:, kind, 2].mean():.2f}",
        ]
        for kind, name in enumerate(("as fitted", "widened by leave-one-out"))
    ]
    print(f"{len(table)} networks, {asked.trials} trials, {asked.runs} runs")
    print(text_table(heads, rows))


def covered(table: Table, trials: int, run: int) -> np.ndarray:
    """Return shares covered of all and of the best, and mean half width, (2 kinds of intervals, 3)."""
    simulation = Simulation(table, budget(table, trials, 3, 3), np.random.default_rng([7, run]), fresh=False)
    by_model(simulation, trials, 3, 3)
    seen = [Observation(table.texts[p], s, brief=True) for p, scores in simulation.briefs.items() for s in scores]
    seen += [Observation(table.texts[p], s, brief=False) for p, scores in simulation.fulls.items() for s in scores]
    plan = Plan(brief=table.price_brief, full=table.price_full, epochs=simulation.left)
    fitted = Policy(plan, table.matrix, reference=table.texts).model(seen)
    others = [place for place in range(len(table)) if place not in simulation.fulls]
    mean, deviation = fitted.moments([table.texts[place] for place in others])
    deviation = np.hypot(deviation, fitted.noise[1])
    off = np.abs(table.full[others, 0] - mean)
    best = mean >= np.quantile(mean, 0.9)
    widths = (float(norm.ppf(0.95)), judge_model(fitted, seen).half_width())
    return np.array([
        [np.mean(inside := off <= width * deviation), np.mean(inside[best]), 100 * np.mean(width * deviation)]
        for width in widths
    ])  # fmt: skip


if __name__ == "__main__":
    main()
