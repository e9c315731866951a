"""Knowledge of a study's model, as text: from the document that the search has written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.text import NOTHING, counted, joined_table, percent

__all__ = ["learned_text"]

EFFECTS_LISTED = 6
"""Features and decisions listed, each."""


def learned_text(found: Mapping[str, Any] | None) -> list[str]:
    """Return what was learned, in a few lines and a table; nothing where nothing was.

    Args:
        found: a document of `budgetnet.search.learned.Learned`.
    """
    if found is None:
        return []
    trust = found["trust"]
    sizes = f"{counted(found['networks'], 'network')}, {found['brief']} brief and {found['full']} full trainings"
    lines = [f"What the model learned ({sizes}):"]
    if found["warning"]:
        lines.append(f"warning: {found['warning']}")
    if trust["model"] is not None:
        brief = NOTHING if trust["brief"] is None else f"{trust['brief']:+.2f}"
        lines.append(
            f"Rank correlation with full training, each of {trust['networks']} networks left out in turn: model "
            f"{trust['model']:+.2f}, brief accuracies alone {brief}."
        )
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


def _rows(effects: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """Return the strongest effects whose interval does not contain zero."""
    credible = [one for one in effects if one["low"] > 0 or one["high"] < 0]
    return [
        [
            one["name"],
            f"{100 * one['effect']:+.2f}",
            f"{100 * one['low']:+.2f} to {100 * one['high']:+.2f}",
            "with against without" if one["binary"] else "one deviation more",
        ]
        for one in credible[:EFFECTS_LISTED]
    ]
