"""Texts of a figure's points for readers that have no table of attempts beside it, such as Optuna's dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.pages.figure import Figure, figure_label
from budgetnet.records.trial import Record
from budgetnet.text import count_text, percent, short_count

__all__ = ["point_texts", "with_texts"]

_OWN = ("rows", "table", "notes")
"""Keys of traces that only budgetnet's pages know."""
_PER_LINE = 4
"""Parts of a network's short line on each line of a text."""


def point_texts(records: Sequence[Record]) -> dict[int, str]:
    """Return the text of each trial's points: number, outcome, accuracy, costs and the network in short."""
    return {record.number: _text(record) for record in records}


def with_texts(figure: Figure, texts: Mapping[int, str]) -> Figure:
    """Return a figure whose points carry their texts themselves.

    Args:
        figure: a figure whose traces may name their points' trials by ``rows``.
        texts: from `point_texts`.
    """
    return {**figure, "data": [_plain(trace, texts) for trace in figure["data"]]}


def _plain(trace: Mapping[str, Any], texts: Mapping[int, str]) -> dict[str, Any]:
    plain = {key: value for key, value in trace.items() if key not in _OWN}
    if "rows" in trace:
        notes = trace.get("notes") or [""] * len(trace["rows"])
        plain["hovertext"] = [
            "<br>".join(part for part in (texts.get(number, ""), figure_label(note)) if part)
            for number, note in zip(trace["rows"], notes, strict=True)
        ]
    return plain


def _text(record: Record) -> str:
    parts = record.arch.split(" · ")
    lines = [
        f"trial {record.number}, {record.outcome.replace('_', ' ')}: {percent(record.accuracy)} %",
        f"{count_text(record.params)} parameters, {short_count(record.flops)} FLOPs",
        *(" · ".join(parts[at : at + _PER_LINE]) for at in range(0, len(parts), _PER_LINE)),
    ]
    return "<br>".join(map(figure_label, lines))
