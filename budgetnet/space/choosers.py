"""Choosers: who answers the decisions of a derivation."""

from __future__ import annotations

import random
from collections.abc import Mapping

from budgetnet.derivation.decision import Chooser, Decision, Label
from budgetnet.errors import SearchError

__all__ = ["label_index", "prior", "replay", "unanswered"]


def prior(rng: random.Random) -> Chooser:
    """Draw by the grammar's weights among the allowed options."""

    def choose(decision: Decision) -> int:
        weights = [
            weight if allowed else 0.0 for weight, allowed in zip(decision.weights, decision.allowed, strict=True)
        ]
        return rng.choices(range(len(weights)), weights)[0]

    return choose


def replay(recorded: Mapping[str, Label], otherwise: Chooser) -> Chooser:
    """Answer by name and label as recorded; what was not recorded, or is no longer on offer, goes to *otherwise*."""

    def choose(decision: Decision) -> int:
        if decision.name in recorded:
            index = label_index(decision, recorded[decision.name])
            if index is not None and decision.allowed[index]:
                return index
        return otherwise(decision)

    return choose


def label_index(decision: Decision, label: Label) -> int | None:
    """The index of a label among a decision's options, or None; ``1``, ``1.0`` and ``True`` are three labels."""
    for index, offered in enumerate(decision.labels):
        if offered == label and type(offered) is type(label):
            return index
    return None


def unanswered(decision: Decision) -> int:
    """A chooser for recorded derivations, which leave nothing open."""
    raise SearchError(f"a recorded network cannot be derived again: {decision.name} has no answer; report this study")
