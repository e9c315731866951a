"""Progress for programs: one JSON object per line on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from budgetnet.search.events import SearchListener

__all__ = ["json_events", "json_messages"]


@contextmanager
def json_events(stream: TextIO | None = None) -> Iterator[SearchListener]:
    """Write each event of a search to *stream* (stderr if None) as a line of JSON."""
    from budgetnet.report.search_events import event_document

    yield lambda event: _write(event_document(event), stream)


def json_messages(stream: TextIO | None = None) -> Callable[[str], object]:
    """Return what writes a message to *stream* (stderr if None) as a line of JSON."""
    return lambda text: _write({"event": "message", "text": text}, stream)


def _write(document: dict[str, Any], stream: TextIO | None) -> None:
    from budgetnet.api.schemas.commands import schema_name

    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"schema": schema_name("event"), "time": now, **document}
    print(json.dumps(line, ensure_ascii=False, allow_nan=False), file=stream or sys.stderr, flush=True)
