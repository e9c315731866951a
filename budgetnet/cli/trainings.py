"""The commands that turn a network into weights: train, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from budgetnet.api.options import Finalists, Recipe
from budgetnet.cli.options import DataDir, Device, Json, NetworkArgument, Run, Storage, StudyFile
from budgetnet.cli.output import put, say
from budgetnet.cli.overrides import override, whole_option
from budgetnet.errors import RequestError

__all__ = ["export_command", "train_command"]


def train_command(
    network: NetworkArgument,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Study whose data set, finalists' recipe and seeds to use.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the data set.")] = None,
    recipe: Annotated[str | None, override(Recipe, "preset", "--recipe", left_out="the study's, or default")] = None,
    seeds: Annotated[int | None, override(Finalists, "seeds", left_out="the study's, or 3")] = None,
    seed: Annotated[
        int | None,
        whole_option("--seed", low=0, high=2**31 - 1, help="Seed of the first run; later runs add 1.  [default: 0]"),
    ] = None,
    epochs: Annotated[int | None, override(Recipe, "epochs", left_out="the recipe's")] = None,
    threads: Annotated[
        int | None,
        whole_option(
            "--threads", low=1, help="Threads of each run on the CPU.  [default: the cores, shared by the seeds]"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for results and weights.  [default: in runs/]")
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="Hold the validation images out of training, for a curve of them.")
    ] = False,
    test_curve: Annotated[
        bool,
        typer.Option(
            "--test-curve", help="Read the test images after each epoch for a curve; nothing is chosen by it."
        ),
    ] = False,
    brief: Annotated[
        bool, typer.Option("--brief", help="Repeat a trial as its search trained it, and compare with its record.")
    ] = False,
    data_dir: DataDir = None,
    device: Device = "auto",
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Train one network in full, with several seeds.

    On all train images, or without those of --held-out; the test images are read once per seed. Started again, it
    continues where it stopped. With --brief, a trial's score is repeated instead: same split, recipe, seed and
    threads, no test image; exit code 1 if a single bit differs.
    """
    from budgetnet.api.pages.trainings import repetition_answer, training_answer, use_data_folder

    use_data_folder(data_dir)
    if brief:
        given: dict[str, object] = {"--study": study, "--dataset": dataset, "--recipe": recipe, "--seeds": seeds}
        given |= {"--seed": seed, "--epochs": epochs, "--threads": threads, "--out": out}
        given |= {"--held-out": held_out or None, "--test-curve": test_curve or None}
        _refuse_beside_brief(given)
        put(repetition_answer(network, device=device, storage=storage, run=run, say=say), as_json=as_json)
        return
    answer = training_answer(
        network,
        study=study,
        dataset=dataset,
        recipe=recipe,
        seeds=seeds,
        seed=seed or 0,
        epochs=epochs,
        threads=threads,
        out=out,
        held_out=held_out,
        test_curve=test_curve,
        device=device,
        storage=storage,
        run=run,
        say=say,
    )
    put(answer, as_json=as_json)


def _refuse_beside_brief(given: Mapping[str, object]) -> None:
    """Refuse options that a repetition takes from the record.

    Raises:
        RequestError: one of them is given.
    """
    extra = [name for name, value in given.items() if value is not None]
    if extra:
        raise RequestError(f"--brief takes everything from the trial's record; leave {', '.join(extra)} out")


def export_command(
    study: StudyFile,
    trial: Annotated[str, typer.Option(metavar="N", help="A trial's number, best, or best@100k.")] = "best",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to make.  [default: export-NAME-NUMBER]")
    ] = None,
    formats: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="Formats besides plain PyTorch: pt2, onnx, pte; torch for none.  [default: pt2, onnx if installed]",
        ),
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="Write the network in int8, too, and test it.")] = False,
    fine_tune: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Epochs of fine-tuning for --int8 if rounding costs over 0.5 points.  [default: none]"
        ),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(
            "--license", metavar="ID", help="Licence of the weights, for the card; e.g. mit.  [default: other]"
        ),
    ] = None,
    data_dir: DataDir = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Write a trained network to a folder, checked.

    It holds network.py (needs torch and safetensors only), model.safetensors, model.pt2, model.onnx, network.yaml,
    configuration, recipe, record, manifest and a model card, and appears once a process without budgetnet has computed
    the same logits with every format.
    """
    from budgetnet.api.pages.trainings import export_answer, use_data_folder

    use_data_folder(data_dir)
    answer = export_answer(
        study,
        trial,
        out=out,
        formats=formats,
        int8=int8,
        fine_tune=fine_tune,
        licence=licence,
        storage=storage,
        run=run,
        say=say,
    )
    put(answer, as_json=as_json)
