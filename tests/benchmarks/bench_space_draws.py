"""What budget-aware draws give, and how fast: ``python -m tests.benchmarks.bench_space_draws``.

Draws from the flagship grammar by its prior, given the budget, and checks all by the closed form and some by fvcore, in
two ways: as a search derives (looking ahead for all bounds at once; whatever breaks one all the same would be counted),
and as `sample` and `explore` draw (exact proportions; what breaks FLOPs is drawn again, and counted). Then how depths
and parameters are distributed, beside other ways to draw (``--draws``, ``--checked`` and ``--others`` for fewer,
``--json PATH`` writes the results, too):

- the grammar's prior, whatever it costs;
- pruning afterwards: the same, and what is over budget is thrown away;
- pruning afterwards with a sampler that learns: Optuna's TPE, for which a network over budget is a pruned trial and
  all that fit are equally good (what users of such searches complain of: optuna issue 2969);
- uniformly over all derivations that fit;
- stratified by parameters and by depth.
"""

from __future__ import annotations

import random
import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any

import optuna

from budgetnet.derivation.decision import Decision
from budgetnet.network.cost.types import Cost
from budgetnet.network.torch.measure import measure
from budgetnet.records.parameters import option_index, parameter_distribution
from budgetnet.space import within_budget
from budgetnet.space.choosers import prior
from budgetnet.space.counting.depths import tabulate_depths
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import Candidate, Rejection, derive, draw, judge
from budgetnet.space.sampling import draw_fitting, draw_stratified
from budgetnet.space.space import Space
from tests.benchmarks.spaces import arguments, bars, finish, flagship, header, markdown, quantiles, table_of

__all__ = ["LEVELS", "aware", "distributions", "pruned_by_tpe"]

LEVELS = (0.01, 0.1, 0.5, 0.9, 0.99)
SIZES = range(40_000, 200_000, 10_000)


def aware(space: Space, draws: int, checked: int, seed: int = 0) -> tuple[dict[str, Any], list[Cost]]:
    """Draw within the budget; count how many are over it by the closed form, and by fvcore of a sample."""
    table = table_of(space)
    rng = random.Random(seed)
    begun, worked = time.perf_counter(), time.process_time()
    ahead = [judge(space, within_budget.derive_within_budget(table, prior(rng))) for _ in range(draws)]
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    rejected: Counter[str] = Counter()
    drawn = [draw_fitting(table, rng, rejected=rejected) for _ in range(draws)]
    costs = [space.cost(each.expansion.network) for each in drawn]
    unequal = over = 0
    for each in random.Random(seed).sample(drawn, checked):
        counted = measure(each.expansion.network, space.input_shape)
        unequal += (counted.params, counted.flops) != (each.cost.params, each.cost.flops)
        limits = space.budget.bounds()
        over += counted.params > limits["params"] or counted.flops > limits["flops"]
    summary = {
        "draws, looking ahead for all bounds": draws,
        "of these over budget": sum(isinstance(each, Rejection) for each in ahead),
        "per second, with counting": draws / seconds,
        "per CPU second, with counting": draws / worked,
        "draws in exact proportions": draws,
        "over budget before them, drawn again": sum(rejected.values()),
        "over budget among them": sum(space.budget.excess(cost) is not None for cost in costs),
        "built, counted by fvcore": checked,
        "of the built over budget": over,
        "counts unequal": unequal,
    }
    return summary, costs


def pruned_by_tpe(space: Space, draws: int, seed: int = 0) -> list[Cost]:
    """What a learning sampler proposes that is told of a budget by pruning alone; the second half of its proposals."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rng = random.Random(seed)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    found: list[Cost] = []
    for place in range(draws):
        trial = study.ask()

        def choose(decision: Decision, trial: optuna.Trial = trial) -> int:
            kind = parameter_distribution(decision)
            if isinstance(kind, optuna.distributions.CategoricalDistribution):
                index = option_index(decision, trial.suggest_categorical(decision.name, kind.choices))
            else:
                index = option_index(decision, trial.suggest_int(decision.name, kind.low, kind.high))
            return prior(rng)(decision) if index is None else index

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn = derive(space, choose)
        if isinstance(drawn, Candidate):
            study.tell(trial, 0.5 + 0.001 * rng.random())
            if place >= draws // 2:
                found.append(drawn.cost)
        else:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
    return found


def distributions(space: Space, ours: Sequence[Cost], count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Depths and parameters of networks drawn in several ways; *ours* are budget-aware draws by the prior."""
    table, deep = table_of(space), tabulate_depths(space)
    assert isinstance(deep, Table)
    rng = random.Random(seed)
    plain = [draw(space, rng) for _ in range(count)]
    ways: dict[str, Callable[[], Sequence[Cost]]] = {
        "prior, no budget": lambda: [each.cost for each in plain if each.cost],
        "pruned afterwards": lambda: [each.cost for each in plain if isinstance(each, Candidate)],
        "pruned afterwards, TPE": lambda: pruned_by_tpe(space, min(count, 400), seed),
        "budget-aware, prior": lambda: ours,
        "budget-aware, uniform": lambda: [draw_fitting(table, rng, weighting="uniform").cost for _ in range(count)],
        "stratified by parameters": lambda: [
            each.cost for each in draw_stratified(table, rng, count, along="size", bands=10)
        ],
        "stratified by depth": lambda: [
            each.cost for each in draw_stratified(deep, rng, count, along="depth", bands=len(deep.depths))
        ],
    }
    rows = []
    for name, make in ways.items():
        costs = make()
        depths, params = [cost.depth for cost in costs], [cost.params for cost in costs]
        rows.append(
            {
                "way": name,
                "networks": len(costs),
                "depth quantiles": " ".join(map(str, quantiles(depths, LEVELS))),
                "depths": bars([depths.count(depth) for depth in deep.depths]),
                "parameters in k": " ".join(f"{size / 1000:.0f}" for size in quantiles(params, LEVELS)),
                "parameters": bars([sum(low <= size < low + 10_000 for size in params) for low in SIZES]),
            }
        )
    return rows


def main() -> None:
    """Print both tables."""
    chosen = arguments(__doc__, draws=100_000, checked=1000, others=2000)
    begun = header()
    space = flagship()
    summary, costs = aware(space, chosen.draws, chosen.checked)
    print(markdown([{"what": name, "value": value} for name, value in summary.items()]))
    rows = distributions(space, list(islice(costs, 10 * chosen.others)), chosen.others)
    levels = ", ".join(f"{level:.0%}" for level in LEVELS)
    print(f"\nQuantiles at {levels}; bars: by depth, and by 10k parameters from 40k to 200k.\n")
    print(markdown(rows))
    finish(begun, {"aware": summary, "distributions": rows}, chosen.json)


if __name__ == "__main__":
    main()
