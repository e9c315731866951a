"""Studies from Python: read, search, calibrate, train and export them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from budgetnet.files.study import Study
from budgetnet.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    from budgetnet.calibrate.events import CalibrationListener
    from budgetnet.calibrate.judge import Judgement
    from budgetnet.export.export import Export
    from budgetnet.records.training_folder import Training
    from budgetnet.search.events import SearchListener
    from budgetnet.search.run import SearchSummary

__all__ = [
    "Recipe",
    "Say",
    "Study",
    "as_study",
    "calibrate",
    "export",
    "read_study",
    "say_run_folder",
    "search",
    "train",
]

Say = Callable[[str], object]
"""Is told what takes long or looks suspicious, a line at a time; `print` shows it."""


def _nobody(text: str) -> None:
    """Say nothing."""


def read_study(path: str | Path) -> Study:
    """Read a study file and check everything in it.

    Args:
        path: the YAML file.

    Raises:
        StudyError: a key or a value is wrong, with file, line, column and what is legal.
        LanguageError: the grammar is wrong, with its place in the file.
        RequestError: there is no such file, or it is a network file.

    >>> import budgetnet as bn
    >>> study = bn.read_study("studies/quickstart.yaml")
    >>> study.dataset
    'digits'
    """
    from budgetnet.files.study_file import load_study as study_from_file

    return study_from_file(Path(path))


def as_study(study: Study | str | Path) -> Study:
    """Return a study as it is, or read it from its file; raises as `read_study`."""
    return study if isinstance(study, Study) else read_study(study)


def say_run_folder(study: Study, run: str | Path | None, say: Say) -> None:
    """Say which run folder is used, where it is not ``runs/NAME`` in the working directory and nobody named it."""
    folder = study.run_folder()
    if run is None and folder != Path("runs") / study.name:
        say(f"using {folder}, beside the study file")


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
    say: Say = _nobody,
) -> SearchSummary:
    """Search for the best network that fits, or continue a search; then train its finalists in full.

    Args:
        study: a study, or the path of its file.
        storage: address of the database; ``study.db`` in the run folder if None.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        workers: number of training processes; the study's if None.
        seed: seed of the search; the study's if None.
        trials: number of networks to train; the study's if None.
        minutes: start no further trial after this time.
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
    budgetnet.keys.BadValueError: minutes must be a number above 0, but got -1
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
    say: Say = _nobody,
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
    budgetnet.keys.BadValueError: minutes must be a number above 0, but got 0
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


def train(
    network: str | Path,
    *,
    study: Study | str | Path | None = None,
    dataset: str | None = None,
    recipe: str | None = None,
    seeds: int | None = None,
    seed: int = 0,
    epochs: int | None = None,
    threads: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    storage: str | None = None,
    run: str | Path | None = None,
    say: Say = _nobody,
) -> Training:
    """Train one network in full on all train images; the test images are read once per seed.

    Started again with the same arguments, it continues where it stopped.

    Args:
        network: a network file, or ``STUDY:best`` or ``STUDY:17``.
        study: gives the data set, the finalists' recipe and the number of seeds for a network from a file.
        dataset: a data set by name, instead of a study.
        recipe: ``default``, ``muon`` or ``hand-made``; the study's if None.
        seeds: number of runs; the study's, or 3, if None.
        seed: seed of the first run; later runs add 1.
        epochs: number of epochs; the recipe's if None.
        threads: threads of each run on the processor; the cores, shared by the seeds, if None.
        out: folder for results and weights; in ``runs/`` if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` … or ``mps``.
        storage: address of the study's database; ``study.db`` in the run folder if None.
        run: the study's run folder.
        say: receives progress, a line at a time.

    Returns:
        Every run with its test accuracy as a fraction.

    Raises:
        RequestError: neither a study nor a data set is known, or the folder holds something else.
        DataError: the data set is missing or damaged.
        TrainingError: every run failed.

    >>> import budgetnet as bn
    >>> bn.train("studies/networks/tiniest.yaml", dataset="digit")
    Traceback (most recent call last):
        ...
    budgetnet.errors.DataError: there is no data set 'digit'; did you mean 'digits'?; known are cifar10, cifar100,
        svhn, mnist, fashion-mnist, digits, and a folder of images is written {images: FOLDER}
    """
    from budgetnet.records.lookup import find
    from budgetnet.search.full_training import plan_training, train_network

    found = find(str(network), storage=storage, out=None if run is None else Path(run))
    guide = None if study is None else as_study(study)
    place = None if out is None else Path(out)
    planned = plan_training(found, study=guide, dataset=dataset, recipe=recipe, seeds=seeds, epochs=epochs, out=place)
    return train_network(planned, first_seed=seed, device=device, threads=threads, say=say)


def export(
    study: Study | str | Path,
    trial: str | int = "best",
    *,
    out: str | Path | None = None,
    storage: str | None = None,
    run: str | Path | None = None,
    say: Say = _nobody,
) -> Export:
    """Write a trained network as plain PyTorch: code, weights and a model card, checked without budgetnet.

    Args:
        study: a study, or the path of its file.
        trial: a trial's number, or ``best``, as validation images judge.
        out: the folder to make; ``export-NAME-NUMBER`` if None. An older export there is replaced.
        storage: address of the database; ``study.db`` in the run folder if None.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        say: told which run folder is used, if that is not the usual one.

    Returns:
        The folder, the trial with the reason why it was taken, and what the check compared.

    Raises:
        RequestError: no search has run, there is no such trial, it has no weights, or *out* holds something else.
        ExportError: what was written does not behave like what was trained; *out* stays as it was.

    >>> import budgetnet as bn
    >>> bn.export("studies/quickstart.yaml", run="nowhere")
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: there are no trials of quickstart yet: nowhere/study.db does not exist;
        first run: budgetnet search studies/quickstart.yaml --out nowhere
    """
    from budgetnet.records.lookup import open_trials

    asked = as_study(study)
    say_run_folder(asked, run, say)
    trials = open_trials(asked, storage=storage, out=None if run is None else Path(run))
    from budgetnet.export.export import export_trial

    return export_trial(trials, str(trial), out=None if out is None else Path(out))
