"""Replays of curves made by hand, where what each pruner does can be said beforehand."""

from __future__ import annotations

import pytest

from budgetnet.calibrate.pruner_replay import Recording, replay_pruner, run_order
from budgetnet.calibrate.replay_choice import best_replay, contenders
from budgetnet.files.study import Pruner
from budgetnet.records.pruning import make_pruner, pruner_text, rungs

HALVING = Pruner(kind="halving", first=1, reduction=2)


def recording(*curve: float, seconds: float | None = None, quality: float | None = None) -> Recording:
    """A network that takes a second an epoch and is worth what it ends with."""
    return Recording(curve=curve, seconds=seconds or len(curve), quality=curve[-1] if quality is None else quality)


def rising(*levels: float) -> list[Recording]:
    """Networks whose order never changes, over four epochs."""
    return [recording(level, level + 0.1, level + 0.2, level + 0.3) for level in levels]


def test_without_a_pruner_all_is_spent():
    """Nobody is stopped, the best is chosen, and two workers spend what one does."""
    curves = rising(0.1, 0.3, 0.2)
    for workers in (1, 2, 5):
        found = run_order(curves, [0, 1, 2], Pruner(kind="none"), workers=workers)
        assert (found.spent, found.stopped, found.chosen) == (pytest.approx(12.0), 0, 1)


def test_halving_by_hand():
    """First rung after epoch 1, the second after 2: those that are not in the better half end there."""
    curves = rising(0.1, 0.3, 0.2, 0.05)
    found = run_order(curves, [0, 1, 2, 3], HALVING)
    # 0 is first and goes on; 1 is better and goes on; 2 is second of three (one goes on) and ends; 3 is last and ends.
    assert (found.spent, found.stopped, found.chosen) == (pytest.approx(4 + 4 + 1 + 1), 2, 1)
    best_first = run_order(curves, [1, 2, 0, 3], HALVING)
    assert (best_first.spent, best_first.stopped) == (pytest.approx(4 + 1 + 1 + 1), 3)


def test_workers_see_what_others_have_reported():
    """With two at once, the second of a pair is judged against the first at the same epoch only."""
    curves = [recording(0.5, 0.6, 0.7, seconds=30.0), recording(0.4, 0.5, 0.6, seconds=3.0)]
    # Network 1 is ten times as fast: at its rungs nobody has been there before, so both end.
    assert run_order(curves, [0, 1], HALVING, workers=2).stopped == 0
    assert run_order(curves, [0, 1], HALVING, workers=1).stopped == 1


def test_the_median_by_hand():
    """After its start-up trials, whoever's best epoch is below their median at the same epoch is stopped."""
    curves = rising(0.1, 0.2, 0.3, 0.15, 0.4)
    found = run_order(curves, [0, 1, 2, 3, 4], Pruner(kind="median", startup=3, warmup=1))
    # 0.15 + 0.1 after epoch 2 is below the median 0.3 of the three before; 0.5 is not.
    assert (found.spent, found.stopped, found.chosen) == (pytest.approx(4 * 4 + 2), 1, 4)


def test_a_late_bloomer_is_lost():
    """What a pruner loses is counted by what the network would have been worth."""
    curves = [recording(0.5, 0.6), recording(0.6, 0.7), recording(0.1, 0.9)]
    found = replay_pruner(curves, HALVING, orders=60)
    assert found.quality_without == pytest.approx(0.9)
    assert found.loss == pytest.approx(0.9 - found.quality)
    assert 0.2 <= found.loss_interval[1] <= 0.3 + 1e-9
    assert 0 < found.kept < 1  # where it comes first, it goes on
    assert 0 < found.saved < 0.5


def test_equal_seeds_give_equal_replays():
    """The same orders for all pruners, the same ones tomorrow."""
    curves = rising(0.1, 0.5, 0.3, 0.2)
    assert replay_pruner(curves, HALVING, orders=20, seed=1) == replay_pruner(curves, HALVING, orders=20, seed=1)


def test_order_that_never_changes_costs_nothing():
    """If the order is the same at all epochs, halving keeps the best whatever comes first, and saves time."""
    found = replay_pruner(rising(*(0.05 * number for number in range(8))), HALVING, orders=50)
    assert (found.loss, found.kept) == (pytest.approx(0.0), 1.0)
    assert found.saved_interval[0] > 0
    assert best_replay([found]) is found


def test_a_pruner_that_loses_is_not_taken():
    """Saved time does not make up for accuracy."""
    curves = [recording(0.5, 0.6), recording(0.6, 0.7), recording(0.1, 0.9)]
    assert best_replay([replay_pruner(curves, HALVING, orders=20)]) is None
    assert best_replay([]) is None


@pytest.mark.parametrize("pruner", contenders(16), ids=pruner_text)
def test_every_contender_can_be_replayed(pruner):
    """Each stops somebody among a dozen networks of sixteen epochs, and never all."""
    curves = [recording(*(0.01 * level * epoch for epoch in range(1, 17))) for level in range(1, 13)]
    found = replay_pruner(curves, pruner, workers=2, orders=5)
    assert 0 < found.stopped < 1
    assert found.loss == pytest.approx(0.0)


def test_contenders():
    """The study's own first, each once, none that could never stop such a trial."""
    own = Pruner(kind="halving", first=2, reduction=4)
    assert contenders(6, own)[0] == own
    assert Pruner(kind="halving", first=4) in contenders(6)
    assert contenders(6, Pruner())[0] == Pruner(kind="halving", first=4)
    assert len(set(contenders(6, own))) == len(contenders(6, own))
    assert contenders(1) == []
    assert all(rungs(pruner, 3) for pruner in contenders(3, Pruner(kind="none")))
    assert Pruner(kind="none") not in contenders(3, Pruner(kind="none"))


def test_rungs():
    """Where each kind may stop a trial of ten epochs."""
    assert rungs(Pruner(kind="median"), 4) == (2, 3)
    assert [rungs(Pruner(), epochs) for epochs in (1, 2, 3, 4, 6, 12)] == [(), (), (2,), (3,), (4,), (8,)]
    assert rungs(Pruner(kind="halving", first=2, reduction=2), 10) == (2, 4, 8)
    assert rungs(Pruner(kind="hyperband", reduction=3), 10) == (1, 3, 9)
    assert rungs(Pruner(kind="none"), 10) == ()
    assert rungs(Pruner(kind="halving", first=2), 2) == ()


def test_pruners_are_optunas():
    """Their settings are the study's."""
    halving = make_pruner(Pruner(kind="halving", first=2, reduction=4), 9)
    assert (halving._min_resource, halving._reduction_factor) == (2, 4)
    hyperband = make_pruner(Pruner(kind="hyperband", first=2, reduction=3), 9)
    assert (hyperband._min_resource, hyperband._max_resource, hyperband._reduction_factor) == (2, 9, 3)


def test_what_cannot_be_replayed():
    """One network, or schedules that differ."""
    with pytest.raises(ValueError, match="two or more curves of one length, but got 1 of"):
        replay_pruner(rising(0.1), HALVING)
    with pytest.raises(ValueError, match=r"of one length, but got 2 of \[1, 2\]"):
        replay_pruner([recording(0.1), recording(0.1, 0.2)], HALVING)
