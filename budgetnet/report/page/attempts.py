"""Every attempt of a search as a table to sort, filter and search."""

from __future__ import annotations

from budgetnet.pages.blocks import Column, DataTable
from budgetnet.records.lookup import Trials
from budgetnet.records.trial import Record
from budgetnet.report.figures.search_figures import TABLE
from budgetnet.report.page.drawn import drawn_trials

__all__ = ["attempt_table"]

_COLUMNS = (
    Column(name="trial", format="plain"),
    Column(name="outcome", format="choice"),
    Column(name="val %", format="percent", bound="least"),
    Column(name="parameters", format="count", bound="most"),
    Column(name="FLOPs", format="short", bound="most"),
    Column(name="depth", format="plain"),
    Column(name="epochs", format="plain"),
    Column(name="time", format="seconds"),
    Column(name="reason or origin"),
    Column(name="network"),
    Column(name="network as text", format="long"),
    Column(name="decisions", format="long"),
)
_LATENCY = Column(name="latency ms", format="plain")
"""Stands behind the other times, where it was measured."""
_TIMES = 8
_HOVER = (0, 1, 2, 3, 4, 6)


def attempt_table(trials: Trials) -> DataTable:
    """Return all trials, by number, with drawings of those that matter most."""
    found = drawn_trials(trials)
    timed = any(record.latency is not None for record in trials.records)
    return DataTable(
        name=TABLE,
        columns=(*_COLUMNS[:_TIMES], *((_LATENCY,) if timed else ()), *_COLUMNS[_TIMES:]),
        rows=[_row(record, timed=timed) for record in trials.records],
        hover=_HOVER,
        drawings=found.drawings,
        drawn=found.of_trial,
        draw=trials.command("show", f"{trials.study.path}:{{}}", "--draw", "network.svg").replace("'", ""),
    )


def _row(record: Record, *, timed: bool) -> list[str | float | None]:
    why = "; ".join(part for part in (record.reason, record.origin and f"from {record.origin}") if part)
    return [
        record.number,
        record.outcome.replace("_", " "),
        record.accuracy,
        record.params,
        record.flops,
        record.depth,
        record.epochs or None,
        record.seconds,
        *([None if record.latency is None else round(1000 * record.latency, 3)] if timed else []),
        " ".join(why.split()),
        record.arch,
        record.network.strip(),
        "\n".join(f"{name} = {label}" for name, label in record.decisions.items()),
    ]
