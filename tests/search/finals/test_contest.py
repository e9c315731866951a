"""Full trainings that choose: who gets one, who gets the next seed, who wins."""

from __future__ import annotations

import random

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.winning import Objective
from budgetnet.search.study_model import StudyModel
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer

FULL = "{top: 4, seeds: 3, epochs: 2}"


@pytest.fixture
def make_contest(make_study):
    """Makes the contest of a small study."""

    def make(**changes: str) -> Contest:
        study = make_study(**{"finalists": FULL, **changes})
        return Contest(study, StudyModel(study, space_of(study)))

    return make


def networks(contest: Contest, count: int) -> list[Record]:
    """Distinct networks of the study, of rising size, briefly trained to accuracies that say nothing of size."""
    proposer = Proposer(contest.model.space)
    rng = random.Random(0)
    found: dict[str, Candidate] = {}
    while len(found) < count:
        drawn = proposer.draw(rng)
        if isinstance(drawn, Candidate):
            found.setdefault(canonical_hash(drawn.expansion.network), drawn)
    by_size = sorted(found.items(), key=lambda item: item[1].cost.params)
    return [
        Record(
            number=number, outcome="completed", hash=digest, decisions=drawn.expansion.decisions,
            params=drawn.cost.params, accuracy=0.5 + 0.02 * (number % 5), curve=(0.4, 0.5 + 0.02 * (number % 5)),
            epochs=2,
        )
        for number, (digest, drawn) in enumerate(by_size)
    ]  # fmt: skip


def trained(contest: Contest, full: dict[int, list[float]]) -> list[Finalist]:
    """Full trainings of trials by their validation accuracies."""
    recipe = contest.study.finalists.training.to_mapping()
    return [
        Finalist(
            trial=trial,
            runs=(),
            full=tuple(
                TrainingRun(seed=seed, repeat=seed, recipe=recipe, validation_accuracies=(accuracy,), after=20)
                for seed, accuracy in enumerate(accuracies)
            ),
        )
        for trial, accuracies in full.items()
    ]


def play(contest: Contest, records: list[Record], worth) -> dict[int, list[float]]:
    """Train until the contest is over; *worth* gives the accuracy of a trial's training."""
    full: dict[int, list[float]] = {}
    while (found := contest.next(records, trained(contest, full))) is not None:
        record, repeat = found
        assert repeat == len(full.setdefault(record.number, []))
        full[record.number].append(worth(record, repeat))
    return full


def test_the_first_is_the_best_by_brief_accuracy_and_every_finalist_is_another_network(make_contest):
    """As many networks as the study says get a full training, none of them more than its seeds."""
    contest = make_contest()
    records = networks(contest, 20)
    assert contest.next(records, [])[0].number == 4
    full = play(contest, records, lambda _, repeat: 0.7 + 0.001 * repeat)
    assert len(full) == 4
    assert all(1 <= len(accuracies) <= 3 for accuracies in full.values())


def test_the_model_finds_what_brief_accuracies_miss(make_contest):
    """Full accuracies rise with size, brief ones do not: the model sends larger ones in."""
    contest = make_contest(finalists="{top: 6, seeds: 1, epochs: 2}")
    records = networks(contest, 20)
    full = play(contest, records, lambda record, _: 0.6 + 0.01 * record.number)
    assert max(full) >= 17
    (winner,) = contest.winners(records, trained(contest, full))
    assert winner.trial == max(full)


def test_seeds_go_to_whoever_can_still_win(make_contest):
    """A network far behind gets no second seed; two that are equal share the rest."""
    contest = make_contest()
    records = networks(contest, 20)
    worths = iter([0.8, 0.5, 0.801, 0.5])
    by_trial: dict[int, float] = {}

    def worth(record: Record, repeat: int) -> float:
        if record.number not in by_trial:
            by_trial[record.number] = next(worths)
        return by_trial[record.number] + (0.01 if repeat % 2 else -0.01)

    full = play(contest, records, worth)
    behind = [trial for trial, value in by_trial.items() if value == 0.5]
    assert all(len(full[trial]) == 1 for trial in behind)
    assert sum(map(len, full.values())) > 4


def test_the_running_ones_count(make_contest):
    """Two workers do not train the same network with the same seed."""
    contest = make_contest()
    records = networks(contest, 10)
    running: list[tuple[int, int]] = []
    for _ in range(4):
        record, repeat = contest.next(records, [], running)
        assert (record.number, repeat) not in running
        running.append((record.number, repeat))
    assert len({number for number, _ in running}) == 4


def test_later_trials_may_join_a_contest_that_was_settled(make_contest):
    """A study that goes on lets its new networks compete, if they have a chance; the old ones do not come again."""
    contest = make_contest()
    records = networks(contest, 20)
    old = records[:10]
    full = trained(contest, play(contest, old, lambda record, _: 0.6 + 0.01 * record.number))
    assert contest.next(old, full, settled=10) is None
    found = contest.next(records, full, settled=10)
    assert found is not None
    assert found[0].number >= 10


def test_one_finalist_needs_no_contest(make_contest):
    """The best by brief training wins; without any training nobody does."""
    contest = make_contest(finalists="{top: 1, seeds: 3}")
    records = networks(contest, 6)
    assert contest.next(records, []) is None
    (winner,) = contest.winners(records, [])
    assert (winner.trial, winner.rule) == (4, "brief training")
    assert contest.winners([], []) == []


def test_every_budget_has_finalists_and_a_winner(make_contest):
    """As many for each; what fits a tighter budget may win a wider one, too."""
    contest = make_contest(budget="{params: [1200, 2k, 6k]}", finalists="{top: 2, seeds: 2, epochs: 2}")
    records = networks(contest, 40)
    full = play(contest, records, lambda record, _: 0.7 if record.params > 2000 else 0.8 + record.params / 20_000)
    sizes = [records[trial].params for trial in full]
    assert [sum(low < size <= high for size in sizes) for low, high in ((0, 1200), (1200, 2000), (2000, 6000))] == [
        2
    ] * 3
    winners = contest.winners(records, trained(contest, full))
    assert [winner.limit for winner in winners] == [6000, 2000, 1200]
    assert 1200 < records[winners[0].trial].params <= 2000
    assert winners[0].trial == winners[1].trial
    assert records[winners[2].trial].params <= 1200


def test_a_budget_without_full_trainings_is_answered_by_brief_ones(make_contest):
    """Beside others that have some; one that nothing fits has no winner."""
    contest = make_contest(budget="{params: [1, 600, 6k]}")
    records = networks(contest, 40)
    winners = contest.winners(records, trained(contest, {39: [0.9]}))
    assert [(winner.limit, winner.rule) for winner in winners] == [(6000, "their mean"), (600, "brief training")]


@pytest.mark.parametrize(
    ("goal", "expected"), [("accuracy", [2]), ("smallest", [1]), ("pareto", [2, 1, 0])], ids=lambda value: str(value)
)
def test_goals_name_their_winners(goal, expected):
    """accuracy: the best. smallest: the smallest that reaches the target. pareto: the front, best first."""
    objective = Objective(goal=goal, target=0.8)
    worths = {0: 0.7, 1: 0.82, 2: 0.9, 3: 0.85}
    params = {0: 10, 1: 20, 2: 30, 3: 40}
    assert [winner.trial for winner in objective.winners(worths, params, "x")] == expected


def test_the_smallest_goal_without_a_network_at_the_target_takes_the_most_accurate():
    """Nothing reaches it."""
    (winner,) = Objective(goal="smallest", target=0.99).winners({0: 0.7, 1: 0.8}, {0: 1, 1: 2}, "x")
    assert winner.trial == 1
