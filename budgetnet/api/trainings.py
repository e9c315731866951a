"""Networks with weights from Python: train one in full, and export a trial."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.api.say import Say, say_damage, say_nothing, say_run_folder
from budgetnet.api.studies import as_study
from budgetnet.files.study import Study

if TYPE_CHECKING:
    from budgetnet.export.export import Export
    from budgetnet.records.training_folder import Training

__all__ = ["export", "train"]


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
    held_out: bool = False,
    test_curve: bool = False,
    device: str = "auto",
    storage: str | None = None,
    run: str | Path | None = None,
    say: Say = say_nothing,
) -> Training:
    """Train one network in full, on all train images unless some are held out; test images are read once per seed.

    Started again with the same arguments, it continues where it stopped.

    Args:
        network: a network file, or ``STUDY:best``, ``STUDY:best@100k`` or ``STUDY:17``.
        study: gives the data set, the finalists' recipe and the number of seeds for a network from a file.
        dataset: a data set by name, instead of a study.
        recipe: ``default``, ``muon`` or ``hand-made``; the study's if None.
        seeds: number of runs; the study's, or 3, if None.
        seed: seed of the first run; later runs add 1.
        epochs: number of epochs; the recipe's if None.
        threads: threads of each run on the processor; the cores, shared by the seeds, if None.
        out: folder for results and weights; in ``runs/`` if None.
        held_out: hold the study's validation images out of the training (a tenth of the train images without a study),
            for curves of loss and accuracy on images that it does not learn from.
        test_curve: read the test images after each epoch as well, for a curve in the report; nothing is chosen by it.
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
    from budgetnet.search.full_training import train_network
    from budgetnet.search.training_plan import plan_training

    found = find(str(network), storage=storage, out=None if run is None else Path(run))
    if found.trials is not None:
        say_damage(found.trials, say)
    guide = None if study is None else as_study(study)
    place = None if out is None else Path(out)
    planned = plan_training(
        found,
        study=guide,
        dataset=dataset,
        recipe=recipe,
        seeds=seeds,
        epochs=epochs,
        out=place,
        held_out=held_out,
        test_curve=test_curve,
    )
    return train_network(planned, first_seed=seed, device=device, threads=threads, say=say)


def export(
    study: Study | str | Path,
    trial: str | int = "best",
    *,
    out: str | Path | None = None,
    formats: str | Sequence[str] | None = None,
    int8: bool = False,
    fine_tune: int | None = None,
    licence: str | None = None,
    storage: str | None = None,
    run: str | Path | None = None,
    say: Say = say_nothing,
) -> Export:
    """Write a trained network as a folder that stands alone, checked without budgetnet.

    It holds plain PyTorch code, weights, other formats, configuration, recipe, record and a model card.

    Args:
        study: a study, or the path of its file.
        trial: a trial's number, or ``best``, as validation images judge; ``best@100k`` for one of several budgets.
        out: the folder to make; ``export-NAME-NUMBER`` if None. An older export there is replaced.
        formats: ``pt2`` and ``onnx``, in one text or a list; ``torch`` alone for neither. If None, pt2, and onnx where
            its libraries are installed.
        int8: write the network in int8, too (ONNX, post-training, with ranges from train images); the test images are
            read once with it.
        fine_tune: epochs of fine-tuning against rounding, if it costs the int8 network more than half a point on train
            images that the fine-tuning does not see. None: nothing is trained.
        licence: identifier of the weights' licence for the card, such as ``mit``.
        storage: address of the database; ``study.db`` in the run folder if None.
        run: the run folder; ``runs/NAME`` in the working directory or beside the study file if None.
        say: told which run folder is used, if that is not the usual one, and how a fine-tuning goes.

    Returns:
        The folder, the trial with the reason why it was taken, and what the check compared.

    Raises:
        RequestError: no search has run, there is no such trial, it has no weights, *out* holds something else, or
            the libraries of a format are not installed.
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
    say_damage(trials, say)
    from budgetnet.export.export import export_trial

    place = None if out is None else Path(out)
    return export_trial(
        trials, str(trial), out=place, formats=formats, int8=int8, fine_tune=fine_tune, licence=licence, say=say
    )
