"""Rungs that ask the study's model: by accuracy, train loss and features, and with what says that it cannot tell."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.records.training_run import TrainingRun
from budgetnet.search.finals.contest import Contest
from budgetnet.search.rungs import judge as judging
from budgetnet.search.rungs.judge import RungJudge
from budgetnet.search.study_model import StudyModel
from tests.search.finals.test_contest import networks, trained

EPOCHS = 3


@pytest.fixture
def made(make_study):
    """Return a judge, with records of 20 networks that get better with size, and say so by their train losses."""

    def make(**changes: str):
        changes = {"search": "{trials: 30, pruner: model}", "training": "{epochs: 3, flip: none, shift: 0}", **changes}
        study = make_study(**changes)
        model = StudyModel(study, space_of(study))
        records = [finished(one) for one in networks(Contest(study, model), 20)]
        return RungJudge(study, model), records

    return make


def finished(record):
    """Return a completed trial; after two epochs its accuracy says nothing, its train loss does."""
    last = 0.5 + 0.01 * record.number
    losses = (2.0, 1.5 - last, 1.2 - last)
    run = TrainingRun(seed=0, recipe={}, epochs=EPOCHS, train_losses=losses)
    curve = (0.2, 0.3 + 0.01 * (record.number * 7 % 5), last)
    return replace(record, accuracy=last, curve=curve, epochs=EPOCHS, training=run)


def asked(judge, records, number: int, loss: float | None, *, full=(), accuracy: float = 0.32):
    """Return the verdict about a trial after its second epoch, of which nothing else is known."""
    running = replace(records[number], outcome="running", accuracy=None, curve=(), epochs=0, training=None)
    shown = [running if one.number == number else one for one in records]
    return judge.verdict(shown, full, number, 2, accuracy, loss)


def confirmed(judge):
    """Return full trainings of every other network, which rise with size as well."""
    return trained(Contest(judge.study, judge.model), {place: [0.7 + 0.01 * place] for place in range(0, 20, 2)})


def test_features_and_train_loss_stop_what_cannot_win(made):
    """A small network that learns badly ends; a large one that learns well goes on."""
    judge, records = made()
    full = confirmed(judge)
    bad, good = asked(judge, records, 1, 1.5 - 0.5, full=full), asked(judge, records, 19, 1.5 - 0.69, full=full)
    assert bad.stops
    assert not good.stops
    assert bad.by_model
    assert bad.by_loss
    assert bad.chance < judging.UNLIKELY < good.chance


def test_without_losses_accuracy_and_features_are_left(made):
    """Older records have no losses; a large network is then given more chance than a small one of equal accuracy."""
    judge, records = made()
    records = [replace(one, training=None) for one in records]
    full = confirmed(judge)
    small, large = asked(judge, records, 1, None, full=full), asked(judge, records, 19, None, full=full)
    assert not small.by_loss
    assert small.chance < large.chance


def test_only_rungs_judge_and_only_with_enough_completed(made):
    """Two thirds of three epochs is the second one; eight trainings have to be completed."""
    judge, records = made()
    running = replace(records[1], outcome="running", accuracy=None, curve=(), epochs=0, training=None)
    shown = [records[0], running, *records[2:]]
    assert judge.verdict(shown, (), 1, 1, 0.3, 1.0) is None
    assert judge.verdict(shown, (), 1, 2, 0.3, 1.0) is not None
    assert judge.verdict(shown[:8], (), 1, 2, 0.3, 1.0) is None
    assert judge.verdict(shown, (), 99, 2, 0.3, 1.0) is None


def test_where_the_model_ranks_badly_the_projection_alone_is_compared(made, monkeypatch):
    """A model that ranks worse than brief accuracies has no say."""
    judge, records = made()
    monkeypatch.setattr(judging, "judge_model", lambda *_: SimpleNamespace(holds=False))
    low, high = asked(judge, records, 1, 1.0), asked(judge, records, 1, 0.75)
    assert not low.by_model
    assert low.chance < 0.5 < high.chance


def test_small_networks_compete_with_small_ones_where_these_count(made):
    """With several budgets a trial's rivals are networks no larger than itself."""
    judge, records = made()
    assert asked(judge, records, 0, 1.0) is not None
    judge, records = made(budget="{params: [3k, 6k]}")
    assert asked(judge, records, 0, 1.0) is None  # the smallest has nobody to be compared with
    assert asked(judge, records, 19, 1.0) is not None
