"""The commands about a whole study: search, calibrate, list, dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from budgetnet.cli.options import (
    DataDir,
    Device,
    Json,
    Run,
    Storage,
    StudyFile,
    override,
    use_data_directory,
    whole_option,
    without_auto,
)
from budgetnet.cli.output import say, tell, tell_json
from budgetnet.files.search_options import SearchOptions

__all__ = ["calibrate", "dashboard", "list_trials", "search"]


def search(
    study: StudyFile,
    storage: Storage = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--run", metavar="DIR", help="The run folder: database, weights.  [default: runs/NAME]"),
    ] = None,
    workers: Annotated[str | None, override(SearchOptions, "workers")] = None,
    seed: Annotated[int | None, override(SearchOptions, "seed")] = None,
    trials: Annotated[int | None, override(SearchOptions, "trials")] = None,
    minutes: Annotated[float | None, override(SearchOptions, "minutes")] = None,
    start_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Try this network first (a network file); may be given several times."),
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
    from budgetnet.cli.searching import changed, export_best, run_search
    from budgetnet.files.study_file import read_study
    from budgetnet.report.study import ending_text, study_document

    use_data_directory(data_dir)
    given: dict[str, Any] = {"seed": seed, "trials": trials, "minutes": minutes, "stop_at_target": stop_at_target}
    options = {name: value for name, value in given.items() if value is not None}
    if workers is not None:
        options["workers"] = without_auto(workers)
    asked = changed(read_study(study), options, start_from or ())
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


def calibrate(
    study: StudyFile,
    networks: Annotated[int, whole_option("-n", "--networks", low=4, help="Networks to draw.")] = 16,
    brief: Annotated[
        str | None,
        typer.Option(
            "--epochs-brief", metavar="N,N,…", help="Brief trainings.  [default: 1,2,3,4,6 and the study's own]"
        ),
    ] = None,
    full: Annotated[
        int | None, whole_option("--full", low=2, help="Epochs in full.  [default: the finalists']")
    ] = None,
    repeats: Annotated[
        int, whole_option("--repeats", low=1, high=100, help="Seeds per network and length; 2 show the noise.")
    ] = 1,
    seed: Annotated[int | None, override(SearchOptions, "seed")] = None,
    workers: Annotated[str | None, override(SearchOptions, "workers", left_out="auto")] = None,
    minutes: Annotated[float | None, override(SearchOptions, "minutes", left_out="no limit")] = None,
    only_table: Annotated[bool, typer.Option("--only-table", help="Train nothing; judge what is recorded.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--run", metavar="DIR", help="For the record and the table.  [default: runs/NAME]"),
    ] = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure how well brief training ranks networks.

    Draws networks that fit, trains each briefly and in full on the same split, and tells what each brief length is
    worth: rank correlation, cost, and what a pruner would save. The test images are not read. Ctrl-C is safe.
    """
    from budgetnet.cli.calibrating import calibration_document, calibration_text, run_calibration
    from budgetnet.cli.options import epoch_numbers
    from budgetnet.files.study_file import read_study

    use_data_directory(data_dir)
    judged = run_calibration(
        read_study(study),
        networks=networks,
        brief=None if brief is None else epoch_numbers(brief),
        full=full,
        repeats=repeats,
        seed=seed,
        workers=without_auto(workers),
        minutes=minutes,
        train=not only_table,
        out=out,
        device=device,
        say=say,
    )
    if as_json:
        tell_json(calibration_document(judged))
    else:
        tell(calibration_text(judged))
    if judged.calibrated.ended == "interrupted":
        say("interrupted; everything is kept, start again to go on")
        raise typer.Exit(130)


def list_trials(
    study: StudyFile,
    outcome: Annotated[
        str | None, typer.Option(metavar="OUTCOME", help="Only trials that ended so, e.g. completed, over-budget.")
    ] = None,
    top: Annotated[int | None, whole_option("--top", low=1, help="Only the N best, best first.")] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """List trials with outcome and reason, and the finalists."""
    from budgetnet.files.study_file import read_study
    from budgetnet.records.lookup import open_trials
    from budgetnet.report.study import listing_text, study_document
    from budgetnet.report.trials import select

    asked = read_study(study)
    trials = open_trials(asked, storage=storage, out=run)
    chosen = select(trials.records, goal=asked.goal, target=asked.target, outcome=outcome, top=top)
    if as_json:
        tell_json(study_document(trials, chosen))
    else:
        tell(listing_text(trials, chosen))


def dashboard(
    study: StudyFile,
    port: Annotated[
        int, whole_option("--port", low=0, high=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8080,
    host: Annotated[str, typer.Option(help="Address; the default is for this machine only.")] = "127.0.0.1",
    storage: Storage = None,
    run: Run = None,
) -> None:
    """Serve Optuna's dashboard for a study until Ctrl-C."""
    from budgetnet.files.study_file import read_study
    from budgetnet.records.lookup import address_of
    from budgetnet.report.dashboard import is_loopback, open_database, serve

    asked = read_study(study)
    database = open_database(asked, address_of(asked, storage=storage, out=run))
    if not is_loopback(host):
        say(f"warning: there is no password; whoever reaches {host} can change and delete trials")
    serve(database, asked.name, host=host, port=port, ready=lambda url: say(f"{url}\nCtrl-C ends it"))
