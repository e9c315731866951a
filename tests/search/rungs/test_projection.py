"""Projection of a training to its end: by accuracy, by train loss, and with dropout allowed for."""

from __future__ import annotations

import numpy as np
import pytest

from budgetnet.search.rungs.projection import LEAST_COMPLETED, RungProgress, project


def known(count: int = 40, *, dropout: float = 0.0, loud: float = 0.05) -> list[tuple[RungProgress, float]]:
    """Return completed trainings: accuracies at the rung are loud, train losses say what each will come to."""
    rng = np.random.default_rng(1)
    found = []
    for place in range(count):
        last = 0.6 + 0.03 * rng.standard_normal()
        rate = dropout * (place % 2)
        accuracy = last - 0.2 + loud * rng.standard_normal()
        found.append((RungProgress(float(accuracy), 2.0 - 2 * last + rate, rate), float(last)))
    return found


def test_few_trainings_project_nothing() -> None:
    """Two numbers would be read as a law."""
    assert project(known()[: LEAST_COMPLETED - 1], RungProgress(0.4, 0.8)) is None
    assert project(known()[:LEAST_COMPLETED], RungProgress(0.4, 0.8)) is not None


def test_the_train_loss_tells_more_where_accuracies_are_loud() -> None:
    """Two networks of one accuracy at the rung differ by their losses; without losses the accuracy is what is left."""
    low, high = (project(known(), RungProgress(0.4, 2.0 - 2 * last)) for last in (0.55, 0.65))
    assert low.by_loss
    assert (low.mean, high.mean) == (pytest.approx(0.55, abs=0.01), pytest.approx(0.65, abs=0.01))
    plain = [(RungProgress(one.accuracy), last) for one, last in known()]
    without = project(plain, RungProgress(0.4))
    assert not without.by_loss
    assert without.deviation > 2 * low.deviation


def test_accuracy_decides_where_losses_say_nothing() -> None:
    """The evidence weighs the two; noise as a loss does not change what is projected."""
    rng = np.random.default_rng(3)
    told = [(RungProgress(one.accuracy, float(rng.random())), last) for one, last in known(loud=0.002)]
    found = [project(told, RungProgress(0.42, loss)).mean for loss in (0.1, 0.9)]
    assert found == pytest.approx([0.62, 0.62], abs=0.005)


def test_dropout_is_no_disadvantage() -> None:
    """The same network with dropout has a higher train loss, and is projected to the same end."""
    told = known(dropout=0.3)
    plain, dropped = project(told, RungProgress(0.4, 0.8)), project(told, RungProgress(0.4, 1.1, 0.3))
    assert plain.by_loss
    assert dropped.by_loss
    assert dropped.mean == pytest.approx(plain.mean, abs=0.005)


def test_more_dropout_than_was_ever_seen_leaves_the_loss_out() -> None:
    """Nothing tells how much of the loss is dropout's then."""
    assert not project(known(), RungProgress(0.4, 1.1, 0.3)).by_loss
    assert not project(known(dropout=0.3), RungProgress(0.4, 1.6, 0.9)).by_loss
