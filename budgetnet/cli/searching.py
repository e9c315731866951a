"""A search as the command line runs it: the study with the options it was given, shown while it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.errors import RequestError
from budgetnet.files.study import Study
from budgetnet.records.lookup import Trials

if TYPE_CHECKING:
    from budgetnet.export.export import Export
    from budgetnet.search.events import EndReason

__all__ = ["export_best", "run_search", "with_search_options"]


def with_search_options(study: Study, options: Mapping[str, Any], start_from: Sequence[Path] = ()) -> Study:
    """Return the study with some of its search options (by their names) replaced, and more networks to start from.

    Raises:
        RequestError: an option breaks its key's rule, a target is to end the search of a study that has none,
            or a file to start from is missing.
    """
    if options.get("stop_at_target") and study.target is None:
        raise RequestError(f"--stop-at-target needs a target, which {study.path} lacks; add target: {{accuracy: 85%}}")
    for path in start_from:
        if not path.is_file():
            raise RequestError(f"--start-from: there is no network file {path}; check the path")
    return replace(study, search=replace(study.search, **options), start_from=(*study.start_from, *start_from))


def run_search(
    study: Study,
    *,
    storage: str | None = None,
    out: Path | None = None,
    device: str = "auto",
    fresh: bool = False,
    finalists: bool = True,
    say: Callable[[str], object],
) -> tuple[Trials, EndReason]:
    """Run a study or go on with it, with progress on stderr; return what its database then holds, and why it ended.

    Args and errors: see `budgetnet.search.run.search`; *say* is told what is suspicious about the space.
    """
    from budgetnet.cli.progress.search import show_search
    from budgetnet.files.spaces import checked_space
    from budgetnet.search.run import search

    checked_space(study, say=say)
    with show_search() as listen:
        found = search(study, storage=storage, out=out, device=device, fresh=fresh, finalists=finalists, listen=listen)
    trials = Trials(
        study=study, folder=found.folder, storage=found.storage, records=found.records, finalists=found.finalists
    )
    return trials, found.ended


def export_best(trials: Trials) -> Export | None:
    """Export a search's answer into its run folder; None where the best network has no weights (yet).

    Raises:
        ExportError: what was written does not behave like what was trained.
    """
    from budgetnet.export.export import export
    from budgetnet.report.study import best_trial

    leader = best_trial(trials)
    finalist = None if leader is None else trials.finalist(leader.number)
    if finalist is None or not any(run.weights and run.diverged is None for run in finalist.runs):
        return None
    return export(trials, out=trials.folder / "export")
