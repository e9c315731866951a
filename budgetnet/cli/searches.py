"""The commands that train many networks: search, worker, calibrate, tune-recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from budgetnet.api.options import Recipe, SearchOptions
from budgetnet.cli.options import DataDir, Device, Json, Storage, StudyFile
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import (
    as_variant,
    epoch_numbers,
    override,
    share_option,
    whole_option,
    without_auto,
)

__all__ = ["calibrate_command", "search_command", "tune_recipe_command", "worker_command"]

_Seed = Annotated[int | None, override(SearchOptions, "seed")]
_Workers = Annotated[str | None, override(SearchOptions, "workers", left_out="auto")]
_Minutes = Annotated[float | None, override(SearchOptions, "minutes", left_out="no limit")]
_ResultFolder = Annotated[
    Path | None, typer.Option("--out", "--run", metavar="DIR", help="Folder for the results.  [default: runs/NAME]")
]


def search_command(
    study: StudyFile,
    storage: Storage = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--run", metavar="DIR", help="The run folder: database, weights.  [default: runs/NAME]"),
    ] = None,
    sampler: Annotated[
        str | None, override(SearchOptions, "sampler", left_out="the study's; else a variant with a name of its own")
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="KEY=N,…", help="Bounds such as params=100k, as a variant with its own name."),
    ] = None,
    workers: Annotated[str | None, override(SearchOptions, "workers")] = None,
    seed: _Seed = None,
    trials: Annotated[int | None, override(SearchOptions, "trials")] = None,
    minutes: Annotated[float | None, override(SearchOptions, "minutes")] = None,
    start_from: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Network file to train first; may be given several times."),
    ] = None,
    stop_at_target: Annotated[
        bool | None,
        typer.Option("--stop-at-target/--past-target", help="End at the first network that reaches the target."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Move an old run folder aside and start over.")] = False,
    finalists: Annotated[
        bool, typer.Option("--finalists/--no-finalists", help="Train the best networks in full at the end.")
    ] = True,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Search for the best network that fits, or continue a search. Ctrl-C is safe.

    With --json, stderr gets one line of JSON per event while it searches, and stdout the results at the end.
    """
    from budgetnet.api.campaigns import search
    from budgetnet.api.pages.studies import search_answer
    from budgetnet.api.pages.trainings import use_data_folder
    from budgetnet.cli.progress.json_lines import json_events, json_messages
    from budgetnet.cli.progress.search import show_search

    use_data_folder(data_dir)
    study, seed = as_variant(study, sampler, budget, seed)
    shown = json_events() if as_json else show_search()
    with shown as listen:
        found = search(
            study,
            storage=storage,
            run=out,
            workers=without_auto(workers),
            seed=seed,
            trials=trials,
            minutes=minutes,
            start_from=start_from or (),
            stop_at_target=stop_at_target,
            fresh=fresh,
            finalists=finalists,
            device=device,
            listen=listen,
            say=json_messages() if as_json else say,
        )
    put(search_answer(found), as_json=as_json)


def worker_command(
    study: Annotated[
        str,
        typer.Argument(metavar="STUDY", help="A study's name in the database, or a study file.", show_default=False),
    ],
    storage: Annotated[
        str, typer.Option("--storage", metavar="URL", help="Database, e.g. postgresql+psycopg://…", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("--run", "--out", metavar="DIR", help="Folder for weights and checkpoints.  [default: runs/NAME]"),
    ] = None,
    workers: Annotated[int, whole_option("--workers", low=1, help="Trainings at once, with one thread each.")] = 1,
    grace: Annotated[
        int, whole_option("--grace", low=0, help="Seconds to finish what runs after SIGTERM; the rest is given back.")
    ] = 0,
    wait: Annotated[
        int, whole_option("--wait", low=0, help="Seconds to wait for a study that is not in the database yet.")
    ] = 120,
    trust_plugins: Annotated[
        bool, typer.Option("--trust-plugins", help="Run plug-ins that came with the database.")
    ] = False,
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="The study's folder of images on this machine.")
    ] = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Join the search of a study as one more process.

    The study's files are in its database, so its name is enough. Ends with exit code 0 when the study is done.
    """
    from budgetnet.api.campaigns import join_search
    from budgetnet.api.pages.studies import worker_answer
    from budgetnet.api.pages.trainings import use_data_folder
    from budgetnet.cli.progress.json_lines import json_events, json_messages
    from budgetnet.cli.progress.search import show_search

    use_data_folder(data_dir)
    shown = json_events() if as_json else show_search()
    with shown as listen:
        found = join_search(
            study,
            storage,
            run=out,
            workers=workers,
            grace=grace,
            wait=wait,
            trust_plugins=trust_plugins,
            images=images,
            device=device,
            listen=listen,
            say=json_messages() if as_json else say,
        )
    put(worker_answer(found), as_json=as_json)


def calibrate_command(
    study: StudyFile,
    networks: Annotated[int, whole_option("-n", "--networks", low=4, help="Networks to draw.")] = 16,
    brief: Annotated[
        str | None,
        typer.Option("--epochs-brief", metavar="N,N,…", help="Brief epochs.  [default: 1,2,3,4,6 and the study's own]"),
    ] = None,
    full: Annotated[
        int | None, whole_option("--full", low=2, help="Epochs of the full training.  [default: the finalists']")
    ] = None,
    repeats: Annotated[
        int, whole_option("--repeats", low=1, high=100, help="Seeds per network and length; 2 show the noise.")
    ] = 1,
    seed: _Seed = None,
    workers: _Workers = None,
    minutes: _Minutes = None,
    only_table: Annotated[bool, typer.Option("--only-table", help="Train nothing; judge what is recorded.")] = False,
    out: _ResultFolder = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Measure how well brief training ranks networks.

    Draws networks that fit, trains each briefly and in full on the same split, and tells what each brief length is
    worth: rank correlation, cost, and what a pruner would save. The test images are not read. Ctrl-C is safe.
    """
    from budgetnet.api.campaigns import calibrate
    from budgetnet.api.pages.studies import calibration_answer
    from budgetnet.api.pages.trainings import use_data_folder
    from budgetnet.cli.progress.calibration import show_calibration

    use_data_folder(data_dir)
    lengths = None if brief is None else epoch_numbers(brief)
    with show_calibration() as listen:
        judged = calibrate(
            study,
            networks=networks,
            brief=lengths,
            full=full,
            repeats=repeats,
            seed=seed,
            workers=without_auto(workers),
            minutes=minutes,
            only_table=only_table,
            run=out,
            device=device,
            listen=listen,
            say=say,
        )
    put(calibration_answer(judged), as_json=as_json)


def tune_recipe_command(
    study: StudyFile,
    tries: Annotated[
        list[str] | None,
        typer.Option(
            "--try",
            metavar="KEY=VALUE,…",
            help="A recipe: changes of the study's own, or of preset=NAME; may be given several times.  "
            "[default: the presets]",
        ),
    ] = None,
    networks: Annotated[int, whole_option("-n", "--networks", low=3, help="The most networks to draw.")] = 8,
    epochs: Annotated[int | None, override(Recipe, "epochs", left_out="the finalists'")] = None,
    margin: Annotated[
        float, share_option("--margin", help="Gain in accuracy below which a recipe is not worth taking.")
    ] = 0.001,
    seed: _Seed = None,
    workers: _Workers = None,
    minutes: _Minutes = None,
    only_table: Annotated[bool, typer.Option("--only-table", help="Train nothing; compare what is recorded.")] = False,
    out: _ResultFolder = None,
    data_dir: DataDir = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Compare recipes on the same few networks and seeds.

    Draws networks that fit and trains each by the study's own recipe (finalists) and by every other one, on the same
    split, until each difference is decided. The test images are not read. Ctrl-C is safe; start again to continue.
    """
    from budgetnet.api.campaigns import tune_recipe
    from budgetnet.api.pages.studies import recipes_answer
    from budgetnet.api.pages.trainings import use_data_folder
    from budgetnet.cli.progress.calibration import show_calibration

    use_data_folder(data_dir)
    with show_calibration() as listen:
        found = tune_recipe(
            study,
            tries or (),
            networks=networks,
            epochs=epochs,
            margin=margin,
            seed=seed,
            workers=without_auto(workers),
            minutes=minutes,
            only_table=only_table,
            run=out,
            device=device,
            listen=listen,
            say=say,
        )
    put(recipes_answer(found), as_json=as_json)
