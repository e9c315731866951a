"""Contenders of `search_table`: each spends a simulation's epochs and returns the network it would export.

Those that train briefly first are given a number of trials; what their trials leave, full trainings get.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState

from budgetnet.derivation.decision import Decision
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.records.parameters import option_index, parameter_distribution, parameters
from budgetnet.records.trial import Record
from budgetnet.search.model.policy import Offered, Plan, Policy, PolicyTraining, SearchDone, TrainBriefly
from budgetnet.search.samplers.base import STARTUP
from budgetnet.search.samplers.evolution import EvolutionSampler
from budgetnet.search.samplers.tpe import TpeSampler
from budgetnet.space.judge import Candidate, derive
from budgetnet.space.mutate import mutate
from tests.benchmarks.rivals_neps import neps_briefly
from tests.benchmarks.simulated import Simulation, text_of

__all__ = ["CONTENDERS", "Contender"]

Contender = Callable[[Simulation, int, int, int], int]
"""Called with a simulation, the number of trials, finalists and seeds of each."""

ATTEMPTS = 400
"""Draws of a sampler that may hit no new network of the table before one is drawn by the grammar's weights."""
OFFERED = 100
"""Plain and other candidates each that the model may choose from."""
OPTUNA_LIMIT = 20
"""Proposals for each training after which plain Optuna is given up as stuck."""


def _by_weights(simulation: Simulation, without: Iterable[int], count: int = 1) -> list[int]:
    """Draw networks that were not trained, by the grammar's weights."""
    chances = simulation.table.chances.copy()
    chances[list(without)] = 0.0
    count = min(count, int((chances > 0).sum()))
    if not count:
        return []
    # Exponential races: the same as drawing one after the other without putting back.
    races = simulation.rng.exponential(size=len(chances)) / np.maximum(chances, 1e-300)
    races[chances == 0] = np.inf
    return [int(place) for place in np.argsort(races)[:count]]


def _finals(simulation: Simulation, order: Iterable[int], seeds: int) -> int:
    """Train networks in full, best first, each with some seeds, until the epochs are spent; the best mean wins."""
    seeds = min(seeds, simulation.seeds)
    for place in order:
        for _ in range(seeds):
            if simulation.may(brief=False):
                simulation.train(place, brief=False)
    if not simulation.fulls:
        return max(simulation.briefs, key=lambda place: simulation.briefs[place][0])
    return max(simulation.fulls, key=lambda place: float(np.mean(simulation.fulls[place])))


def _ranked(simulation: Simulation) -> list[int]:
    return sorted(simulation.briefs, key=lambda place: -simulation.briefs[place][0])


def random_search(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """Draw by the weights, within the budget; full trainings of the best by brief accuracy choose."""
    for place in _by_weights(simulation, [], trials):
        simulation.train(place, brief=True)
    return _finals(simulation, _ranked(simulation), seeds)


def _records(simulation: Simulation, order: list[int]) -> list[Record]:
    table = simulation.table
    return [
        Record(
            number=number, outcome="completed", hash=table.texts[place],
            decisions={one.decision.name: one.label for one in table.answers[place]},
            parameters=parameters(table.answers[place]),
            params=int(table.params[place]), accuracy=simulation.briefs[place][0], epochs=table.price_brief,
        )
        for number, place in enumerate(order)
    ]  # fmt: skip


def _ours(simulation: Simulation, trials: int, name: str) -> None:
    """Train briefly what a sampler of the package proposes."""
    table = simulation.table
    rng = random.Random(int(simulation.rng.integers(1 << 31)))
    startup = min(STARTUP, max(3, trials // 4))
    kind = {"evolution": EvolutionSampler, "tpe": TpeSampler}[name]
    sampler = kind(table.proposer, "accuracy", None, startup)
    order = _by_weights(simulation, [], min(startup, trials))
    for place in order:
        simulation.train(place, brief=True)
    while len(order) < min(trials, len(table)):
        place = _new(simulation, sampler.draws(_records(simulation, order), rng))
        order.append(place)
        simulation.train(place, brief=True)


def _new(simulation: Simulation, draws: Iterator[object]) -> int:
    """Return the first draw that is a new network of the table."""
    for _ in range(ATTEMPTS):
        found = next(draws)
        if isinstance(found, Candidate):
            place = simulation.table.places.get(text_of(found.expansion.network))
            if place is not None and place not in simulation.briefs:
                return place
    return _by_weights(simulation, simulation.briefs)[0]


def evolution(simulation: Simulation, trials: int, _top: int, _seeds: int) -> int:
    """Search as of version 0.1: evolution, and the best brief accuracy is exported, whatever the finalists show."""
    _ours(simulation, trials, "evolution")
    return _ranked(simulation)[0]


def tpe(simulation: Simulation, trials: int, _top: int, _seeds: int) -> int:
    """The same with the package's TPE."""
    _ours(simulation, trials, "tpe")
    return _ranked(simulation)[0]


def evolution_full(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """Evolution; full trainings of the best by brief accuracy choose."""
    _ours(simulation, trials, "evolution")
    return _finals(simulation, _ranked(simulation), seeds)


def local_search(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """Change one decision of the best network so far, after a few plain draws; full trainings choose."""
    table = simulation.table
    rng = random.Random(int(simulation.rng.integers(1 << 31)))
    for place in _by_weights(simulation, [], min(max(3, trials // 4), 10)):
        simulation.train(place, brief=True)
    while len(simulation.briefs) < min(trials, len(table)):
        best = _ranked(simulation)[0]

        def neighbours(best: int = best) -> Iterator[object]:
            for _ in range(ATTEMPTS // 8):
                yield mutate(table.answers[best], rng, partial(derive, table.space))
            while True:
                yield None

        simulation.train(_new(simulation, neighbours()), brief=True)
    return _finals(simulation, _ranked(simulation), seeds)


def largest(simulation: Simulation, _trials: int, _top: int, _seeds: int) -> int:
    """Train the networks of most parameters in full, once each, without any brief training."""
    return _finals(simulation, (int(place) for place in np.argsort(-simulation.table.params)), 1)


def most_flops(simulation: Simulation, _trials: int, _top: int, _seeds: int) -> int:
    """The same by FLOPs."""
    return _finals(simulation, (int(place) for place in np.argsort(-simulation.table.flops)), 1)


def random_full(simulation: Simulation, _trials: int, _top: int, _seeds: int) -> int:
    """Train plain draws in full, once each, without any brief training."""
    return _finals(simulation, _by_weights(simulation, [], len(simulation.table)), 1)


def _optuna(simulation: Simulation, trials: int, seeds: int, *, constrained: bool) -> int:
    """Plain TPE; what was proposed before is trained again, what breaks the budget ends its trial.

    In a table that holds only a part of its space, what is not there counts as if it broke the budget.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = simulation.table
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sampler = optuna.samplers.TPESampler(seed=int(simulation.rng.integers(1 << 31)))
        study = optuna.create_study(direction="maximize", sampler=sampler)
        trained = 0
        for _ in range(OPTUNA_LIMIT * trials):
            if trained == trials:
                break
            trial = study.ask()

            def answer(decision: Decision, trial: optuna.Trial = trial) -> int:
                kind = parameter_distribution(decision)
                if isinstance(kind, CategoricalDistribution):
                    label = trial.suggest_categorical(decision.name, kind.choices)
                else:
                    label = trial.suggest_int(decision.name, kind.low, kind.high)
                index = option_index(decision, label)
                return index if index is not None else 0

            try:
                place = table.places.get(text_of(table.space.expand(answer).network))
            except (LanguageError, ShapeError):
                place = None
            if place is None:
                if constrained:
                    trial.set_constraint("budget", 1.0)
                study.tell(trial, state=TrialState.PRUNED)
                continue
            study.tell(trial, simulation.train(place, brief=True))
            trained += 1
    return _finals(simulation, _ranked(simulation), seeds)


def optuna_pruned(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """Optuna as people write it: TPE, over-budget networks pruned afterwards; full trainings choose."""
    return _optuna(simulation, trials, seeds, constrained=False)


def optuna_constrained(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """The same, told how far a network breaks the budget."""
    return _optuna(simulation, trials, seeds, constrained=True)


def model(simulation: Simulation, _trials: int, _top: int, _seeds: int) -> int:
    """The study's model; it divides the epochs between brief and full trainings by itself."""
    table = simulation.table
    plan = Plan(brief=table.price_brief, full=table.price_full, epochs=simulation.left, seeds=simulation.seeds)
    policy = Policy(plan, table.matrix, reference=table.texts)
    trainings: list[PolicyTraining] = []
    tried: set[int] = set()

    def offer(_favourites: object) -> Offered:
        plain = _by_weights(simulation, tried, OFFERED)
        rest = np.setdiff1d(np.arange(len(table)), [*tried, *plain])
        others = simulation.rng.permutation(rest)[:OFFERED]
        return Offered([table.texts[p] for p in plain], [table.texts[int(p)] for p in others])

    while True:
        action = policy.next(trainings, offer, simulation.rng)
        if isinstance(action, SearchDone):
            assert action.winner is not None
            return table.places[action.winner]
        place = table.places[action.key]
        tried.add(place)
        brief = isinstance(action, TrainBriefly)
        trainings.append(PolicyTraining(action.key, brief, simulation.train(place, brief=brief)))


def neps(simulation: Simulation, trials: int, _top: int, seeds: int) -> int:
    """Bayesian optimisation by NePS, as far as it can say the space; full trainings choose."""
    neps_briefly(simulation, trials)
    return _finals(simulation, _ranked(simulation), seeds)


CONTENDERS: dict[str, Contender] = {
    "model": model,
    "evolution": evolution,
    "tpe": tpe,
    "random": random_search,
    "evolution-full": evolution_full,
    "local": local_search,
    "largest": largest,
    "flops": most_flops,
    "random-full": random_full,
    "optuna-pruned": optuna_pruned,
    "optuna-constrained": optuna_constrained,
    "neps": neps,
}
"""By name; ``model`` first, which the others are compared with."""
