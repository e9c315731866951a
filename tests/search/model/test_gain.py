"""A training gains what closed forms say, nothing where it tells nothing, and more where it can change the choice."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from budgetnet.search.model.gain import gain_of_brief, gain_of_full
from budgetnet.search.model.surrogate import Posterior


def posterior(mean: list[float], deviation: list[float], noise: float = 0.01, share: float = 1.0) -> Posterior:
    """Return independent worths; brief trainings of all have the same noise and see a share of the variance."""
    variance = np.square(np.array(deviation))
    return Posterior(np.array(mean), np.diag(variance), noise, np.diag(share * variance), variance + noise**2)


def test_the_gain_of_a_full_training_is_that_of_the_closed_form() -> None:
    """The gain of a full training is that of the closed form for two networks."""
    found = gain_of_full(posterior([0.80, 0.81], [0.02, 0.0]), np.array([0]), left=1, price=1)[0]
    moved = 0.02**2 / np.hypot(0.02, 0.01)
    apart = 0.01 / moved
    assert found == pytest.approx(moved * (norm.pdf(apart) - apart * norm.sf(apart)), rel=0.1)


def test_what_is_known_gains_nothing() -> None:
    """What is known gains nothing, and neither does what can never win."""
    gains = gain_of_full(posterior([0.80, 0.81, 0.5], [0.0, 0.0, 0.02]), np.arange(3), left=9, price=1)
    assert gains == pytest.approx(0, abs=1e-12)


def test_a_training_that_can_change_the_choice_only_with_others_gains_something() -> None:
    """A training that can change the choice only together with others gains something, if there are epochs for them."""
    doubtful = posterior([0.80, 0.806], [0.01, 0.0], noise=0.03)
    alone = gain_of_full(doubtful, np.array([0]), left=1, price=1)[0]
    several = gain_of_full(doubtful, np.array([0]), left=8, price=1)[0]
    assert several > 2 * alone


def test_brief_trainings_gain_more_the_more_they_tell() -> None:
    """Brief trainings gain more the more they tell, and all less than a full one does, per training."""
    told = [
        gain_of_brief(posterior([0.8, 0.8], [0.02, 0.0], share=share), np.array([0]), left=1, price=1, noise=0.01)[0]
        for share in (0.0, 0.5, 0.9)
    ]
    full = gain_of_full(posterior([0.8, 0.8], [0.02, 0.0]), np.array([0]), left=1, price=1)[0]
    assert told[0] == pytest.approx(0, abs=1e-12)
    assert told[0] < told[1] < told[2] < full
