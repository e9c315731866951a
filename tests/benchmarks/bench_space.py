"""How fast a space is drawn from, counted through and searched: ``python -m tests.benchmarks.bench_space``.

Prints one line per measurement; times are of one thread, the best of several runs where they are short.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

from budgetnet.explore.from_draws import explore_draws
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.space.choosers import prior
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.judge import derive as derive_and_judge
from budgetnet.space.judge import draw, judge
from budgetnet.space.mutate import mutate
from budgetnet.space.recognise import recognise
from budgetnet.space.sampling import draw_fitting
from budgetnet.space.space import Space
from budgetnet.space.within_budget import derive_within_budget
from tests.space.spaces import FLAGSHIP, space_of

WIDER = FLAGSHIP.replace("stage(24|32){1..2} stage(48|64|96){1..2}", "stage(16..48:8){1..2} stage(48..128:8){1..2}")
DEEPER = FLAGSHIP.replace("stage(24|32){1..2} stage(48|64|96){1..2}", "stage(16..128:8){1..4}").replace(
    "block(c){1..3}", "block(c){1..4}"
)
CELLS = """
network = conv(3, 16, act=none) tied(cell){5} down(32) tied(cell){5} down(64) tied(cell){5} gap linear(classes)
cell = graph { h1 = op(x); h2 = op(x) + op(h1); h3 = op(x) + op(h1) + op(h2); return h3 }
op = zero | identity | conv(1, in, order="act conv norm") | conv(3, in, order="act conv norm") | avgpool(3, 1, 1)
down(c) = conv(3, c, stride=2)
"""
SPACES = {"design's example": FLAGSHIP, "more widths": WIDER, "four free stages": DEEPER, "tied cells": CELLS}


def space(text: str, **bounds: int) -> Space:
    """A space for CIFAR-10."""
    return space_of(text, shape=(3, 32, 32), classes=10, **bounds)


def report(what: str, run: Callable[[], object], times: int = 100) -> None:
    """Print the mean time of a call, the best of three rounds."""
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(times):
            run()
        best = min(best, (time.perf_counter() - begun) / times)
    print(f"{what:<40}{best * 1000:9.2f} ms{1 / best:12,.0f} per second")


def main() -> None:
    """Run everything."""
    here = space(FLAGSHIP, params=200_000, flops=60_000_000)
    table = tabulate(here)
    assert isinstance(table, Table)
    rng = random.Random(0)
    candidate = draw_fitting(table, rng)
    network = candidate.expansion.network
    report("derive by the prior", lambda: here.expand(prior(rng)))
    report("count by the closed form and judge", lambda: judge(here, candidate.expansion))
    report("draw and judge", lambda: draw(here, rng))
    report("derive within the budget, by the prior", lambda: derive_within_budget(table, prior(rng)))
    report(
        "derive within the budget, uniformly",
        lambda: derive_within_budget(table, prior(rng), weighting="uniform"),
    )
    report("mutate", lambda: mutate(candidate.expansion.answers, rng, partial(derive_and_judge, here)))
    report("canonical hash", lambda: canonical_hash(network))
    report("recognise", lambda: recognise(network, here), 20)
    report("sample 100 networks", lambda: explore_draws(here, 100, 0), 1)
    print()
    for name, text in SPACES.items():
        for bounds in ({"params": 200_000}, {"params": 200_000, "flops": 60_000_000}):
            made = tabulate(space(text, **bounds))
            assert isinstance(made, Table)
            print(
                f"table of {name:<18}{'+'.join(bounds):<14}{made.seconds:7.2f} s{made.states:8,} states"
                f"{made.bytes / 2**20:8,.0f} MiB  {made.derivations:.3e} derivations"
                + (f", {made.fitting:.3e} fit" if made.fitting is not None else ", costs not told apart")
            )


if __name__ == "__main__":
    main()
