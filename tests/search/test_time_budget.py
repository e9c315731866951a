"""Time as a budget: pace, what is affordable, what is left for the finalists, and the plan that is told."""

from __future__ import annotations

import pytest

from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.finals.winning import Objective
from budgetnet.search.time_budget import TimeBudget, plan_in_time


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def record(number: int, params: int) -> Record:
    """Return a trial."""
    return Record(number=number, outcome="completed", hash=str(number), params=params, accuracy=0.5, epochs=2)


def finalist(trial: int, accuracy: float) -> Finalist:
    """Return a network that was trained in full once."""
    return Finalist(trial=trial, runs=(), full=(TrainingRun(seed=0, recipe={}, validation_accuracies=(accuracy,)),))


@pytest.fixture
def budget(make_study) -> TimeBudget:
    """Ten minutes for two workers; brief trainings of 2 epochs, full ones of 6, a tenth for validation."""
    study = make_study(training="{epochs: 2}", finalists="{top: 3, seeds: 2, epochs: 6}")
    return TimeBudget(study, 10, 2, Clock())


def test_nothing_is_known_before_two_reports(budget):
    """The time alone decides then."""
    assert budget.pace(full=False) is None
    assert budget.affordable is None
    assert (budget.final, budget.judging, budget.left) == (0.0, 0.0, 600.0)
    assert budget.fits(10**9, full=True, reserve=0.0)
    budget.clock.now += 601
    assert not budget.fits(1, full=False, reserve=0.0)


def test_the_pace_comes_from_reports_then_from_trainings(budget):
    """Loading a library before the first epoch does not count; full trainings have a pace of their own."""
    budget.started(0, 2, full=False)
    budget.clock.now += 60  # libraries load
    budget.epoch(0, 1)
    assert budget.pace(full=False) is None
    budget.clock.now += 5
    budget.epoch(0, 2)
    assert budget.pace(full=False) == budget.pace(full=True) == 5
    budget.ended(0, 2, 8.0)
    assert budget.pace(full=False) == budget.pace(full=True) == 4
    budget.started(0, 6, full=True)
    budget.ended(0, 6, 60.0)
    assert (budget.pace(full=False), budget.pace(full=True)) == (4, 10)


def test_what_is_affordable_leaves_room_for_what_runs_and_for_the_winner(budget):
    """Two workers, ten minutes, 4 seconds an epoch; the winner trains on a ninth more images."""
    budget.started(0, 2, full=False)
    budget.ended(0, 2, 8.0)
    assert budget.final == pytest.approx(6 * 4 / 0.9)
    assert budget.judging == 3 * 6 * 4  # five trainings on two workers
    free = 2 * (600 - budget.final)
    assert budget.affordable == pytest.approx(free / 4)
    budget.started(1, 6, full=True)
    assert budget.affordable == pytest.approx((free - 24) / 4)
    budget.epoch(1, 4)
    assert budget.affordable == pytest.approx((free - 8) / 4)
    budget.clock.now += 600 - 8.5 - budget.final
    assert budget.fits(2, full=False, reserve=budget.final)
    assert not budget.fits(3, full=False, reserve=budget.final)
    assert budget.affordable > 0
    budget.clock.now += 300
    assert budget.affordable == 0


def test_every_winner_is_trained_on_all_images(budget, make_study):
    """The networks of a front, and those of several budgets, are each trained in the end."""
    alone = [record(0, params=100), record(1, params=200), record(2, params=300)]
    full = [finalist(0, 0.7), finalist(1, 0.9), finalist(2, 0.8)]
    objective = Objective(goal="pareto")
    assert objective.count(alone, full) == 2
    assert objective.count(alone, []) == 1
    assert Objective(goal="accuracy").count(alone, full) == 1
    assert Objective(goal="accuracy", limits=(300, 100)).count(alone, full) == 2
    budget.started(0, 6, full=True)
    budget.ended(0, 6, 60.0)
    before = budget.final
    budget.winners = 5
    assert budget.final == pytest.approx(3 * before)  # five trainings on two workers


def test_the_plan_says_what_fits_and_what_does_not(budget):
    """Trials and full trainings in the proportion that the study asks for; a reason where the time is too short."""
    budget.started(0, 2, full=False)
    budget.ended(0, 2, 8.0)
    plan = plan_in_time(budget.study, budget, 4.0)
    assert plan.trials * 2 + plan.full * 6 <= plan.epochs < plan.trials * 2 + plan.full * 6 + 8
    assert plan.full >= 20
    assert (plan.seconds, plan.too_short) == (600.0, None)
    budget.clock.now += 560
    short = plan_in_time(budget.study, budget, 4.0).too_short
    assert short == "the time is too short: four networks and their finalists alone need 1 min 07 s"
