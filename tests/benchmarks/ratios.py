"""Is anything slower than at another commit: ``python -m tests.benchmarks.ratios --against FOLDER``.

The folder is a checkout of that commit (``git worktree add --detach FOLDER 8326343``). One process for each side draws
the same networks from the flagship study; then the two take turns, measurement by measurement, so that whatever else
the machine does meets both. Times are processor time of one thread. A ratio below 1 says that this checkout is faster:
of the fastest runs, and the median of the ratios of neighbouring runs. ``--rounds`` for more of them, ``--only WORD``
for some.
"""

from __future__ import annotations

import argparse
import gc
import os
import pickle
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import optuna

from tests.benchmarks.tables import table

ROOT = Path(__file__).parents[2]

TRIALS = 12
"""Of a search: a trial takes a quarter of a second on either side, and ``tpe`` follows its model from the eleventh."""


def first(*places: str) -> Any:
    """Import the first of some names that exists: names at this commit, then those before the rooms (8326343)."""
    for place in places:
        module, _, name = place.partition(":")
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            continue
    raise ImportError(f"none of these exists: {', '.join(places)}")


def measurements() -> Iterator[tuple[str, Callable[[], object], Callable[[], object]]]:
    """Names, what is timed under them, and what is done before that; with the names of either side."""
    spaces = import_module("tests.benchmarks.spaces")
    prior = first("budgetnet.space.choosers:prior")
    tabulate = first("budgetnet.space.counting.tabulate:tabulate", "budgetnet.space.tabulate:tabulate")
    judge = first("budgetnet.space.judge:judge", "budgetnet.space.draw:judge")
    draw = first("budgetnet.space.judge:draw", "budgetnet.space.draw:draw")
    within = first("budgetnet.space.within_budget:derive_within_budget", "budgetnet.space.fitting:derive")
    draw_fitting = first("budgetnet.space.sampling:draw_fitting", "budgetnet.space.fitting_draws:draw_fitting")
    digest = first("budgetnet.network.canonical.hash:canonical_hash", "budgetnet.space.identity:canonical_hash")
    recognise = first("budgetnet.space.recognise:recognise")
    tally = first("budgetnet.explore.from_draws:draw_statistics", "budgetnet.space.tally:tally")
    leaf = first("budgetnet.network.cost.combine:count_leaf", "budgetnet.network.leaves:leaf")
    more = [
        first("budgetnet.network.shapes:builtin_shape"),
        first("budgetnet.network.leaves:rows", "budgetnet.ops.norm:norm_specs"),
        first("budgetnet.network.leaves:rows", "budgetnet.ops.pointwise:act_specs"),
    ]
    mutate = import_module("budgetnet.space.mutate").mutate
    space, example = spaces.flagship(), spaces.example()
    made = tabulate(space)
    rng = random.Random(0)
    drawn = [draw_fitting(made, rng).expansion for _ in range(300)]
    networks = [each.network for each in drawn]
    # Both sides must time the same work; derivations of one seed differ where a draw asks for its choices otherwise.
    print("drawn", sum(space.cost(each).flops for each in networks), len(set(map(digest, networks))), file=sys.stderr)

    copies: list[Any] = []

    def copy() -> None:
        copies[:] = [pickle.loads(pickle.dumps(each)) for each in networks[:60]]  # with operations of their own

    def count_anew() -> None:
        for each in copies:
            leaf.cache_clear()
            for also in more:
                also.cache_clear()
            space.cost(each)

    def mutated(each: Any, rng: random.Random) -> object:
        if hasattr(each, "answers"):
            derive = import_module("budgetnet.space.judge").derive
            return mutate(each.answers, rng, partial(derive, space))
        return mutate(space, each.decisions, rng)

    yield "closed form", lambda: [space.cost(each) for each in networks], gc.collect
    yield "closed form, nothing remembered", count_anew, copy
    yield "judge", lambda: [judge(space, each) for each in drawn], gc.collect
    yield "derive by the prior", lambda: [space.expand(prior(random.Random(k))) for k in range(150)], gc.collect
    yield "draw and judge", lambda: [draw(space, random.Random(k)) for k in range(150)], gc.collect
    yield "draw what fits, by the prior", lambda: [draw_fitting(made, random.Random(k)) for k in range(100)], gc.collect
    yield (
        "draw what fits, uniformly",
        lambda: [draw_fitting(made, random.Random(k), weighting="uniform") for k in range(60)],
        gc.collect,
    )
    yield "derive within the budget", lambda: [within(made, prior(random.Random(k))) for k in range(60)], gc.collect
    yield "mutate", lambda: [mutated(each, random.Random(k)) for k, each in enumerate(drawn[:60])], gc.collect
    yield "canonical hash", lambda: [digest(each) for each in networks], gc.collect
    yield "recognise", lambda: [recognise(each, space) for each in networks[:20]], gc.collect
    yield "explore 200 draws", lambda: tally(space, 200, 0), gc.collect
    yield "table of the study", lambda: tabulate(spaces.flagship()), gc.collect
    yield "table of the example", lambda: tabulate(example), gc.collect
    searched = import_module("tests.benchmarks.bench_space_search").searched
    study = first("budgetnet.files.study_file:load_study", "budgetnet.search.study_file:read_study")(spaces.STUDY)
    for sampler in ("random", "tpe", "evolution"):
        yield f"search, {TRIALS} trials by {sampler}", partial(_search, searched, study, sampler), gc.collect


def _search(searched: Callable[..., object], study: object, sampler: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        searched(study, sampler, TRIALS, Path(folder))


def serve(only: str) -> None:
    """Time what is asked for, line by line: the side that runs in a process of its own."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    work = {name: (run, prepare) for name, run, prepare in measurements() if only in name}
    print("\t".join(work), flush=True)
    for line in sys.stdin:
        run, prepare = work[line.rstrip("\n")]
        prepare()
        begun = time.process_time()
        run()
        print(time.process_time() - begun, flush=True)


class Side:
    """A process that measures one checkout."""

    def __init__(self, folder: Path, only: str) -> None:
        environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{SERVER.format(only=only)}"]
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.names = self._answer().split("\t")

    def seconds(self, name: str) -> float:
        """Return the processor time of one run."""
        assert self._process.stdin is not None
        print(name, file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of a side ended with code {self._process.wait()}")
        return line.rstrip("\n")


SERVER = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("ratios_server", {str(Path(__file__))!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.serve({{only!r}})
"""


def main() -> None:
    """Print one row per measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--against", type=Path, required=True, help="a checkout of the other commit")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--only", default="", help="measurements with this word in their name")
    given = parser.parse_args()
    here, other = Side(ROOT, given.only), Side(given.against.resolve(), given.only)
    rows = []
    for name in here.names:
        pairs = []
        for turn in range(given.rounds + 1):
            sides = (here, other) if turn % 2 else (other, here)
            times = {side: side.seconds(name) for side in sides}
            if turn:  # the first fills what is remembered
                pairs.append((times[here], times[other]))
        fastest, slowest = min(own for own, _ in pairs), min(others for _, others in pairs)
        middle = statistics.median(own / others for own, others in pairs)
        rows.append([name, f"{1e3 * fastest:.1f}", f"{1e3 * slowest:.1f}", f"{fastest / slowest:.2f}", f"{middle:.2f}"])
        print(*rows[-1], sep="  ", file=sys.stderr, flush=True)
    print(table(["CPU time of", "here, ms", "there, ms", "ratio of fastest", "median ratio"], rows))


if __name__ == "__main__":
    main()
