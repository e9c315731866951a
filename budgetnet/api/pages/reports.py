"""Pages about reports: report, compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from budgetnet.api.pages.printout import Printout
from budgetnet.api.reports import report
from budgetnet.api.say import Say

__all__ = ["report_answer"]


def report_answer(
    source: Path, *, out: Path | None, limits: Sequence[int], storage: str | None, run: Path | None, say: Say
) -> Printout:
    """Write a report; see `budgetnet.api.reports.report`."""
    written = report(source, out=out, limits=limits, storage=storage, run=run, say=say)
    return Printout(lines=[str(written.page)], document=written.document)
