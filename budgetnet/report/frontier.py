"""The networks that nothing beats: no other trained one has as few parameters and as high an accuracy."""

from __future__ import annotations

from collections.abc import Iterable

from budgetnet.records.ranking import first_front
from budgetnet.records.trial import Record
from budgetnet.text import count_text, joined_table, percent, short_count

__all__ = ["frontier", "frontier_text"]


def frontier(records: Iterable[Record]) -> tuple[Record, ...]:
    """Return the Pareto front of fewest parameters and highest validation accuracy, smallest network first.

    Only trials that were trained by the whole recipe count, here or in a comparable study: an accuracy after fewer
    epochs, or one taken over from an equal network of this study, is not a point of its own. Of two trials with equal
    numbers the earlier one stays.
    """
    trained = [
        record for record in records if record.scored and record.params is not None and record.accuracy is not None
    ]
    return tuple(first_front(trained))


def frontier_text(front: Iterable[Record]) -> list[str]:
    """Return the front as a table for people, nothing where it is empty; accuracies are in percent."""
    rows = [
        [
            str(record.number),
            percent(record.accuracy),
            count_text(record.params),
            short_count(record.flops),
            record.arch,
        ]
        for record in front
    ]
    return joined_table(["trial", "val %", "parameters", "FLOPs", "network"], rows, left=(4,)) if rows else []
