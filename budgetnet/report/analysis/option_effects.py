"""The decisions that matter: accuracy with each option, and the share of its variance that a decision explains.

These are associations in the trials that a search chose to train, not effects of single changes: a sampler that
prefers good networks combines good options.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from budgetnet.derivation.decision import Label
from budgetnet.records.trial import Record

__all__ = ["DecisionEffect", "OptionEffect", "decision_effects"]

Options = tuple[tuple[type, Label], ...]


@dataclass(frozen=True, slots=True)
class OptionEffect:
    """The networks that take an option."""

    label: Label
    networks: int
    accuracy: float
    """Mean on validation images."""
    error: float | None
    """Standard error of the mean; None below two networks."""


@dataclass(frozen=True, slots=True)
class DecisionEffect:
    """One decision; those that differ in a repetition's index only are one."""

    name: str
    explained: float
    """Share of the variance of accuracy between the networks' options, less what chance would explain, 0..1."""
    options: tuple[OptionEffect, ...]
    """Best mean first."""


def decision_effects(records: Iterable[Record]) -> tuple[DecisionEffect, ...]:
    """Return the decisions with at least two options among the fully trained networks, the most telling first.

    The share is the adjusted coefficient of determination of the decision alone, where networks that do not make the
    decision are a group of their own; below 0 it is 0.
    """
    scored = [(record, record.accuracy) for record in records if record.scored and record.accuracy is not None]
    taken = [(_options(record), accuracy) for record, accuracy in scored if record.decisions]
    names = dict.fromkeys(name for options, _ in taken for name in options)
    effects = [_effect(name, taken) for name in names]
    found = [effect for effect in effects if len(effect.options) > 1]
    return tuple(sorted(found, key=lambda effect: (-effect.explained, effect.name)))


def _options(record: Record) -> dict[str, Options]:
    """A record's options by decision, indices of repetitions left out."""
    options: dict[str, list[tuple[type, Label]]] = defaultdict(list)
    for name, label in record.decisions.items():
        options[re.sub(r"\[\d+\]", "", name)].append((type(label), label))
    return {name: tuple(sorted(labels, key=repr)) for name, labels in options.items()}


def _effect(name: str, taken: list[tuple[dict[str, Options], float]]) -> DecisionEffect:
    groups: dict[Options, list[float]] = defaultdict(list)
    by_label: dict[tuple[type, Label], list[float]] = defaultdict(list)
    for options, accuracy in taken:
        here = options.get(name, ())
        groups[here].append(accuracy)
        for label in dict.fromkeys(here):
            by_label[label].append(accuracy)
    shown = [OptionEffect(label, len(values), *_mean(values)) for (_, label), values in by_label.items()]
    return DecisionEffect(
        name, _explained(list(groups.values())), tuple(sorted(shown, key=lambda option: -option.accuracy))
    )


def _mean(values: list[float]) -> tuple[float, float | None]:
    mean = math.fsum(values) / len(values)
    if len(values) < 2:
        return mean, None
    return mean, math.sqrt(_squares(values) / (len(values) - 1) / len(values))


def _explained(groups: list[list[float]]) -> float:
    """Adjusted share of variance between groups; 0 where there are too few values to tell."""
    values = [value for group in groups for value in group]
    free = len(values) - len(groups)
    if free < 1 or len(groups) < 2:
        return 0.0
    whole = _squares(values)
    within = math.fsum(_squares(group) for group in groups)
    if whole <= 0.0:
        return 0.0
    return max(0.0, 1.0 - (within / free) / (whole / (len(values) - 1)))


def _squares(values: list[float]) -> float:
    """Sum of squared differences from the mean."""
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values)
