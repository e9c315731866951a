"""The same seed gives the same networks in another process, whatever that process's hash seed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAM = """
import random
from functools import partial
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of
from budgetnet.space.judge import Candidate, derive, draw
from budgetnet.explore.explore import explore_space
from budgetnet.space.sampling import draw_fitting
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.space.mutate import mutate
from budgetnet.space.recognise import recognise
from budgetnet.space.counting.tabulate import tabulate

space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=100_000, flops=30_000_000)
rng = random.Random(7)
table = tabulate(space)
drawn = [draw_fitting(table, rng, weighting=weighting) for weighting in ("prior", "uniform") for _ in range(3)]
for candidate in drawn:
    print(canonical_hash(candidate.expansion.network), candidate.cost)
    print(mutate(candidate.expansion.answers, rng, partial(derive, space)))
    print(recognise(candidate.expansion.network, space))
print([draw(space, rng) for _ in range(5)])
small = space_of(GRAMMARS["same thing twice"], params=150, flops=2000)
found = explore_space(small, draws=30, seed=1).to_json()
found["census"].pop("seconds")
print(found)
"""


def run(hash_seed: str) -> str:
    """What the program prints."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_two_processes_agree() -> None:
    """Draws, mutations, recognition, hashes and explorations are equal in two processes."""
    first = run("1")
    assert len(first.splitlines()) == 20
    assert run("2") == first
