"""A study's target: by what it is judged, and which networks reached it. The same words wherever it is told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import Trials
from budgetnet.records.ranking import reaches
from budgetnet.text import counted, percent, some_of

__all__ = ["target_document", "target_text"]

MOST_NUMBERS = 8
"""Trials that are listed by number in a sentence."""


def target_text(trials: Trials) -> list[str]:
    """Return sentences on the target: brief training first, then full training if there is any; none without a target.

    A search judges by validation images after brief training. A network seldom reaches after three epochs what it
    reaches after twenty, so both are told.
    """
    study = trials.study
    found = target_document(trials)
    if study.target is None or found is None:
        return []
    there = found["brief"]
    who = (
        f"{counted(len(there), 'trial')} reached it: {some_of(there, MOST_NUMBERS)}" if there else "no trial reached it"
    )
    lines = [
        f"Target {percent(study.target, 1)} %, by validation images after brief training "
        f"({counted(study.training.epochs, 'epoch')}), which the search judges by: {who}."
    ]
    judged = []
    if any(finalist.validation.n for finalist in trials.finalists):
        judged.append(f"on validation images by {_finalists(found['full'])}")
    if any(finalist.score.n for finalist in trials.finalists):
        judged.append(f"on test images by {_finalists(found['test'])}")
    if judged:
        lines.append(f"After full training, as a mean over seeds, it was reached {' and '.join(judged)}.")
    return lines


def target_document(trials: Trials) -> dict[str, Any] | None:
    """Return the numbers of the trials that reached the target, by what judged them; None without a target."""
    target = trials.study.target
    if target is None:
        return None
    return {
        "brief": [record.number for record in trials.records if reaches(record, target)],
        "full": _there(trials.finalists, target, test=False),
        "test": _there(trials.finalists, target, test=True),
    }


def _there(finalists: Iterable[Finalist], target: float, *, test: bool) -> list[int]:
    means = [(one.trial, (one.score if test else one.validation).mean) for one in finalists]
    return [trial for trial, mean in means if mean is not None and mean >= target]


def _finalists(numbers: Sequence[int]) -> str:
    if not numbers:
        return "no finalist"
    return f"{'finalist' if len(numbers) == 1 else 'finalists'} {some_of(numbers, MOST_NUMBERS)}"
