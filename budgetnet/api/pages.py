"""The pages that commands print: what the public functions return, as lines for people and as a JSON document.

Each function does what its command asks for and returns a `Printout`; the command line has only to print it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from budgetnet.api.studies import Say, as_study, export, say_run_folder
from budgetnet.errors import RequestError

if TYPE_CHECKING:
    from budgetnet.calibrate.judge import Judgement
    from budgetnet.records.lookup import Found
    from budgetnet.search.run import SearchSummary

__all__ = [
    "Printout",
    "calibration_answer",
    "difference_answer",
    "export_answer",
    "network_answer",
    "repetition_answer",
    "sample_answer",
    "search_answer",
    "serve_dashboard",
    "space_answer",
    "training_answer",
    "trials_answer",
    "use_data_folder",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printout:
    """A command's result, to be printed."""

    lines: Sequence[str]
    """For people."""
    document: Mapping[str, Any]
    """The same for `--json`: fractions are fractions."""
    notes: Sequence[str] = ()
    """Messages beside the lines, for stderr; the document holds their facts."""
    ok: bool = True
    """False if a check that was asked for failed."""
    interrupted: bool = False
    """True if the user ended the work before it was done."""


def network_answer(
    network: str,
    *,
    shape: tuple[int, int, int] | None,
    verify: bool,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Show a network's layers and costs by the closed form; with *verify*, hold fvcore's count against it.

    Raises:
        CountError: with *verify*, the counts differ.
        RequestError, LanguageError, ShapeError, SearchError: see `budgetnet.api.networks.read_network`.
    """
    from budgetnet.report.network import sheet, sheet_document, sheet_text, verified

    found = _found(network, storage, run, say).architecture
    shown = sheet(found, shape)
    if verify:
        shown = verified(shown, found)
    return Printout(lines=sheet_text(shown, verified=verify), document=sheet_document(shown))


def difference_answer(
    first: str, second: str, *, study: Path | None, storage: str | None, run: Path | None, say: Say
) -> Printout:
    """Compare two networks in cost, line by line, and by the decisions of a study that derives both."""
    from budgetnet.records.lookup import common_study
    from budgetnet.report.difference import difference, difference_document, difference_text

    a, b = (_found(name, storage, run, say) for name in (first, second))
    found = difference(a.architecture, b.architecture, (a.label, b.label))
    document, lines = difference_document(found), difference_text(found)
    guide = as_study(study) if study is not None else common_study(a, b)
    if guide is not None:
        from budgetnet.report.decisions import decisions, decisions_document, decisions_text

        made = decisions(a.architecture, b.architecture, guide)
        document, lines = {**document, **decisions_document(made)}, [*lines, "", *decisions_text(made)]
    return Printout(lines=lines, document=document)


def training_answer(
    network: str,
    *,
    study: Path | None,
    dataset: str | None,
    recipe: str | None,
    seeds: int | None,
    seed: int,
    epochs: int | None,
    threads: int | None,
    out: Path | None,
    device: str,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Train a network in full; see `budgetnet.api.studies.train`."""
    from budgetnet.search.full_training import plan_training, train_network

    found = _found(network, storage, run, say)
    if found.record is not None:
        say(f"{found.label} is trained in full; --brief repeats its score in the search instead")
    guide = None if study is None else as_study(study)
    planned = plan_training(found, study=guide, dataset=dataset, recipe=recipe, seeds=seeds, epochs=epochs, out=out)
    training = train_network(planned, first_seed=seed, device=device, threads=threads, say=say)
    from budgetnet.report.per_class import classes_text

    classes = classes_text(training.runs)
    lines = [f"{training.name}: {training.score} on the test images of {training.dataset}; {planned.out}"]
    return Printout(lines=[*lines, *(["", *classes] if classes else [])], document=training.document())


def repetition_answer(network: str, *, device: str, storage: str | None, run: Path | None, say: Say) -> Printout:
    """Repeat a trial's training as its search did it, and compare bit by bit."""
    from budgetnet.search.repeat_trial import repeat_trial, repetition_document, repetition_text

    repeated = repeat_trial(_found(network, storage, run, say), device=device, say=say)
    return Printout(lines=repetition_text(repeated), document=repetition_document(repeated), ok=repeated.equal)


def export_answer(
    study: Path, trial: str, *, out: Path | None, storage: str | None, run: Path | None, say: Say
) -> Printout:
    """Export a trial; see `budgetnet.api.studies.export`."""
    written = export(study, trial, out=out, storage=storage, run=run, say=say)
    check = written.check
    notes = [
        f"trial {written.trial}: {written.why}",
        f"checked without budgetnet: {check.params:,} parameters, equal logits on {check.images} images",
    ]
    return Printout(lines=[str(written.folder)], document=written.document(), notes=notes)


def search_answer(found: SearchSummary) -> Printout:
    """Report a search, after its best network has been exported into the run folder if it has weights."""
    from budgetnet.export.export import export_trial
    from budgetnet.records.lookup import Trials
    from budgetnet.report.study import best_trial, ending_text, study_document

    trials = Trials(
        study=found.study,
        folder=found.folder,
        storage=found.storage,
        records=found.records,
        finalists=found.finalists,
    )
    leader = best_trial(trials)
    finalist = None if leader is None else trials.finalist(leader.number)
    trained = finalist is not None and any(run.weights and run.diverged is None for run in finalist.runs)
    interrupted = found.ended == "interrupted"
    written = export_trial(trials, out=trials.folder / "export") if trained and not interrupted else None
    document = study_document(trials, trials.records)
    document |= {"ended": found.ended, "export": None if written is None else written.document()}
    lines = ending_text(trials, None if written is None else written.folder)
    return Printout(lines=lines, document=document, interrupted=interrupted)


def calibration_answer(judged: Judgement) -> Printout:
    """Report a calibration."""
    from budgetnet.calibrate.document import calibration_document
    from budgetnet.calibrate.text import calibration_text

    interrupted = judged.calibrated.ended == "interrupted"
    return Printout(lines=calibration_text(judged), document=calibration_document(judged), interrupted=interrupted)


def trials_answer(
    study: Path, *, outcome: str | None, top: int | None, storage: str | None, run: Path | None, say: Say
) -> Printout:
    """List a study's trials, and the finalists.

    Raises:
        RequestError: no search has run yet, or there is no such outcome.
    """
    from budgetnet.records.lookup import open_trials
    from budgetnet.report.study import listing_text, study_document
    from budgetnet.report.trials import select

    asked = as_study(study)
    say_run_folder(asked, run, say)
    trials = open_trials(asked, storage=storage, out=run)
    chosen = select(trials.records, goal=asked.goal, target=asked.target, outcome=outcome, top=top)
    return Printout(lines=listing_text(trials, chosen), document=study_document(trials, chosen))


def space_answer(
    study: Path, *, draws: int, points: int, seed: int, html: Path | None, command: Sequence[object], say: Say
) -> Printout:
    """Explore a study's space; write a page with figures to *html* if that is given, and then no lines.

    Args:
        study: its file.
        draws: networks to draw.
        points: networks that fit to draw for figures; 0 for none.
        seed: equal seeds give equal results.
        html: where to write a page.
        command: words of the command that makes this page, for its last line.
        say: told what is suspicious about the space.
    """
    from budgetnet.api.spaces import explore, read_space
    from budgetnet.explore.text import exploration_document, exploration_text
    from budgetnet.space.lint.lint import lint

    asked = as_study(study)
    space = read_space(asked)
    if html is not None:
        from budgetnet.pages.page import check_place

        check_place(html)
    for warning in lint(space):
        say(f"warning: {warning.text}")
    found = explore(space, draws=draws, seed=seed, points=points)
    note = asked.plugins.of(asked.grammar).note
    lines: Sequence[str] = ()
    notes: list[str] = []
    if html is not None:
        from budgetnet.explore.page import exploration_page
        from budgetnet.pages.page import write_page
        from budgetnet.text import command_text

        words = command_text(*command)
        write_page(html, exploration_page(found, study=asked.name, budget=asked.budget, command=words, note=note))
        notes.append(f"wrote {html}")
    else:
        lines = exploration_text(found, title=asked.name, budget=asked.budget, note=note)
    document = exploration_document(found, study=asked.name, budget=asked.budget, note=note)
    return Printout(lines=lines, document=document, notes=notes)


def sample_answer(
    study: Path,
    number: int,
    *,
    seed: int,
    weighting: Literal["prior", "uniform"],
    stratify: Literal["size", "depth"] | None,
    distinct: bool,
    out: Path | None,
    say: Say,
) -> Printout:
    """Draw networks that fit, and write them into the folder *out* if that is given."""
    from budgetnet.api.spaces import sample
    from budgetnet.explore.draw_networks import draws_document, draws_text, write_networks
    from budgetnet.files.spaces import checked_space

    asked = as_study(study)
    checked_space(asked, say=say)
    drawn = sample(asked, number, seed=seed, weighting=weighting, stratify=stratify, distinct=distinct)
    written = None if out is None else write_networks(drawn, out)
    return Printout(lines=draws_text(drawn, written), document=draws_document(drawn, written))


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
    from budgetnet.report.dashboard import is_loopback, open_database, serve

    asked = as_study(study)
    say_run_folder(asked, run, say)
    database = open_database(asked, address_of(asked, storage=storage, out=run))
    if not is_loopback(host):
        say(f"warning: there is no password; anyone who can reach {host} can change and delete trials")
    serve(database, asked.name, host=host, port=port, ready=ready)


def use_data_folder(folder: Path | None) -> None:
    """Let this process and its workers find data sets in *folder*.

    Raises:
        RequestError: it is a file.
    """
    import os

    from budgetnet.training.data.sources import DATA_VARIABLE

    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"--data-dir must be a folder, but {folder} is a file")
    os.environ[DATA_VARIABLE] = str(folder.expanduser().absolute())


def _found(network: str, storage: str | None, run: Path | None, say: Say) -> Found:
    """Find a network, and say whose run folder it is from."""
    from budgetnet.records.lookup import find

    found = find(network, storage=storage, out=run)
    if found.trials is not None:
        say_run_folder(found.trials.study, run, say)
    return found
