"""Pages about reports: report, compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from budgetnet.api.pages.printout import Printout
from budgetnet.api.reports import compare, report
from budgetnet.api.say import Say

__all__ = ["comparison_answer", "report_answer"]


def report_answer(
    source: Path, *, out: Path | None, limits: Sequence[int], storage: str | None, run: Path | None, say: Say
) -> Printout:
    """Write a report; see `budgetnet.api.reports.report`."""
    written = report(source, out=out, limits=limits, storage=storage, run=run, say=say)
    return Printout(lines=[str(written.page)], document=written.document, command="report")


def comparison_answer(studies: Sequence[str], *, html: Path | None, say: Say) -> Printout:
    """Compare studies; see `budgetnet.api.reports.compare`. A page is written to *html* if that is given."""
    from budgetnet.report.comparison_text import comparison_document, comparison_text

    if html is not None:
        from budgetnet.pages.page import check_place

        check_place(html)
    found = compare(studies, say=say)
    notes = []
    if html is not None:
        from budgetnet.pages.page import write_page
        from budgetnet.report.page.comparison_page import comparison_page
        from budgetnet.text import command_text

        write_page(html, comparison_page(found, command=command_text("compare", *studies, "--html", html)))
        notes.append(f"wrote {html}")
    lines = comparison_text(found)
    return Printout(lines=lines, document=comparison_document(found), command="compare", notes=notes)
