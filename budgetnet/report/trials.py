"""The trials of a study as a table or as JSON: every one with its outcome and, where it matters, the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from budgetnet.errors import RequestError, nearest
from budgetnet.files.study import Goal
from budgetnet.numbers import time_text
from budgetnet.records.ranking import ranked
from budgetnet.records.trial import OUTCOMES, Record
from budgetnet.text import bytes_text, count_text, duration, joined_table, percent, short_count

__all__ = ["record_document", "select", "tally", "trials_text"]

WIDEST_REASON = 60

_SHOWN = tuple(field.name for field in fields(Record) if field.name != "parameters")
"""Fields of a record in JSON: all but the decisions in Optuna's form."""


def select(
    records: Sequence[Record], *, goal: Goal, target: float | None, outcome: str | None = None, top: int | None = None
) -> tuple[Record, ...]:
    """Return the trials that were asked for, by number, or best first where *top* is given.

    Args:
        records: all trials, by number.
        goal: what the study calls better.
        target: the study's target accuracy as a fraction, if it has one.
        outcome: only those that ended so; ``over-budget`` is the same as ``over_budget``.
        top: only so many, the best first; those without an accuracy follow by number.

    Raises:
        RequestError: there is no such outcome, or *top* is below 1.
    """
    chosen = list(records)
    if outcome is not None:
        wanted = outcome.strip().lower().replace("-", "_").replace(" ", "_")
        if wanted not in OUTCOMES:
            words = [word.replace("_", "-") for word in OUTCOMES]
            hint = nearest(wanted.replace("_", "-"), words)
            raise RequestError(f"--outcome must be one of {', '.join(words)}, but got {outcome!r}{hint}")
        chosen = [record for record in chosen if record.outcome == wanted]
    if top is not None:
        if top < 1:
            raise RequestError(f"the number of trials to list must be at least 1, but got {top}")
        best_first = ranked(chosen, goal, target)
        numbers = {record.number for record in best_first}
        chosen = [*best_first, *(record for record in chosen if record.number not in numbers)][:top]
    return tuple(chosen)


def trials_text(records: Sequence[Record]) -> list[str]:
    """Return one line per trial under a header; accuracies are in percent.

    Flash and RAM are there where RAM is bounded, latency where it was measured.
    """
    bounded = any(record.ram is not None for record in records)
    timed = any(record.latency is not None for record in records)
    rows = [
        [
            str(record.number),
            record.outcome.replace("_", " "),
            percent(record.accuracy),
            count_text(record.params),
            short_count(record.flops),
            *((_bytes(record.flash), _bytes(record.ram)) if bounded else ()),
            *(("" if record.latency is None else time_text(record.latency),) if timed else ()),
            str(record.epochs) if record.epochs else "",
            duration(record.seconds) if record.seconds is not None else "",
            _clipped("; ".join(part for part in (record.reason, record.origin and f"from {record.origin}") if part)),
            record.arch,
        ]
        for record in records
    ]
    more = [*(["flash", "RAM"] if bounded else []), *(["latency"] if timed else [])]
    header = ["trial", "outcome", "val %", "parameters", "FLOPs", *more, "epochs", "time", "reason", "network"]
    return joined_table(header, rows, left=(1, len(header) - 2, len(header) - 1))


def _bytes(value: int | None) -> str:
    return "" if value is None else bytes_text(value)


def tally(records: Sequence[Record]) -> str:
    """Return how many trials ended how, in words: ``"12 completed, 3 stopped early"``."""
    counts = Counter(record.outcome for record in records)
    return ", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in counts.most_common())


def record_document(record: Record) -> dict[str, Any]:
    """Return a trial for `--json`: its fields under their names, fractions, times in ISO 8601."""
    document = {name: getattr(record, name) for name in _SHOWN}
    run = record.training
    document["training"] = run.trial_document() if run is not None and run.recipe else {}
    for moment in ("started", "finished"):
        document[moment] = None if document[moment] is None else document[moment].isoformat(timespec="seconds")
    return document


def _clipped(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= WIDEST_REASON else f"{line[: WIDEST_REASON - 1]}…"
