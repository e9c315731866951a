"""Figures for readers that have neither a table of attempts nor our page around them, such as Optuna's dashboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.pages.figure import COLOURS, Figure, figure_label
from budgetnet.records.trial import Record
from budgetnet.text import count_text, percent, short_count

__all__ = ["on_any_paper", "point_texts", "with_texts"]

_OWN = ("rows", "table", "notes")
"""Keys of traces that only budgetnet's pages know."""
_PER_LINE = 4
"""Parts of a network's short line on each line of a text."""
_BETWEEN = {
    COLOURS["paper"]: "rgba(0, 0, 0, 0)",
    COLOURS["ink"]: "#7b8794",
    COLOURS["soft"]: "#7b8794",
    COLOURS["line"]: "rgba(123, 135, 148, 0.3)",
}
"""Colours that can be read on white and on black, for those that cannot."""


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


def on_any_paper(figure: Figure) -> Figure:
    """Return a figure without a paper of its own, whose text can be read on a light and on a dark page."""
    return {key: _recoloured(value) for key, value in figure.items()}


def _recoloured(part: Any) -> Any:
    if isinstance(part, dict):
        return {key: value if key == "hoverlabel" else _recoloured(value) for key, value in part.items()}
    if isinstance(part, list | tuple):
        return [_recoloured(value) for value in part]
    return _BETWEEN.get(part, part) if isinstance(part, str) else part


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
