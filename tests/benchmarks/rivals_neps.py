"""NePS (``neural-pipeline-search``) as a contender of `search_table`, where it is installed.

It pins older versions of pandas, networkx and BoTorch, so give it an environment of its own:

    python -m venv neps && neps/bin/pip install neural-pipeline-search && neps/bin/pip install -e .
    neps/bin/python -m tests.benchmarks.search_table … --contenders model,neps

Its space is said as far as it can be: one unordered choice for each decision that occurs among the table's networks. It
cannot say that a decision exists only after another one, nor the budget: a decision that does not come up is ignored,
and what is over budget or not in the table is told as the worst accuracy seen so far, without costing epochs.
"""

from __future__ import annotations

import importlib.util
import random
import warnings

import numpy as np

from budgetnet.derivation.decision import Decision, Label
from budgetnet.errors import LanguageError, ShapeError
from tests.benchmarks.simulated import Simulation, Table, text_of

__all__ = ["MISSING", "installed", "neps_briefly"]

MISSING = "neps is left out: NePS is not installed; pip install neural-pipeline-search (see rivals_neps)"
PROPOSALS = 3
"""Proposals for each training after which NePS is given up as stuck."""


def installed() -> bool:
    """Return whether NePS can be imported."""
    return importlib.util.find_spec("neps") is not None


def choices(table: Table) -> dict[str, list[Label]]:
    """Return the labels of each decision that occur among a table's networks."""
    found: dict[str, list[Label]] = {}
    for answers in table.answers:
        for one in answers:
            labels = found.setdefault(one.decision.name, [])
            if one.label not in labels:
                labels.append(one.label)
    return found


def neps_briefly(simulation: Simulation, trials: int) -> None:
    """Train briefly what NePS's Bayesian optimisation proposes; a network that was trained before is told as it was."""
    warnings.simplefilter("ignore")
    import neps
    import torch

    table = simulation.table
    seed = int(simulation.rng.integers(1 << 31))
    random.seed(seed)
    np.random.seed(seed)  # NePS draws from the global generators
    torch.manual_seed(seed)
    labels = choices(table)
    space = neps.SearchSpace(
        {
            name: neps.HPOCategorical([str(label) for label in mine])
            if len(mine) > 1
            else neps.HPOConstant(str(mine[0]))
            for name, mine in labels.items()
        }
    )
    start = min(10, max(3, trials // 4))
    asking = neps.AskAndTell(neps.algorithms.bayesian_optimization(space, initial_design_size=start))
    worst = 1.0
    for _ in range(PROPOSALS * trials):
        if len(simulation.briefs) == trials:
            return
        trial = asking.ask()
        said = dict(trial.config)

        def answer(decision: Decision, said: dict[str, str] = said) -> int:
            mine = said.get(decision.name)
            return next((index for index, label in enumerate(decision.labels) if str(label) == mine), 0)

        try:
            place = table.places.get(text_of(table.space.expand(answer).network))
        except (LanguageError, ShapeError):
            place = None
        if place is None:
            asking.tell(trial, 1.0 - worst)
            continue
        accuracy = simulation.briefs[place][0] if place in simulation.briefs else simulation.train(place, brief=True)
        worst = min(worst, accuracy)
        asking.tell(trial, 1.0 - accuracy)
