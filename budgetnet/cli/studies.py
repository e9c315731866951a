"""The commands about a whole study: search, explore, list, dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from budgetnet.cli.options import DataDir, Device, Json, Run, Storage, StudyFile, use_data_directory, worker_number
from budgetnet.cli.output import say, tell, tell_json

__all__ = ["dashboard", "explore", "list_trials", "search"]


def search(
    study: StudyFile,
    storage: Storage = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--run", metavar="DIR", help="The run folder: database, weights.  [default: runs/NAME]"),
    ] = None,
    workers: Annotated[
        str | None, typer.Option(metavar="N|auto", help="Processes that train at once; auto: one per core.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**31 - 1, help="Instead of the study's.")] = None,
    trials: Annotated[int | None, typer.Option(min=1, help="Networks to train in all, instead of the study's.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Start no further trial after this time.")] = None,
    start_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Try this network first (an architecture file); may be given several times."),
    ] = None,
    stop_at_target: Annotated[
        bool | None, typer.Option("--stop-at-target/--past-target", help="End at the first network that reaches it.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Move an old run folder aside and start anew.")] = False,
    finalists: Annotated[
        bool, typer.Option("--finalists/--no-finalists", help="Train the best networks in full at the end.")
    ] = True,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Search for the best network that fits, or go on with a search. Ctrl-C is safe."""
    from budgetnet.results.lookup import read_study_file
    from budgetnet.results.searching import changed, export_best, run_search
    from budgetnet.results.summary import ending_text, study_document

    use_data_directory(data_dir)
    given: dict[str, Any] = {"seed": seed, "trials": trials, "minutes": minutes, "stop_at_target": stop_at_target}
    options = {name: value for name, value in given.items() if value is not None}
    if workers is not None:
        options["workers"] = worker_number(workers)
    asked = changed(read_study_file(study), options, start_from or ())
    found, ended = run_search(asked, storage=storage, out=out, device=device, fresh=fresh, finalists=finalists, say=say)
    written = None if ended == "interrupted" else export_best(found)
    if as_json:
        exported = None if written is None else written.document()
        tell_json({**study_document(found, found.records), "ended": ended, "export": exported})
    else:
        tell(ending_text(found, None if written is None else written.folder))
    if ended == "interrupted":
        say("interrupted; everything is kept, start again to go on")
        raise typer.Exit(130)


def explore(
    study: StudyFile,
    draws: Annotated[int, typer.Option("-n", "--draws", min=1, max=10_000_000, help="Networks to draw.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds draw equal networks.")] = 0,
    as_json: Json = False,
) -> None:
    """Tell what fits the budget, before anything trains.

    How many networks there are and how many fit, exactly where the space is small enough; how large they are, and
    which rules and choices stand in the way, from networks drawn at random.
    """
    from budgetnet.results.exploration import exploration_text
    from budgetnet.results.lookup import read_study_file
    from budgetnet.search.access import space_of
    from budgetnet.space import explore as look
    from budgetnet.space.lint import lint

    asked = read_study_file(study)
    space = space_of(asked)
    for warning in lint(space):
        say(f"warning: {warning.text}")
    found = look.explore(space, draws=draws, seed=seed)
    note = asked.plugins.of(asked.grammar).note
    if as_json:
        tell_json({"study": asked.name, "note": note, **found.to_json()})
    else:
        tell(exploration_text(found, title=asked.name, budget=str(asked.budget), note=note))


def list_trials(
    study: StudyFile,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="Only trials that ended so, e.g. completed, over-budget.")
    ] = None,
    top: Annotated[int | None, typer.Option(metavar="N", help="Only the N best, best first.")] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """List trials with outcome and reason, and the finalists."""
    from budgetnet.results.lookup import open_trials, read_study_file
    from budgetnet.results.summary import listing_text, study_document
    from budgetnet.results.trials import select

    asked = read_study_file(study)
    trials = open_trials(asked, storage=storage, out=run)
    chosen = select(trials.records, goal=asked.goal, target=asked.target, outcome=outcome, top=top)
    if as_json:
        tell_json(study_document(trials, chosen))
    else:
        tell(listing_text(trials, chosen))


def dashboard(
    study: StudyFile,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8080,
    host: Annotated[str, typer.Option(help="Address; the default is for this machine only.")] = "127.0.0.1",
    storage: Storage = None,
    run: Run = None,
) -> None:
    """Serve Optuna's dashboard for a study until Ctrl-C."""
    from budgetnet.results.dashboard import is_loopback, open_database, serve
    from budgetnet.results.lookup import address_of, read_study_file

    asked = read_study_file(study)
    database = open_database(asked, address_of(asked, storage=storage, out=run))
    if not is_loopback(host):
        say(f"warning: there is no password; whoever reaches {host} can change and delete trials")
    serve(database, asked.name, host=host, port=port, ready=lambda url: say(f"{url}\nCtrl-C ends it"))
