"""The contract that every sampler keeps, run for each of them; and what is particular to each."""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from budgetnet.errors import SearchError
from budgetnet.files.spaces import space_of
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.parameters import parameters
from budgetnet.records.ranking import ranked
from budgetnet.records.trial import Record
from budgetnet.search.propose import make_sampler, propose
from budgetnet.search.samplers import tpe
from budgetnet.search.samplers.evolution import EvolutionSampler
from budgetnet.search.samplers.random import RandomSampler
from budgetnet.search.samplers.tpe import TpeSampler
from budgetnet.space import ticker
from budgetnet.space.choosers import replay
from budgetnet.space.judge import Candidate, Rejection
from budgetnet.space.proposer import Proposer
from budgetnet.space.ticker import telling
from tests.search.helpers import study_text

SAMPLERS = {"random": RandomSampler, "tpe": TpeSampler, "evolution": EvolutionSampler}
LATER_WIDTHS = """\
network    = conv(3, 8|16) stage(4|8, 2|3) gap linear(classes)
stage(c, n) = conv(3, c..(c*4):4){1..n} | tied(conv(1|3, in))  {n}
"""
"""Choices whose labels follow from earlier ones, and repetitions whose bounds do."""


@pytest.fixture(params=list(SAMPLERS))
def kind(request: pytest.FixtureRequest) -> type:
    """Each sampler's class."""
    return SAMPLERS[request.param]


def score(candidate: Candidate) -> float:
    """A stand-in for validation accuracy that rewards depth: samplers must be able to learn it."""
    return min(0.99, 0.3 + 0.1 * candidate.cost.depth)


def history(proposer: Proposer, n: int, seed: int = 0) -> list[Record]:
    """Records as a random search would leave them, of all outcomes."""
    rng = random.Random(seed)
    records: list[Record] = []
    while len(records) < n:
        found = proposer.draw(rng)
        if found.expansion is None:
            continue
        number = len(records)
        common = {
            "number": number,
            "decisions": found.expansion.decisions,
            "parameters": parameters(found.expansion.answers),
            "params": found.cost.params,
            "hash": canonical_hash(found.expansion.network),
        }
        if isinstance(found, Rejection):
            records.append(Record(outcome="over_budget", constraints={"params": 0.1}, **common))
            continue
        value = score(found)
        outcome = ("completed", "completed", "completed", "stopped_early", "failed", "running", "diverged")[number % 7]
        curve = (value / 2, value) if outcome in ("completed", "stopped_early", "diverged") else ()
        accuracy = curve[-1] if curve else None
        records.append(Record(outcome=outcome, accuracy=accuracy, curve=curve, epochs=len(curve), **common))
    return records


def first(sampler, records, seed: int, n: int = 8) -> list:
    """The first draws of a proposal."""
    return list(itertools.islice(sampler.draws(records, random.Random(seed)), n))


def proposals(space) -> list[dict]:
    """What every sampler proposes first after thirty trials."""
    proposer = Proposer(space)
    records = history(proposer, 30)
    return [draw.expansion.decisions for kind in SAMPLERS.values() for draw in first(kind(proposer), records, 5)]


@pytest.fixture(params=[True, False], ids=["aware", "plain"])
def proposer(request: pytest.FixtureRequest, space) -> Proposer:
    """Derivations with and without a table."""
    return Proposer(space, aware=request.param)


def test_same_seed_same_draws(kind, proposer):
    """Equal records and equal seeds give equal draws, from the same sampler or a new one."""
    records = history(proposer, 30)
    sampler = kind(proposer)
    draws = [draw.expansion.decisions for draw in first(sampler, records, 1) if draw.expansion]
    assert draws == [draw.expansion.decisions for draw in first(sampler, records, 1) if draw.expansion]
    assert draws == [draw.expansion.decisions for draw in first(kind(proposer), records, 1) if draw.expansion]
    assert draws != [draw.expansion.decisions for draw in first(sampler, records, 2) if draw.expansion]


@pytest.mark.parametrize("n", [0, 5, 30])
def test_draws_are_complete_derivations(kind, proposer, n):
    """Every draw, at any time, is a derivation of the grammar that its own decisions repeat exactly."""

    def refuse(decision):
        raise AssertionError(f"{decision.name} is not recorded")

    for drawn in first(kind(proposer), history(proposer, n), 3):
        if drawn.expansion is None:
            assert isinstance(drawn, Rejection)
            continue
        again = proposer.space.expand(replay(drawn.expansion.decisions, refuse))
        assert again.network == drawn.expansion.network
        assert proposer.space.cost(again.network) == drawn.cost
        assert isinstance(drawn, Candidate) == (proposer.space.budget.excess(drawn.cost) is None)


def test_with_a_table_nothing_is_wasted(kind, space):
    """Where the space allows a table, every draw of every sampler fits the budget."""
    proposer = Proposer(space)
    assert proposer.ahead is not None
    assert all(isinstance(drawn, Candidate) for drawn in first(kind(proposer), history(proposer, 30), 0, 25))


def test_without_a_table_nothing_is_wasted_either(kind, space, monkeypatch):
    """Where the space has too many states for a table, every draw fits all the same, and the reason is told."""
    monkeypatch.setattr(ticker, "SILENCE", 1e9)  # a busy machine would tell progress, too
    heard: list[str] = []
    proposer = Proposer(space, states=20)
    with telling(heard.append):
        assert all(isinstance(drawn, Candidate) for drawn in first(kind(proposer), history(proposer, 30), 0, 25))
    assert heard == [
        "the space has more than 20 states within the budget, too many for a table; draws fit, in proportions near "
        "the grammar's"
    ]


@pytest.mark.parametrize("goal", ["smallest", "pareto"])
def test_other_goals(kind, space, goal):
    """Every sampler proposes under every goal."""
    proposer = Proposer(space)
    sampler = kind(proposer) if kind is RandomSampler else kind(proposer, goal, 0.6)
    assert all(isinstance(drawn, Candidate) for drawn in first(sampler, history(proposer, 30), 0))


def test_choices_that_follow_from_earlier_ones(kind, make_study):
    """Labels and bounds that change from derivation to derivation are proposed and recorded without complaint."""
    space = space_of(make_study(LATER_WIDTHS, budget="{params: 100k}"))
    proposer = Proposer(space)
    records = history(proposer, 25)
    for drawn in first(kind(proposer), records, 0, 12):
        values, distributions = parameters(drawn.expansion.answers)
        assert list(values) == list(distributions) == list(drawn.expansion.decisions)


def test_same_proposals_in_another_process(space):
    """Proposals follow from records and seed alone, also in another process with another hash seed."""
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})
import json
from pathlib import Path
from tests.search.test_samplers import proposals
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import parse_study
print(json.dumps(proposals(space_of(parse_study({study_text()!r}, Path("x.yaml"))))))
"""
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert json.loads(done.stdout) == proposals(space)


def test_nothing_fits_is_said_with_the_distance(kind, make_study):
    """A budget below the smallest network is an error that says how small networks can get."""
    space = space_of(make_study(budget="{params: 100}"))
    with pytest.raises(
        SearchError, match=r"nothing in the grammar fits params ≤ 100: the smallest network has \d+ params"
    ):
        propose(kind(Proposer(space)), space, [], seed=0)
    with pytest.raises(
        SearchError, match=r"none of 50 draws fits .*the nearest had \d+ parameters, .* % over 100; raise the budget"
    ):
        propose(kind(Proposer(space, aware=False)), space, [], seed=0, attempts=50)


@pytest.mark.parametrize("name", ["tpe", "evolution"])
def test_learns_what_pays(space, name):
    """After thirty trials that reward depth, proposals are deeper than random draws."""
    proposer = Proposer(space)
    records = history(proposer, 40)
    learned: Iterator = (draw for seed in range(12) for draw in first(SAMPLERS[name](proposer), records, seed, 3))
    plain = (draw for seed in range(12) for draw in first(RandomSampler(proposer), records, seed, 3))
    depths = [[draw.cost.depth for draw in draws] for draws in (learned, plain)]
    assert sum(depths[0]) / len(depths[0]) > sum(depths[1]) / len(depths[1]) + 0.4


def test_tpe_is_told_of_the_best_and_of_the_latest(space, monkeypatch):
    """Of many trials the best and the latest are mirrored, in their order; of few all."""
    proposer = Proposer(space)
    records = history(proposer, 30)
    monkeypatch.setattr(tpe, "LIMIT_MIRRORED", 12)
    monkeypatch.setattr(tpe, "LIMIT_BEST", 5)
    sampler = TpeSampler(proposer)
    told = [record.number for record in sampler._telling(records)]
    best = {record.number for record in ranked(records, "accuracy")[:5]}
    assert (len(told), told) == (12, sorted(told))
    others = [record.number for record in records if record.number not in best]
    assert set(told) - best == set(others[-7:])
    assert best < set(told)
    assert 5 <= len(sampler._mirror(records, random.Random(0)).trials) <= 12
    assert sampler._telling(records[:12]) == records[:12]


def test_mutations_are_small_steps(space):
    """Most of a parent's decisions survive in its child."""
    proposer = Proposer(space)
    records = history(proposer, 30)
    sampler = EvolutionSampler(proposer)
    parents = sampler.elite(records)
    kept = []
    for child in first(sampler, records, 0, 60):
        shared = [
            sum(child.expansion.decisions.get(name) == label for name, label in parent.decisions.items())
            / len(parent.decisions)
            for parent in parents
        ]
        kept.append(max(shared))
    assert sum(share >= 0.6 for share in kept) >= 40


def test_elite_is_the_best_without_duplicates(space):
    """Parents are the best distinct networks; those that were never trained are none."""
    proposer = Proposer(space)
    records = history(proposer, 50)
    elite = EvolutionSampler(proposer).elite(records)
    assert len({record.hash for record in elite}) == len(elite) == 10
    assert all(record.trained for record in elite)
    accuracies = [record.accuracy for record in elite if record.outcome == "completed"]
    assert accuracies == sorted(accuracies, reverse=True)
    assert EvolutionSampler(proposer).elite(records[:5]) == []


def test_study_names_its_sampler(make_study):
    """The study's word chooses the class, and short studies learn earlier."""
    for name, kind in SAMPLERS.items():
        study = make_study(search=f"{{sampler: {name}, trials: 20}}")
        sampler = make_sampler(study, space_of(study))
        assert isinstance(sampler, kind)
        assert getattr(sampler, "startup", 5) == 5


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_several_budgets_take_turns(make_study, sampler):
    """Each trial's network fits the budget whose turn it is; one that is exhausted leaves its turn to the next."""
    study = make_study(budget="{params: [700, 6k]}", search=f"{{trials: 8, sampler: {sampler}}}")
    space = space_of(study)
    records: list[Record] = []
    asked = make_sampler(study, space)
    for number in range(8):
        found = propose(asked, space, records, seed=0)
        assert found.candidate.cost.params <= (700 if number % 2 else 6000)
        expansion = found.candidate.expansion
        records.append(
            Record(
                number=number, outcome="completed", hash=found.hash, decisions=expansion.decisions,
                parameters=parameters(expansion.answers), params=found.candidate.cost.params,
                accuracy=score(found.candidate), epochs=2,
            )
        )  # fmt: skip
    only = make_study(
        "network = conv(3, 8) gap linear(classes) | conv(3, 20..40) gap linear(classes)\n",
        budget="{params: [200, 6k]}", search=f"{{trials: 8, sampler: {sampler}}}",
    )  # fmt: skip
    space = space_of(only)
    tried = [
        Record(
            number=0,
            outcome="completed",
            hash=propose(make_sampler(only, space), space, [Record(number=0, outcome="failed")], seed=0).hash,
            params=178,
            accuracy=0.5,
        )
    ]
    assert propose(make_sampler(only, space), space, tried, seed=0).candidate.cost.params > 200
