"""Campaigns from Python: search for the best network, calibrate brief training, compare recipes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.api.say import Say, say_nothing, say_run_folder
from budgetnet.api.studies import as_study
from budgetnet.errors import RequestError
from budgetnet.files.study import Study

if TYPE_CHECKING:
    from budgetnet.calibrate.events import CalibrationListener
    from budgetnet.calibrate.judge import Judgement
    from budgetnet.calibrate.recipes.run import ComparedRecipes
    from budgetnet.search.events import SearchListener
    from budgetnet.search.run import SearchSummary

__all__ = ["calibrate", "join_search", "search", "tune_recipe"]


def search(
    study: Study | str | Path,
    *,
    storage: str | None = None,
    run: str | Path | None = None,
    workers: int | None = None,
    seed: int | None = None,
    trials: int | None = None,
    minutes: float | None = None,
    start_from: Sequence[str | Path] = (),
    stop_at_target: bool | None = None,
    fresh: bool = False,
    finalists: bool = True,
    device: str = "auto",
    listen: SearchListener | None = None,
    say: Say = say_nothing,
) -> SearchSummary:
    """Search for the best network that fits, or continue a search; then train its finalists in full.

    Args:
        study: a study, or the path of its file.
        storage: address of the database; ``study.db`` in the run folder if None.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        workers: number of training processes; the study's if None.
        seed: seed of the search; the study's if None.
        trials: number of networks to train; the study's if None.
        minutes: time for everything that is trained, finalists included.
        start_from: network files to try first.
        stop_at_target: end at the first network that reaches the target; the study's if None.
        fresh: move an old run folder aside and start over.
        finalists: train the best networks in full at the end.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` … or ``mps``.
        listen: receives every event of the search.
        say: receives warnings about the space.

    Returns:
        Trials, finalists, and why the search ended.

    Raises:
        RequestError: the study, an option, the storage's address or the device is wrong, or the study changed.
        SearchError: the database cannot be used, nothing fits, or workers keep failing.

    >>> import budgetnet as bn
    >>> bn.search("studies/quickstart.yaml", minutes=-1)
    Traceback (most recent call last):
        ...
    budgetnet.keys.key.BadValueError: minutes must be a number above 0, but got -1
    """
    from budgetnet.files.spaces import checked_space
    from budgetnet.search.events import silent
    from budgetnet.search.options import with_search_options

    given: dict[str, Any] = {"workers": workers, "seed": seed, "trials": trials, "minutes": minutes}
    given["stop_at_target"] = stop_at_target
    options = {name: value for name, value in given.items() if value is not None}
    asked = with_search_options(as_study(study), options, [Path(path) for path in start_from])
    say_run_folder(asked, run, say)
    checked_space(asked, say=say)
    from budgetnet.search.run import run_search

    folder = None if run is None else Path(run)
    return run_search(
        asked,
        storage=storage,
        out=folder,
        device=device,
        fresh=fresh,
        finalists=finalists,
        listen=silent if listen is None else listen,
    )


def join_search(
    study: Study | str | Path,
    storage: str,
    *,
    run: str | Path | None = None,
    workers: int = 1,
    grace: float = 0.0,
    wait: float = 0.0,
    trust_plugins: bool = False,
    images: str | Path | None = None,
    device: str = "auto",
    listen: SearchListener | None = None,
    say: Say = say_nothing,
) -> SearchSummary:
    """Work on a study that others search: one more process, on this machine or another, until the study is done.

    The study's files are in its database, so its name is enough. Networks and full trainings are claimed there before
    work begins, so no two processes do the same.

    Args:
        study: the study's name in the database, or a study file.
        storage: address of the database.
        run: folder for weights and checkpoints; ``runs/NAME`` if None. Share it between machines if any of them is to
            export what another one has trained.
        workers: processes that train at once, with one thread each.
        grace: seconds that what runs may take to its end after SIGTERM or Ctrl-C; what is not done by then is given
            back.
        wait: seconds to wait for a study that is not in the database yet.
        trust_plugins: True to run plug-ins that came with the database.
        images: the folder of images on this machine, for a study on a folder of images.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` … or ``mps``.
        listen: receives every event of the search.
        say: receives warnings about the space.

    Returns:
        Trials, finalists, and why the search ended.

    Raises:
        RequestError: there is no such study, its plug-ins are not trusted, its images are not here, the database is an
            SQLite file on a network disk, or an option is wrong.
        SearchError: the database cannot be used, nothing fits, or workers keep failing.

    >>> import budgetnet as bn
    >>> bn.join_search("quickstart", "sqlite:///nowhere/study.db")
    Traceback (most recent call last):
        ...
    budgetnet.records.checks.tables.NoDatabaseError: there is no study database nowhere/study.db; run the search first,
        or check the address
    """
    from budgetnet.api.studies import names_file
    from budgetnet.records.sharing.network_disk import refuse_network_disk
    from budgetnet.records.sharing.travel import fetch_study, wait_for_study

    if grace < 0:
        raise RequestError(f"grace must be a number of seconds of at least 0, but got {grace:g}")
    if wait < 0:
        raise RequestError(f"wait must be a number of seconds of at least 0, but got {wait:g}")
    refuse_network_disk(storage)
    folder = None if run is None else Path(run)
    if isinstance(study, Study) or names_file(study):
        asked = as_study(study)
        if images is not None:
            raise RequestError("--images is for a study by its name; a study file says itself where the images are")
    else:
        place = None if images is None else Path(images)
        if wait:
            from budgetnet.training.device import choose_device

            choose_device(device)  # before the wait, not after it
        wait_for_study(str(study), storage, wait, say=say)
        asked = fetch_study(str(study), storage, run=folder, trust_plugins=trust_plugins, images=place)
    replace(asked.search, workers=workers)  # which checks it
    from budgetnet.files.spaces import checked_space
    from budgetnet.search.events import silent

    checked_space(asked, say=say)
    from budgetnet.search.run import run_search

    told = silent if listen is None else listen
    return run_search(
        asked,
        storage=storage,
        out=folder,
        workers=workers,
        device=device,
        joining=True,
        grace=grace,
        listen=told,
    )


def calibrate(
    study: Study | str | Path,
    *,
    networks: int = 16,
    brief: Sequence[int] | None = None,
    full: int | None = None,
    repeats: int = 1,
    seed: int | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    only_table: bool = False,
    run: str | Path | None = None,
    device: str = "auto",
    listen: CalibrationListener | None = None,
    say: Say = say_nothing,
) -> Judgement:
    """Measure how well brief training ranks networks: train some of them briefly and in full.

    The record and the table are written to the run folder; the test images are not read.

    Args:
        study: a study, or the path of its file.
        networks: networks to draw, at least 4.
        brief: epochs of the brief trainings; 1, 2, 3, 4, 6 and the study's own if None.
        full: epochs in full; the finalists' if None.
        repeats: trainings of each network and length, at least 1.
        seed: seed of draws and trainings; the study's if None.
        workers: processes that train at once; the study's if None.
        minutes: start no further training after this time.
        only_table: train nothing; judge what is recorded.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` … or ``mps``.
        listen: receives every event of the calibration.
        say: receives a line before work that takes long.

    Returns:
        Rank correlations, costs and what pruners would have saved; accuracies and shares are fractions.

    Raises:
        RequestError: an option is wrong, nothing is recorded yet, or the record was made with other settings.
        SearchError: the record cannot be written, too few networks fit, or trainings keep failing.
        DataError: the data set is missing or damaged.

    >>> import budgetnet as bn
    >>> bn.calibrate("studies/quickstart.yaml", minutes=0)
    Traceback (most recent call last):
        ...
    budgetnet.keys.key.BadValueError: minutes must be a number above 0, but got 0
    """
    from budgetnet.calibrate.plan import plan_of

    asked = as_study(study)
    replace(asked.search, minutes=minutes, workers=workers)  # which checks them
    plan = plan_of(asked, networks=networks, brief=brief, full=full, repeats=repeats, seed=seed)
    from budgetnet.calibrate.judge import judge_calibration
    from budgetnet.calibrate.pruner_replay import ORDERS
    from budgetnet.calibrate.run import recorded_so_far, run_calibration
    from budgetnet.calibrate.tables import write_tables
    from budgetnet.files.spaces import checked_space
    from budgetnet.search.events import silent

    say_run_folder(asked, run, say)
    out = None if run is None else Path(run)
    if only_table:
        found = recorded_so_far(asked, plan, out=out)
    else:
        checked_space(asked, say=say)
        told = silent if listen is None else listen
        found = run_calibration(asked, plan, out=out, workers=workers, minutes=minutes, device=device, listen=told)
    # A thousand replays take half a minute: not after Ctrl-C, and not without a word.
    orders = 0 if found.ended == "interrupted" else ORDERS
    if orders:
        say(f"replaying pruners in {orders:,} random orders")
    judged = judge_calibration(found, orders=orders)
    write_tables(judged)
    return judged


def tune_recipe(
    study: Study | str | Path,
    tries: Sequence[str] = (),
    *,
    networks: int = 8,
    epochs: int | None = None,
    margin: float = 0.001,
    seed: int | None = None,
    workers: int | None = None,
    minutes: float | None = None,
    only_table: bool = False,
    run: str | Path | None = None,
    device: str = "auto",
    listen: CalibrationListener | None = None,
    say: Say = say_nothing,
) -> ComparedRecipes:
    """Compare recipes with the study's own one, on the same networks and seeds, until each is decided.

    Validation images judge; the test images are not read. Started again, it continues where it stopped.

    Args:
        study: a study, or the path of its file; its finalists' recipe is what the others are compared with.
        tries: recipes as ``KEY=VALUE,KEY=VALUE``, such as ``mixup=0.2`` or ``preset=muon,ema=0.99``; the presets if
            there are none.
        networks: the most networks to draw, at least 3.
        epochs: epochs of every training; the finalists' if None.
        margin: gain in accuracy, as a fraction, below which a recipe is not worth taking.
        seed: seed of draws and trainings; the study's if None.
        workers: processes that train at once; the study's if None.
        minutes: start no further training after this time.
        only_table: train nothing; compare what is recorded.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` … or ``mps``.
        listen: receives every event.
        say: receives a line before work that takes long.

    Returns:
        Every recipe's mean difference, standard error, interval and verdict; accuracies are fractions.

    Raises:
        RequestError: an option is wrong, nothing is recorded yet, or the record was made with other settings.
        StudyError: a key or value of a recipe is wrong.
        SearchError: the record cannot be written, too few networks fit, or trainings keep failing.
        DataError: the data set is missing or damaged.

    >>> import budgetnet as bn
    >>> bn.tune_recipe("studies/quickstart.yaml", ["mixup=0.2,epochs=3"])
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: --try must leave the epochs alone, but got 'mixup=0.2,epochs=3': recipes are compared
        at equal epochs; set them for all with --epochs
    """
    from budgetnet.calibrate.recipes.plan import recipe_plan

    asked = as_study(study)
    replace(asked.search, minutes=minutes, workers=workers)  # which checks them
    plan = recipe_plan(asked, tries, networks=networks, epochs=epochs, margin=margin, seed=seed)
    from budgetnet.calibrate.recipes.run import recorded_recipes, run_recipes
    from budgetnet.files.spaces import checked_space
    from budgetnet.search.events import silent

    say_run_folder(asked, run, say)
    out = None if run is None else Path(run)
    if only_table:
        return recorded_recipes(asked, plan, out=out)
    checked_space(asked, say=say)
    told = silent if listen is None else listen
    return run_recipes(asked, plan, out=out, workers=workers, minutes=minutes, device=device, listen=told)
