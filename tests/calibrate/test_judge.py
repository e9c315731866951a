"""What follows from trainings made by hand: which brief length is taken, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from budgetnet.calibrate.judge import _choose, judge_calibration
from tests.calibrate.calibrations import calibrated, of

ORDERS = 10


def test_the_cheapest_that_cannot_be_told_apart(study, tmp_path):
    """One epoch ranks at random, two nearly as well as four: two are taken."""
    found = judge_calibration(calibrated(study, tmp_path, noise={1: 1.0, 2: 0.001, 4: 0.0}), orders=ORDERS)
    assert [length.epochs for length in found.brief] == [1, 2, 4]
    assert found.chosen is not None
    assert found.chosen.epochs == 2
    assert found.brief[0].deficit > found.brief[0].deficit_error
    assert found.beats_size
    assert found.full_seconds == 80.0
    assert [length.share for length in found.brief] == pytest.approx([1 / 8, 2 / 8, 4 / 8])
    assert found.brief[1].per_hour == pytest.approx(180)
    assert (found.ceiling, found.noise) == (None, None)
    assert judge_calibration(found.calibrated, orders=0) == replace(found, replays=())


def test_no_length_is_taken_that_ranks_no_better_than_chance(study, tmp_path):
    """Brief trainings that rank the networks backwards are worth nothing, however equal they are."""
    found = judge_calibration(calibrated(study, tmp_path, noise={1: 0.0, 8: 0.0}), orders=0)
    (length,) = found.brief
    backwards = replace(length, agreement=replace(length.agreement, spearman=-0.9))
    assert _choose([backwards]) is None
    assert _choose([backwards, replace(length, epochs=2)]).epochs == 2


def test_checkpoints_are_of_equal_positions(study, tmp_path):
    """Of the study's own schedule, the chosen one and the full one; their cost is their share of it."""
    found = judge_calibration(calibrated(study, tmp_path, noise={1: 1.0, 2: 0.0, 4: 0.0}), orders=ORDERS)
    places = [(length.epochs, length.schedule) for length in found.checkpoints]
    assert places == [(1, 2), *((epoch, 8) for epoch in range(1, 8))]
    assert all(length.agreement.spearman == pytest.approx(1.0) for length in found.checkpoints)  # curves never cross
    assert found.checkpoints[-1].share == pytest.approx(7 / 8)
    assert {replayed.epochs for replayed in found.replays} == {2, 8}
    assert all(replayed.loss == pytest.approx(0.0) for replayed in found.replays)


def test_two_seeds_tell_the_ceiling(study, tmp_path):
    """With noise between seeds no training agrees fully with another of the same networks."""
    found = judge_calibration(calibrated(study, tmp_path, noise={1: 0.05, 8: 0.05}, repeats=2), orders=ORDERS)
    assert found.ceiling is not None
    assert found.ceiling.spearman is not None
    assert found.noise is not None
    assert found.ceiling.spearman < 1
    assert 0.02 < found.noise < 0.1
    assert all(len(values) == 2 for values in found.full.values())


def test_size_that_ranks_as_well(study, tmp_path):
    """If parameters alone rank perfectly and the brief training does not, that is said."""
    made = calibrated(study, tmp_path, noise={1: 0.3})
    networks = tuple(replace(network, params=1000 + network.index) for network in made.networks)
    found = judge_calibration(of(study, made.plan, tmp_path, networks, made.runs), orders=ORDERS)
    assert found.by_size["parameters"].spearman == pytest.approx(1.0)
    assert found.by_size["FLOPs"].spearman is None  # all alike
    assert not found.beats_size


def test_unfinished_calibrations(study, tmp_path):
    """Lengths with too few networks are left out; with nothing in full there is nothing to say."""
    made = calibrated(study, tmp_path, noise={1: 0.0, 2: 0.0})
    some = tuple(run for run in made.runs if run.schedule != 2 or run.index < 3)
    found = judge_calibration(of(study, made.plan, tmp_path, made.networks, some), orders=ORDERS)
    assert [length.epochs for length in found.brief] == [1]
    none = judge_calibration(of(study, made.plan, tmp_path, made.networks, ()), orders=ORDERS)
    assert (none.brief, none.checkpoints, none.chosen, none.replays, none.full) == ((), (), None, (), {})
    assert not none.beats_size


def test_a_training_that_broke_down(study, tmp_path):
    """It counts with the accuracy it had; one without any is left out."""
    made = calibrated(study, tmp_path, noise={1: 0.0})
    short = [
        replace(run, validation_accuracies=run.validation_accuracies[: 3 * (run.index == 0)], diverged="loss")
        if run.schedule == 8 and run.index < 2
        else run
        for run in made.runs
    ]
    found = judge_calibration(of(study, made.plan, tmp_path, made.networks, tuple(short)), orders=ORDERS)
    assert found.brief[0].agreement.n == 11
    assert found.full[0] == [short[[r.index == 0 and r.schedule == 8 for r in short].index(True)].accuracy]
    assert all(length.agreement.n == 11 for length in found.checkpoints)
