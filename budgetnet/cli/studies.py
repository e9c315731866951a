"""The commands that look at a study's trials: list, dashboard."""

from __future__ import annotations

from typing import Annotated

import typer

from budgetnet.cli.options import Json, Run, Storage, StudyFile
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import whole_option

__all__ = ["dashboard_command", "list_command"]


def list_command(
    study: StudyFile,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="List only this outcome, e.g. completed, over-budget.")
    ] = None,
    top: Annotated[int | None, whole_option("--top", low=1, help="List only the N best, best first.")] = None,
    generation: Annotated[
        int | None,
        whole_option("--generation", low=1, help="List this generation of the study.  [default: the latest]"),
    ] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """List trials with outcome and reason, and the finalists."""
    from budgetnet.api.pages.studies import trials_answer

    found = trials_answer(study, outcome=outcome, top=top, generation=generation, storage=storage, run=run, say=say)
    put(found, as_json=as_json)


def dashboard_command(
    study: StudyFile,
    port: Annotated[
        int, whole_option("--port", low=0, high=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8080,
    host: Annotated[str, typer.Option(help="Address to listen on; by default only this machine's.")] = "127.0.0.1",
    storage: Storage = None,
    run: Run = None,
) -> None:
    """Serve Optuna's dashboard for a study until Ctrl-C."""
    from budgetnet.api.pages.studies import serve_dashboard

    def ready(url: str) -> None:
        say(f"{url}\nCtrl-C ends it")

    serve_dashboard(study, host=host, port=port, storage=storage, run=run, ready=ready, say=say)
