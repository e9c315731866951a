"""Reports from Python: a study, or the trainings of one network, as a page that opens without a connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.api.say import Say, say_damage, say_nothing, say_run_folder
from budgetnet.api.studies import as_study
from budgetnet.errors import RequestError
from budgetnet.files.study import Study

if TYPE_CHECKING:
    from budgetnet.report.analysis.comparison import Comparison

__all__ = ["WrittenReport", "compare", "report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenReport:
    """A report that was written."""

    page: Path
    """The HTML file; it loads nothing from elsewhere."""
    document: Mapping[str, Any]
    """Its facts, as ``budgetnet report --json`` prints them; accuracies are fractions."""


def report(
    source: Study | str | Path,
    *,
    out: str | Path | None = None,
    limits: Sequence[int] = (),
    storage: str | None = None,
    run: str | Path | None = None,
    say: Say = say_nothing,
) -> WrittenReport:
    """Write the report of a study, or of the folder that `train` left, as one HTML page.

    Args:
        source: a study, the path of its file, or a folder with a ``training.json``.
        out: the page; ``report.html`` in the run folder, or in the training's folder, if None.
        limits: numbers of parameters within which to name the best network; a quarter, a half and all of the budget
            if there are none.
        storage: address of the study's database; ``study.db`` in the run folder if None.
        run: the study's run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        say: told which run folder is used, if that is not the usual one.

    Returns:
        The page's path, and its facts.

    Raises:
        RequestError: there is nothing to report, or the page cannot be written there.
        SearchError: the database cannot be used.

    >>> import budgetnet as bn
    >>> bn.report("studies/quickstart.yaml", run="nowhere")
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: there are no trials of quickstart yet: nowhere/study.db does not exist;
        first run: budgetnet search studies/quickstart.yaml --out nowhere
    """
    from budgetnet.pages.page import check_place
    from budgetnet.report.report import REPORT_FILE

    place = None if out is None else Path(out)
    if place is not None:
        check_place(place)
    if not isinstance(source, Study) and Path(source).is_dir():
        return _training_report(Path(source), place)
    from budgetnet.records.lookup import open_trials
    from budgetnet.report.report import study_report_document, write_study_report
    from budgetnet.text import command_text

    asked = as_study(source)
    say_run_folder(asked, run, say)
    trials = open_trials(asked, storage=storage, out=None if run is None else Path(run))
    say_damage(trials, say)
    page = place or trials.folder / REPORT_FILE
    check_place(page)
    words = trials.command("report", asked.path, *([] if place is None else ["--out", place]))
    if limits:
        words += command_text(*(word for limit in limits for word in ("--at", limit))).removeprefix("budgetnet")
    write_study_report(trials, page, limits=limits, command=words)
    return WrittenReport(page=page, document=study_report_document(trials, limits) | {"page": str(page)})


def _training_report(folder: Path, place: Path | None) -> WrittenReport:
    from budgetnet.records.training_folder import read_training
    from budgetnet.report.report import REPORT_FILE, write_training_report
    from budgetnet.text import command_text

    training = read_training(folder)
    if training is None:
        advice = (
            f"for a search write the study's file: budgetnet report STUDY --run {folder}"
            if (folder / "study.db").is_file()
            else "name a study file, or a folder that budgetnet train has made"
        )
        raise RequestError(f"a report needs a study or a training, but {folder} holds no training.json; {advice}")
    page = place or folder / REPORT_FILE
    words = command_text("report", folder, *([] if place is None else ["--out", place]))
    write_training_report(training, folder, page, command=words)
    return WrittenReport(page=page, document={"kind": "training", **training.document(), "page": str(page)})


def compare(
    studies: Sequence[Study | str | Path], *, runs: Sequence[str | Path | None] = (), say: Say = say_nothing
) -> Comparison:
    """Compare studies by what they had found after equal numbers of trained networks, and after equal time.

    Args:
        studies: at least two: studies, paths of their files, or ``STUDY:RUN`` with a run folder. A variant of a study
            is ``STUDY@sampler=tpe`` or ``STUDY@params=100k``.
        runs: their run folders, None for the usual one; all of them usual if there are none.
        say: told which run folders are used, if those are not the usual ones.

    Returns:
        Each study's best at equal trials and at equal time, its frontier, and tests between groups of seeds.

    Raises:
        RequestError: there are fewer than two, or no search has run for one of them.
        SearchError: a database cannot be used.

    >>> import budgetnet as bn
    >>> bn.compare(["studies/quickstart.yaml"])
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: a comparison needs at least two studies, but got 1; name another study file
    """
    from budgetnet.records.lookup import open_trials
    from budgetnet.report.analysis.comparison import compare_studies, require_two

    read: list[tuple[Study, str | Path | None]] = []
    for place, study in enumerate(studies):
        source, run = (study, runs[place] if place < len(runs) else None)
        if isinstance(source, str) and run is None and ":" in source and not Path(source).is_file():
            source, _, run = source.rpartition(":")
        read.append((as_study(source), run))
    require_two(studies)
    named = []
    for study, (asked, run) in zip(studies, read, strict=True):
        say_run_folder(asked, run, say)
        name = study.name if isinstance(study, Study) else str(study)
        trials = open_trials(asked, out=None if run is None else Path(run))
        say_damage(trials, say)
        named.append((name, trials))
    short = [asked.study.name for _, asked in named]
    if len(set(short)) == len(short):  # names of studies are shorter than their addresses
        named = [(found.study.name, found) for _, found in named]
    return compare_studies(named)
