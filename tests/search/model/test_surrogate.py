"""The model finds what leads, tells noise from worth, and knows how little it knows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from budgetnet.search.model import surrogate
from budgetnet.search.model.matrix import FeatureScale, Matrix
from budgetnet.search.model.surrogate import Observation, Surrogate, fit_surrogate
from budgetnet.search.model.trust import Trust, judge_model
from tests.search.model.worlds import World


def fitted(world: World, seen: list[Observation]) -> Surrogate:
    """Fit a model."""
    scale = FeatureScale.of(world.matrix.names, world.matrix.take(world.keys))
    return fit_surrogate(world.matrix, scale, seen)


def test_it_ranks_untrained_networks_by_what_leads() -> None:
    """It ranks untrained networks by what leads."""
    world = World()
    mean, _ = fitted(world, world.seen(brief=24, full=4)).moments(world.keys[40:])
    assert spearmanr(mean, world.worth[40:]).statistic > 0.85


def test_full_trainings_turn_around_a_brief_training_that_is_biased_against_size() -> None:
    """Full trainings turn around a brief training that is biased against size."""
    world = World(bias=0.035)
    brief = world.seen(brief=30, full=0)
    both = world.seen(brief=30, full=8)
    alone, _ = fitted(world, brief).moments(world.keys)
    anchored, _ = fitted(world, both).moments(world.keys)
    assert spearmanr(alone, world.worth).statistic < -0.5
    assert spearmanr(anchored, world.worth).statistic > 0.5


def test_most_worths_lie_in_their_intervals() -> None:
    """Most worths lie in their intervals."""
    inside = []
    for seed in range(6):
        world = World(seed=seed)
        mean, deviation = fitted(world, world.seen(brief=20, full=6, seed=seed)).moments(world.keys)
        inside.append(np.mean(np.abs(mean - world.worth) < 1.645 * deviation))
    assert 0.75 < np.mean(inside) <= 1


def test_a_full_training_narrows_what_is_known_of_its_network() -> None:
    """A full training narrows what is known of its network."""
    world = World()
    seen = world.seen(brief=20, full=4)
    before = fitted(world, seen)
    theta = before.kernel.theta
    key = world.keys[60]
    more = [*seen, Observation(key, 0.8, brief=False)]
    after = fit_surrogate(world.matrix, before.scale, more, theta, learn=False)
    unit = before.posterior([key]).deviation[0] / before.full.unit
    assert after.posterior([key]).deviation[0] / after.full.unit < unit


def test_deviations_of_both_ways_agree() -> None:
    """Deviations of both ways agree."""
    world = World()
    model = fitted(world, world.seen(brief=20, full=4))
    keys = world.keys[:30]
    _, deviation = model.moments(keys)
    assert model.posterior(keys).deviation == pytest.approx(deviation, rel=1e-3, abs=1e-5)


def test_draws_scatter_as_the_posterior_says() -> None:
    """Draws scatter as the posterior says."""
    world = World()
    posterior = fitted(world, world.seen(brief=20, full=4)).posterior(world.keys[:10])
    draws = posterior.draw(np.random.default_rng(0), 4000)
    assert draws.mean(axis=0) == pytest.approx(posterior.mean, abs=0.002)
    assert draws.std(axis=0) == pytest.approx(posterior.deviation, rel=0.1)


def test_leaving_out_is_what_fitting_without_would_say() -> None:
    """Leaving out is what fitting without would say."""
    world = World()
    seen = world.seen(brief=12, full=6)
    model = fitted(world, seen)
    trust = judge_model(model, seen)
    predicted = []
    for key in world.keys[:6]:
        rest = [one for one in seen if one.key != key]
        # Accuracies are centred and scaled by those seen, so the same units are kept by hand.
        again = fit_surrogate(world.matrix, model.scale, rest, model.kernel.theta, learn=False)
        predicted.append(again.posterior([key]).mean[0])
    accuracies = [one.accuracy for one in seen if not one.brief]
    assert trust.networks == 6
    assert trust.model == pytest.approx(spearmanr(predicted, accuracies).statistic, abs=0.15)


def test_intervals_of_a_model_that_is_too_sure_widen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Intervals of a model that is too sure widen by what it was off, and those of a good one hardly."""
    world = World()
    seen = world.seen(brief=20, full=16)
    good = fitted(world, seen)
    theta = good.kernel.theta.copy()
    for place, name in enumerate(good.kernel.names):
        if name in ("own", "noise_brief", "signal", "trend"):
            theta[place] -= np.log(8)
    noise = good.kernel.noise_full / 8
    monkeypatch.setattr(surrogate, "likely_noise", lambda *_: noise)
    sure = fit_surrogate(world.matrix, good.scale, seen, theta, learn=False)
    before, after = judge_model(good, seen), judge_model(sure, seen)
    assert before.scale == pytest.approx(1, abs=0.4)
    assert after.scale > 2
    assert after.half_width() > 2 * before.half_width()
    assert after.coverage == pytest.approx(0.9, abs=0.15)


def test_intervals_never_narrow() -> None:
    """What was predicted too carefully where the search looked says nothing about where it did not."""
    careful, right = (Trust(9, 0.9, 0.7, 1.0, scale=scale, trainings=12) for scale in (0.5, 1.0))
    assert careful.half_width() == right.half_width() == pytest.approx(1.725, abs=0.001)


def test_noise_of_full_trainings_is_that_of_repeated_ones() -> None:
    """Repeated full trainings tell the noise of seeds; brief ones and single ones leave it at what is believed."""
    world = World()
    once = world.seen(brief=20, full=8)
    loud = [Observation(one.key, one.accuracy + sign * 0.03, False) for one in once[20:] for sign in (-1, 1)]
    quiet = [Observation(one.key, one.accuracy + sign * 0.001, False) for one in once[20:] for sign in (-1, 1)]
    noise = [fitted(world, [*once[:20], *full]).noise[1] for full in (loud, quiet)]
    assert noise[0] == pytest.approx(0.03 * np.sqrt(2), rel=0.2)
    assert noise[1] < 0.004
    single = fitted(world, once)
    assert single.kernel.noise_full == pytest.approx(0.6)


def test_constants_and_late_columns_do_not_matter() -> None:
    """Constants and late columns do not matter."""
    matrix = Matrix()
    for place in range(5):
        matrix.add(str(place), {"size.params": float(place), "op.conv": 3.0})
    scale = FeatureScale.of(matrix.names, matrix.take(["0", "1", "2", "3", "4"]))
    matrix.add("late", {"size.params": 9.0, "op.new": 1.0})
    applied = scale.apply(matrix.take(["late"]))
    assert applied.shape == (1, 2), "the size in its group, and once more as a trend"
    assert applied[0, 1] == pytest.approx(7 / np.sqrt(2))
