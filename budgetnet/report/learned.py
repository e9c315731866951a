"""Knowledge of a study's model: the document that the search has written down, or one worked out now, and its words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.errors import BudgetnetError
from budgetnet.records.lookup import Trials
from budgetnet.records.trial import Record
from budgetnet.text import NOTHING, count_text, counted, joined_table, percent

__all__ = ["credible", "learned_document", "learned_text", "trust_text"]

EFFECTS_LISTED = 6
"""Features and decisions listed, each."""
LIMIT_RECORDS = 500
"""Trials from which knowledge is worked out where the search has written none down; features take milliseconds each."""


def learned_document(trials: Trials) -> Mapping[str, Any] | None:
    """Return what a study's model believes: as the search wrote it down, else worked out from the records.

    None where there are too few trainings, or where the grammar no longer derives the networks. Of more than
    `LIMIT_RECORDS` trials, those trained in full, the best half and an even sample of the others are taken.
    """
    if trials.learned is not None:
        return trials.learned
    from budgetnet.search.learned import learn  # loads scikit-learn

    try:
        found = learn(trials.study, _sampled(trials), trials.finalists)
    except BudgetnetError:
        return None
    return None if found is None else found.document()


def _sampled(trials: Trials) -> Sequence[Record]:
    if len(trials.records) <= LIMIT_RECORDS:
        return trials.records
    full = {finalist.trial for finalist in trials.finalists}
    ordered = sorted(trials.records, key=lambda one: (one.number not in full, -(one.accuracy or 0.0), one.number))
    best, rest = ordered[: LIMIT_RECORDS // 2], ordered[LIMIT_RECORDS // 2 :]
    step = -(-len(rest) // (LIMIT_RECORDS // 2))
    return sorted([*best, *rest[::step]], key=lambda one: one.number)


def trust_text(found: Mapping[str, Any]) -> list[str]:
    """Return sentences on what the model has seen and how well it ranks, its warning included."""
    trust = found["trust"]
    lines = [
        f"The model has seen {counted(found['networks'], 'network')}: {count_text(found['brief'])} brief and "
        f"{counted(found['full'], 'full training')}."
    ]
    if trust["model"] is not None:
        brief = NOTHING if trust["brief"] is None else f"{trust['brief']:+.2f}"
        lines.append(
            f"Rank correlation with full training, each of {trust['networks']} networks left out in turn: model "
            f"{trust['model']:+.2f}, brief accuracies alone {brief}."
        )
    if found["warning"]:
        lines.append(f"Warning: {found['warning']}.")
    return lines


def learned_text(found: Mapping[str, Any] | None) -> list[str]:
    """Return what was learned, in a few lines and a table; nothing where nothing was.

    Args:
        found: a document of `budgetnet.search.learned.Learned`.
    """
    if found is None:
        return []
    lines = ["What the model learned:", *trust_text(found)]
    rows = [row for kind in ("features", "decisions") for row in _rows(found[kind])]
    if rows:
        lines += ["", *joined_table(["feature or decision", "worth, points", "90 % interval", "of"], rows, left=(0, 3))]
    predictions = found["predictions"]
    if predictions:
        header = ["trial", "predicted %", "seen % in full", "trainings"]
        cells = [
            [
                str(one["trial"]),
                f"{percent(one['predicted'])} ± {percent(one['deviation'])}",
                percent(one["seen"]),
                str(one["runs"]),
            ]
            for one in predictions
        ]
        lines += [
            "",
            "Predicted without a network's own trainings, against what was seen:",
            *joined_table(header, cells),
        ]
    return lines


def credible(effect: Mapping[str, Any]) -> bool:
    """Return True if an effect's interval does not contain zero."""
    return bool(effect["low"] > 0 or effect["high"] < 0)


def _rows(effects: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the strongest effects whose interval does not contain zero."""
    return [
        [
            one["name"],
            f"{100 * one['effect']:+.2f}",
            f"{100 * one['low']:+.2f} to {100 * one['high']:+.2f}",
            "with against without" if one["binary"] else "one deviation more",
        ]
        for one in [effect for effect in effects if credible(effect)][:EFFECTS_LISTED]
    ]
