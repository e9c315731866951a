"""Are the exact counts right, and how fast are they: ``python -m tests.benchmarks.bench_space_counts``.

Three tables, printed as Markdown (``--json PATH`` writes them, too; ``--draws N`` for fewer samples):

1. exact counts against brute force on small grammars that use every construct;
2. exact shares against sampled derivations of the flagship grammar within 200,000 parameters, by ranges of them, with
   z-scores;
3. the exact answer in a fresh process: seconds from its start, and its largest resident memory.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import erfc, sqrt
from typing import Any

from budgetnet.network.budget import Budget
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import draw
from budgetnet.space.sampling import draw_fitting
from budgetnet.space.space import Space
from tests.benchmarks.spaces import arguments, example, finish, flagship, header, markdown, table_of
from tests.space.spaces import GRAMMARS, all_derivations, space_of

__all__ = ["against_brute_force", "against_samples", "fresh_process"]

CUT = """
from prelude import regular, dilated, separable
network  = down(16|32, k=3|5) conv(3, 32|48) units{0..1} stage(64) stage(96) head
stage(c) = down(c) units{0..1}
down(c, k=3) = conv(k, c, norm=none, act=none) maxpool(2) norm act
units    = skip(unit(in))
unit(c)  = regular(c) @2 | regular(c){2} | dilated(c) | separable(c, k=3|5) | squeezed(c)
squeezed(c) = regular(c) se(4)
head     = gap linear(classes) | gmp linear(classes)
"""
"""The flagship's grammar with fewer widths and units, small enough to be enumerated."""

SMALL: dict[str, Callable[..., Space]] = {
    **{name: partial(space_of, text) for name, text in GRAMMARS.items()},
    "flagship, cut down": partial(space_of, CUT, shape=(3, 32, 32), classes=10),
}
SHOWN = ("repetition", "tied in anew", "graph", "recursion", "flagship, cut down")
"""What is printed of the small grammars."""
SPACES = {"flagship study": flagship, "language example": example}


def against_brute_force() -> list[dict[str, Any]]:
    """Totals and those that fit, by table and by enumeration, under three bounds on parameters for each grammar."""
    rows = []
    for name, make in SMALL.items():
        params = [found.cost.params for found in all_derivations(make()) if found.cost]
        for bound in sorted({max(params), sorted(params)[len(params) // 2], min(params)}):
            table = table_of(make(params=bound))
            rows.append(
                {
                    "grammar": name,
                    "bound": bound,
                    "derivations": table.derivations,
                    "enumerated": len(params),
                    "fitting": table.fitting,
                    "enumerated fit": sum(cost <= bound for cost in params),
                }
            )
    return rows


def against_samples(table: Table, draws: int, *, seed: int = 0, ranges: int = 20) -> list[dict[str, Any]]:
    """Exact prior mass and exact number per range of the axis, beside sampled ones, each with its z-score.

    The grammar's own draws know nothing of the table, so they check it. Uniform draws are made with it: they check
    that draws follow the numbers. The table's axis must be the only bound, since the numbers are of that bound alone
    and draws keep them all.
    """
    rng = random.Random(seed)
    assert table.axis is not None
    assert table.smallest is not None
    assert table.fitting is not None
    plain = [getattr(found.cost, table.axis, 0) for found in (draw(table.space, rng) for _ in range(draws))]
    even = [getattr(draw_fitting(table, rng, weighting="uniform").cost, table.axis) for _ in range(draws // 10)]
    steps = [table.smallest + (table.bound + 1 - table.smallest) * place // ranges for place in range(ranges + 1)]
    rows = []
    for low, high in [*((low, high - 1) for low, high in pairwise(steps)), (table.smallest, table.bound)]:
        number, mass = table.between(low, high)
        shares = [sum(low <= cost <= high for cost in costs) / len(costs) for costs in (plain, even)]
        rows.append(
            {
                "from": low,
                "to": high,
                "prior, exact": mass,
                "prior, sampled": shares[0],
                "z prior": _z(shares[0], mass, len(plain)),
                "number": number,
                "uniform, exact": number / table.fitting,
                "uniform, sampled": shares[1],
                "z uniform": _z(shares[1], number / table.fitting, len(even)),
            }
        )
    return rows


def _z(found: float, expected: float, count: int) -> float:
    """How many standard errors a sampled share is off."""
    return (found - expected) / sqrt(expected * (1 - expected) / count) if 0 < expected < 1 else 0.0


def fresh_process(name: str) -> dict[str, Any]:
    """The exact answer of one of `SPACES` in a process of its own."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "tests.benchmarks.bench_space_counts", name]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    return {"space": name, "seconds": time.perf_counter() - begun, **json.loads(done.stdout)}


def _answer(name: str) -> None:
    """What the fresh process does."""
    table = table_of(SPACES[name]())
    answer = {
        "table": table.seconds,
        "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "states": table.states,
        "derivations": table.derivations,
        "fitting": table.fitting,
    }
    print(json.dumps(answer))


def main() -> None:
    """Print all three."""
    chosen = arguments(__doc__, draws=100_000)
    begun = header()
    brute = against_brute_force()
    wrong = [row for row in brute if row["derivations"] != row["enumerated"] or row["fitting"] != row["enumerated fit"]]
    print(f"{len(SMALL)} small grammars, {len(brute)} bounds on parameters: {len(wrong)} differ from enumeration\n")
    print(markdown([row for row in brute if row["grammar"] in SHOWN]))
    assert not wrong, wrong
    print(f"\nThe flagship grammar, {chosen.draws:,} of its own draws and a tenth as many uniform ones:\n")
    space = flagship()
    alone = replace(space, budget=Budget(params=space.budget.params))
    sampled = against_samples(table_of(alone), chosen.draws)
    print(markdown(sampled))
    scores = [row[key] for row in sampled for key in ("z prior", "z uniform")]
    worst = max(map(abs, scores))
    chance = 1 - (1 - erfc(worst / sqrt(2))) ** len(scores)
    print(f"\nlargest |z| of {len(scores)}: {worst:.2f}; by chance it is beyond that in {chance:.0%} of cases")
    print("\nThe exact answer in a fresh process; `table` is the dynamic program alone:\n")
    fresh = [fresh_process(name) for name in SPACES]
    print(markdown(fresh))
    finish(begun, {"brute force": brute, "samples": sampled, "fresh process": fresh}, chosen.json)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SPACES:
        _answer(sys.argv[1])
    else:
        main()
