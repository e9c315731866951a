"""How long the policy of a search takes to decide, by the number of trainings it knows.

    python -m tests.benchmarks.policy_speed [--trainings 10,200,1000,3000] [--repeats 9]

*usual*: the model takes in what was trained since, with the hyperparameters it has. *refit*: hyperparameters are fitted
again, which happens whenever the trainings have grown by 40 %. Features are random, as many as the flagship's; one
training in eight is a full one, at most 60; 200 networks are on offer, ready made: what drawing them takes is the
space's (`bench_space_draws`). Processor time of one thread: set OMP_NUM_THREADS=1.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from budgetnet.search.model.matrix import Matrix
from budgetnet.search.model.policy import Offered, Plan, Policy, PolicyTraining
from tests.benchmarks.tables import spread, table

__all__ = ["decided"]

FEATURES = 96
OFFERED = 200


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trainings", default="10,200,1000,3000")
    parser.add_argument("--repeats", type=int, default=9)
    asked = parser.parse_args()
    rows = []
    for count in [int(one) for one in asked.trainings.split(",")]:
        found = [decided(count, seed) for seed in range(asked.repeats)]
        rows.append([str(count), *(spread([1e3 * one[kind] for one in found], 0) for kind in (0, 1))])
    print(table(["trainings", "usual, ms of processor", "refit, ms of processor"], rows))


def decided(count: int, seed: int) -> tuple[float, float]:
    """Return the seconds of a usual decision, and of one that fits hyperparameters again."""
    rng = np.random.default_rng(seed)
    groups = ("size.params", "size.flops", "form.depth", *(f"op.{place}" for place in range(FEATURES - 3)))
    matrix = Matrix()
    keys = [str(place) for place in range(count + OFFERED)]
    values = rng.standard_normal((len(keys), len(groups)))
    for key, row in zip(keys, values, strict=True):
        matrix.add(key, dict(zip(groups, row.tolist(), strict=True)))
    full = set(rng.permutation(count)[: min(60, count // 8)].tolist())
    worth = 0.8 + 0.01 * values[:, 0] + 0.01 * values[:, 3]
    trainings = [
        PolicyTraining(key, True, float(w + 0.01 * rng.standard_normal()))
        for key, w in zip(keys[:count], worth, strict=False)
    ]
    trainings += [PolicyTraining(keys[place], False, float(worth[place])) for place in full]
    plan = Plan(brief=3, full=20, epochs=1e6)
    policy = Policy(plan, matrix, reference=keys[:200])
    offered = Offered(keys[count : count + OFFERED // 2], keys[count + OFFERED // 2 :])
    seconds = []
    for _ in range(3):
        begun = time.process_time()
        policy.next(trainings, lambda _: offered, np.random.default_rng(1))
        seconds.append(time.process_time() - begun)
    return statistics.median(seconds[1:]), seconds[0]


if __name__ == "__main__":
    main()
