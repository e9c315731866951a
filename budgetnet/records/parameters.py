"""Decisions as Optuna's parameters: one name, one kind of distribution, for the whole life of a study.

Optuna refuses a categorical parameter whose choices change. So a decision whose labels follow from earlier ones
(`Decision.stable` is False) is recorded as the index of the label, and repetition counts, whose bounds may follow
from a parameter, as whole numbers; the range of both may change from trial to trial. The labels themselves are
kept in the trial's ``decisions``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from budgetnet.derivation.decision import Answer, Decision, Label
from budgetnet.space.choosers import label_index

__all__ = ["Parameters", "option_index", "parameter_distribution", "parameters"]


class Parameters(NamedTuple):
    """A derivation as Optuna takes it."""

    values: dict[str, Label]
    distributions: dict[str, BaseDistribution]


def parameters(answers: Iterable[Answer]) -> Parameters:
    """Return the parameters of a derivation."""
    result = Parameters({}, {})
    for decision, index in answers:
        result.values[decision.name] = decision.labels[index] if _by_label(decision) else index
        result.distributions[decision.name] = parameter_distribution(decision)
    return result


def parameter_distribution(decision: Decision) -> BaseDistribution:
    """Return the distribution of a decision."""
    if decision.kind == "count":
        low, high = decision.labels[0], decision.labels[-1]
        assert isinstance(low, int)
        assert isinstance(high, int)
        return IntDistribution(low, high)
    if decision.stable:
        return CategoricalDistribution(decision.labels)
    return IntDistribution(0, len(decision.labels) - 1)


def option_index(decision: Decision, value: Label) -> int | None:
    """Return the option that a parameter's value means here, or None if it is not on offer."""
    if _by_label(decision):
        return label_index(decision, value)
    return value if isinstance(value, int) and 0 <= value < len(decision.labels) else None


def _by_label(decision: Decision) -> bool:
    return decision.kind == "count" or decision.stable
