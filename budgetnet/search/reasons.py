"""Reasons for trainings, in words for those who watch a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.records.trial import Record
from budgetnet.search.model.policy import PolicyTraining
from budgetnet.search.model.surrogate import Surrogate
from budgetnet.text import percent

__all__ = ["decision_reason", "trial_reason"]


def decision_reason(why: str, key: str, trainings: Sequence[PolicyTraining], model: Surrogate | None) -> str:
    """Return a decision's reason, with what the model predicts and the best seen: numbers first.

    Args:
        why: the policy's reason.
        key: the network to train.
        trainings: all trainings so far.
        model: the model that the decision rests on; None if it was not asked.
    """
    numbers = []
    if model is not None:
        mean, deviation = model.moments([key])
        numbers.append(f"predicted {percent(float(mean[0]), 1)} ± {percent(float(deviation[0]), 1)} % in full")
    full = [one.accuracy for one in trainings if one.accuracy is not None and not one.brief]
    brief = [one.accuracy for one in trainings if one.accuracy is not None and one.brief]
    if full:
        numbers.append(f"best seen {percent(max(full), 1)} %")
    elif brief:
        numbers.append(f"best seen briefly {percent(max(brief), 1)} %")
    return "; ".join(part for part in (", ".join(numbers), why) if part)


def trial_reason(attributes: Mapping[str, Any], sampler: str, best: Record | None) -> str:
    """Return the reason for a trial that no model has decided on.

    Args:
        attributes: the trial's.
        sampler: the study's sampler.
        best: the best trial so far.
    """
    if attributes.get("redo_of") is not None:
        return f"repeats trial {attributes['redo_of']}, which was interrupted"
    if attributes.get("origin"):
        return f"from {attributes['origin']}"
    seen = "nothing seen yet" if best is None else f"best seen briefly {percent(best.accuracy, 1)} %"
    return f"proposed by the sampler {sampler}; {seen}"
