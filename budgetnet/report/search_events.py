"""Events of a search as JSON, one line each, for programs that watch it."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.generations.generation import Generation
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.report.trials import record_document
from budgetnet.search.events import SearchEvent, TrialDone
from budgetnet.training.data.facts import DataFacts

__all__ = ["event_document"]


def event_document(event: SearchEvent) -> dict[str, Any]:
    """Return an event as JSON holds it: its name as ``event``, then its fields; accuracies are fractions.

    A finished trial is given whole as ``trial``; elsewhere trials are given by their numbers, and the trials that a
    study had when it was opened by their number only.
    """
    name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
    found: dict[str, Any] = {"event": name}
    for entry in fields(event):
        value = getattr(event, entry.name)
        if isinstance(event, TrialDone) and isinstance(value, Record) and entry.name == "record":
            found["trial"] = record_document(value)
        elif entry.name == "records":
            found["records"] = len(value)
        else:
            found[{"record": "number"}.get(entry.name, entry.name)] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    match value:
        case Record():
            return value.number
        case TrainingRun() | StudyChoice() | DataFacts() | Generation():
            return value.document()
        case tuple() | list():
            return [_plain(entry) for entry in value]
        case _:
            return value
