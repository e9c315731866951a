"""Pages about studies: search, calibrate, tune-recipe, list, dashboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.api.pages.printout import LazyDocument, LazyLines, Printout
from budgetnet.api.say import Say, say_damage, say_run_folder
from budgetnet.api.studies import as_study
from budgetnet.errors import BudgetnetError
from budgetnet.records.loading.collector import collector_held_back

if TYPE_CHECKING:
    from budgetnet.calibrate.judge import Judgement
    from budgetnet.calibrate.recipes.run import ComparedRecipes
    from budgetnet.search.run import SearchSummary

__all__ = ["calibration_answer", "recipes_answer", "search_answer", "serve_dashboard", "trials_answer", "worker_answer"]


def search_answer(found: SearchSummary) -> Printout:
    """Report a search, after its best network has been exported into the run folder if it has weights.

    An export that fails does not take the search's results with it: they are reported, and the exit code is 1.
    """
    from budgetnet.export.export import export_trial
    from budgetnet.records.lookup import Trials
    from budgetnet.report.study import best_trial, ending_text, study_document

    trials = Trials(
        study=found.study,
        folder=found.folder,
        storage=found.storage,
        records=found.records,
        finalists=found.finalists,
        winners=found.winners,
        learned=found.learned,
        data=found.data,
        generation=found.generation,
    )
    leader = best_trial(trials)
    finalist = None if leader is None else trials.finalist(leader.number)
    trained = finalist is not None and any(run.weights for run in finalist.runs)
    interrupted = found.ended == "interrupted"
    # Plain PyTorch alone: `budgetnet export` adds the formats that take long to write.
    place = trials.folder / "export"
    written, notes = None, []
    if trained and not interrupted:
        try:
            written = export_trial(trials, out=place, formats="torch")
        except BudgetnetError as error:
            notes.append(f"the best network could not be exported: {error}")
    more = {"ended": found.ended, "export": None if written is None else written.document()}
    document = LazyDocument(lambda: study_document(trials, trials.records) | more)
    lines = ending_text(trials, None if written is None else written.folder)
    return Printout(
        lines=lines, document=document, command="search", notes=notes, ok=not notes, interrupted=interrupted
    )


def worker_answer(found: SearchSummary) -> Printout:
    """Report what one more process of a study has come to."""
    from budgetnet.records.trial import TRAINED
    from budgetnet.text import counted

    trained = sum(record.outcome in TRAINED for record in found.records)
    done = "the study is done" if found.finalists_complete else "full trainings are still to do"
    interrupted = found.ended == "interrupted"
    state = "given back what was not finished; start again to continue" if interrupted else done
    return Printout(
        lines=[f"{found.study.name}: {counted(trained, 'network')} trained by all processes; {state}"],
        document={
            "study": found.study.name,
            "ended": found.ended,
            "trained": trained,
            "complete": found.finalists_complete,
            "best": None if found.best is None else found.best.number,
        },
        command="worker",
        interrupted=interrupted,
    )


def calibration_answer(judged: Judgement) -> Printout:
    """Report a calibration."""
    from budgetnet.calibrate.document import calibration_document
    from budgetnet.calibrate.text import calibration_text

    interrupted = judged.calibrated.ended == "interrupted"
    return Printout(
        lines=calibration_text(judged),
        document=calibration_document(judged),
        command="calibrate",
        interrupted=interrupted,
    )


def recipes_answer(found: ComparedRecipes) -> Printout:
    """Report a comparison of recipes."""
    from budgetnet.calibrate.recipes.text import recipes_document, recipes_text

    return Printout(
        lines=recipes_text(found),
        document=recipes_document(found),
        command="tune-recipe",
        interrupted=found.ended == "interrupted",
    )


@collector_held_back()
def trials_answer(
    study: Path,
    *,
    outcome: str | None,
    top: int | None,
    generation: int | None,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """List a study's trials, and the finalists; of its generations the current one, or the one that is asked for.

    Raises:
        RequestError: no search has run yet, or there is no such outcome or generation.
    """
    from budgetnet.records.lookup import open_trials
    from budgetnet.report.study import listing_text, study_document
    from budgetnet.report.trials import select

    asked = as_study(study)
    say_run_folder(asked, run, say)
    if generation is None:
        trials = open_trials(asked, storage=storage, out=run)
    else:
        from budgetnet.records.generations.earlier import open_generation

        trials = open_generation(asked, generation, storage=storage, out=run)
    say_damage(trials, say)
    chosen = select(trials.records, goal=asked.goal, target=asked.target, outcome=outcome, top=top)
    document = LazyDocument(collector_held_back()(lambda: study_document(trials, chosen)))
    return Printout(lines=LazyLines(lambda: listing_text(trials, chosen)), document=document, command="list")


def serve_dashboard(
    study: Path,
    *,
    host: str,
    port: int,
    storage: str | None,
    run: Path | None,
    ready: Callable[[str], object],
    say: Say,
) -> None:
    """Serve Optuna's dashboard for a study until Ctrl-C."""
    from budgetnet.records.lookup import address_of
    from budgetnet.report.dashboard.server import is_loopback, open_database, serve
    from budgetnet.report.dashboard.view import DashboardView

    asked = as_study(study)
    say_run_folder(asked, run, say)
    database = open_database(asked, address_of(asked, storage=storage, out=run))
    if not is_loopback(host):
        say(f"warning: there is no password; anyone who can reach {host} can read the study")
    view = DashboardView(asked, database, storage=storage, out=run)
    serve(view, host=host, port=port, ready=ready, say=say)
