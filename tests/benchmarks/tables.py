"""What the benchmarks print: what they ran on, tables in Markdown, and the same as JSON."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from budgetnet.workers.environment import environment

__all__ = ["header", "spread", "table", "write_json"]


def header(**more: object) -> dict[str, object]:
    """What a benchmark ran on: hardware, versions, load of the machine before it began, and what is given."""
    found: dict[str, object] = {key: value for key, value in environment().items() if key != "command"}
    if hasattr(os, "getloadavg"):
        found["load before"] = round(os.getloadavg()[0], 2)
    return {**found, **more}


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column to the left, numbers to the right, padded to be read as it is."""
    lines = [list(columns), *[list(row) for row in rows]]
    widths = [max(3, *(len(line[i]) for line in lines)) for i in range(len(columns))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    padded = [
        [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
        for line in (lines[0], rule, *lines[1:])
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in padded)


def spread(values: Sequence[float], digits: int = 2) -> str:
    """``median [least–greatest]``."""
    median, least, most = statistics.median(values), min(values), max(values)
    return f"{median:,.{digits}f} [{least:,.{digits}f}–{most:,.{digits}f}]"


def write_json(path: Path | None, result: dict[str, Any]) -> None:
    """Write a result where a file was asked for."""
    if path is not None:
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
