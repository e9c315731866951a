"""Decisions that matter: what they explain, beside Optuna's importance."""

from __future__ import annotations

import random

import pytest

from budgetnet.report.analysis.option_effects import decision_effects
from budgetnet.report.analysis.optuna_importance import optuna_importance


@pytest.fixture
def decided(make_record):
    """Forty networks whose accuracy follows from their width alone."""
    rng = random.Random(0)
    records = []
    for number in range(40):
        width, kernel = rng.choice((8, 16, 32)), rng.choice((3, 5))
        accuracy = 0.5 + width / 100 + rng.gauss(0, 0.005)
        decisions = {"stage[0].c": width, "stage[1].c": width, "kernel": kernel, "only": "one"}
        records.append(make_record(number, accuracy, decisions=decisions))
    return records


def test_the_decision_that_decides_explains_the_variance(decided):
    """Repetitions are one decision, a decision without a second option is none, chance explains nothing."""
    effects = decision_effects(decided)
    assert [effect.name for effect in effects] == ["stage.c", "kernel"]
    assert effects[0].explained > 0.9
    assert effects[1].explained < 0.2
    assert [option.label for option in effects[0].options] == [32, 16, 8]
    assert sum(option.networks for option in effects[0].options) == 40
    assert effects[0].options[0].accuracy == pytest.approx(0.82, abs=0.01)


def test_labels_of_different_types_are_different_options(make_record):
    """1 and True are equal to Python, and two options."""
    records = [make_record(number, 0.5, decisions={"x": label}) for number, label in enumerate((1, True, 1, True))]
    assert {repr(option.label) for option in decision_effects(records)[0].options} == {"1", "True"}


def test_too_few_or_equal_accuracies_explain_nothing(make_record):
    """No variance, nothing to explain; nothing trained, nothing to say."""
    records = [make_record(number, 0.5, decisions={"x": number % 2}) for number in range(4)]
    assert decision_effects(records)[0].explained == 0.0
    assert decision_effects(records[:2])[0].explained == 0.0
    assert decision_effects([]) == ()


def test_optuna_sees_the_same(decided):
    """Its importance sums to 1, repetitions added up, and prefers the width."""
    found = optuna_importance(decided)
    assert set(found) == {"stage.c", "kernel"}
    assert sum(found.values()) == pytest.approx(1)
    assert found["stage.c"] > found["kernel"]


def test_optuna_is_not_asked_about_nothing(make_record):
    """One trial, or trials without a decision, have no importance."""
    assert optuna_importance([make_record(0)]) == {}
    assert optuna_importance([make_record(0), make_record(1)]) == {}
