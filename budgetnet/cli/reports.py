"""The commands that look back: report, compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.cli.options import DataDir, Json, Run, Storage
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import count_numbers

__all__ = ["compare_command", "report_command"]


def report_command(
    source: Annotated[
        Path,
        typer.Argument(metavar="STUDY|DIR", help="A study file, or a folder that train has made.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The page.  [default: report.html in the run folder]")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="N,N,…", help="Name the best network within so many parameters, e.g. 50k,100k."),
    ] = None,
    show: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    storage: Storage = None,
    run: Run = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Write a report as one HTML page that opens offline.

    Of a study: a summary in words, accuracy against size, the way to the best network, what mattered, finalists with
    confusions and mistakes, and every attempt. Of a folder that train has made: curves, classes and mistakes.
    """
    from budgetnet.api.pages.reports import report_answer
    from budgetnet.api.pages.trainings import use_data_folder

    use_data_folder(data_dir)
    limits = () if at is None else count_numbers(at, "--at")
    answer = report_answer(source, out=out, limits=limits, storage=storage, run=run, say=say)
    put(answer, as_json=as_json)
    if show:
        typer.launch(str(answer.document["page"]))


def compare_command(
    studies: Annotated[
        list[str],
        typer.Argument(
            metavar="STUDY STUDY…",
            help="Study files, each with :DIR for another run folder, or variants such as my.yaml@sampler=tpe.",
            show_default=False,
        ),
    ],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with figures, too.")] = None,
    as_json: Json = False,
) -> None:
    """Compare studies at equal trials and at equal time.

    Where two settings have at least two seeds each, their difference is tested.
    """
    from budgetnet.api.pages.reports import comparison_answer

    put(comparison_answer(studies, html=html, say=say), as_json=as_json)
