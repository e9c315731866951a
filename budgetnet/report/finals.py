"""The finalists as a table and as JSON, and whether brief training had ranked them as full training does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from budgetnet.records.finals.finalist import Finalist, final_run_document
from budgetnet.records.training_run import Score
from budgetnet.records.trial import Record
from budgetnet.text import count_text, joined_table, percent, short_count

__all__ = ["finalist_document", "finalists_text", "rank_agreement"]


def finalists_text(finalists: Sequence[Finalist], records: Sequence[Record]) -> list[str]:
    """Return the finalists' table, the best mean test accuracy first; nothing where there are none.

    Args:
        finalists: what is recorded of them.
        records: all trials of their study.
    """
    if not finalists:
        return []
    known = {record.number: record for record in records}
    rows = []
    for finalist in finalists:
        record = known.get(finalist.trial)
        flips = Score.of(run.test_accuracy_flip for run in finalist.runs)
        rows.append(
            [
                str(finalist.trial),
                finalist.score.spread,
                str(finalist.score.n),
                flips.spread,
                percent(record.accuracy if record else None),
                count_text(record.params if record else None),
                short_count(record.flops if record else None),
                record.arch if record else "",
            ]
        )
    header = ["finalist", "test %", "seeds", "flip-averaged %", "val % in search", "parameters", "FLOPs", "network"]
    if not any(run.test_accuracy_flip is not None for finalist in finalists for run in finalist.runs):
        place = header.index("flip-averaged %")
        header, rows = (header[:place] + header[place + 1 :], [row[:place] + row[place + 1 :] for row in rows])
    lines = joined_table(header, rows, left=(len(header) - 1,))
    tau = rank_agreement(finalists, records)
    if tau is not None:
        lines += [
            "",
            f"Brief training ranked these {len(finalists)} networks like full training with Kendall's tau-b = "
            f"{tau:+.2f} (1 equal order, 0 none in common, -1 reversed).",
        ]
    return lines


def rank_agreement(finalists: Sequence[Finalist], records: Sequence[Record]) -> float | None:
    """Return Kendall's tau-b between validation accuracy in the search and mean test accuracy after full training.

    None below three networks, where it says nothing, and where all are equal.
    """
    brief = {record.number: record.accuracy for record in records}
    pairs = [
        (accuracy, mean)
        for finalist in finalists
        if (mean := finalist.score.mean) is not None and (accuracy := brief.get(finalist.trial)) is not None
    ]
    if len(pairs) < 3:
        return None
    from budgetnet.records.rank_correlation import kendall  # loads numpy

    return kendall(*zip(*pairs, strict=True))


def finalist_document(finalist: Finalist) -> dict[str, Any]:
    """Return a finalist for `--json`; accuracies are fractions."""
    return {
        "trial": finalist.trial,
        "test_accuracy": finalist.score.document(),
        "runs": [final_run_document(finalist.trial, run) for run in finalist.runs],
    }
