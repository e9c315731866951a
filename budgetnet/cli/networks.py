"""The commands about one network: show, diff, train, export."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from budgetnet.cli.options import (
    DataDir,
    Device,
    Json,
    Network,
    Run,
    Storage,
    StudyFile,
    image_shape,
    override,
    use_data_directory,
    whole_option,
)
from budgetnet.cli.output import say, tell, tell_json
from budgetnet.files.search_options import Finalists
from budgetnet.training.recipe.recipe import Recipe

if TYPE_CHECKING:
    from budgetnet.records.lookup import Found

__all__ = ["diff", "export", "show", "train"]


def show(
    network: Network,
    shape: Annotated[
        str | None, typer.Option("--input", metavar="CxHxW", help="Count it at another input, e.g. 3x64x64.")
    ] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Print layers, counts and where the parameters go."""
    from budgetnet.records.lookup import find
    from budgetnet.report.network import sheet, sheet_document, sheet_text, verified

    wanted = image_shape(shape)
    architecture = find(network, storage=storage, out=run).architecture
    shown = verified(sheet(architecture, wanted), architecture)
    if as_json:
        tell_json(sheet_document(shown))
    else:
        tell(sheet_text(shown))


def diff(
    first: Annotated[str, typer.Argument(metavar="A", help="A network; see NETWORK.", show_default=False)],
    second: Annotated[str, typer.Argument(metavar="B", help="Another network.", show_default=False)],
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Find both in its grammar and tell which decisions differ.")
    ] = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Compare two networks, in cost and line by line."""
    from budgetnet.files.study_file import read_study
    from budgetnet.records.lookup import common_study, find
    from budgetnet.report.difference import difference, difference_document, difference_text

    a, b = (find(name, storage=storage, out=run) for name in (first, second))
    found = difference(a.architecture, b.architecture, (a.label, b.label))
    document, lines = difference_document(found), difference_text(found)
    guide = read_study(study) if study is not None else common_study(a, b)
    if guide is not None:
        from budgetnet.report.decisions import decisions, decisions_document, decisions_text

        made = decisions(a.architecture, b.architecture, guide)
        document, lines = {**document, **decisions_document(made)}, [*lines, "", *decisions_text(made)]
    if as_json:
        tell_json(document)
    else:
        tell(lines)


def train(
    network: Network,
    study: Annotated[
        Path | None, typer.Option(metavar="STUDY", help="Its data set, and its finalists' recipe and number of seeds.")
    ] = None,
    dataset: Annotated[str | None, typer.Option(metavar="NAME", help="A data set by name.")] = None,
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
        Path | None, typer.Option(metavar="DIR", help="For results and weights.  [default: in runs/]")
    ] = None,
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

    On all train images; the test images are read once per seed. Started again, it goes on where it stopped. With
    --brief, a trial's score is repeated instead: same split, recipe, seed and threads, no test image; exit code 1 if
    a single bit differs.
    """
    from budgetnet.files.study_file import read_study
    from budgetnet.records.lookup import find

    use_data_directory(data_dir)
    found = find(network, storage=storage, out=run)
    if brief:
        given: dict[str, object] = {"--study": study, "--dataset": dataset, "--recipe": recipe, "--seeds": seeds}
        given |= {"--seed": seed, "--epochs": epochs, "--threads": threads}
        _repeat(found, given | {"--out": out}, device, as_json=as_json)
        return
    if found.record is not None:
        say(f"{found.label} is trained in full; --brief repeats its score in the search instead")
    guide = None if study is None else read_study(study)
    from budgetnet.report.per_class import classes_text
    from budgetnet.search.full_training import plan, train_network

    planned = plan(found, study=guide, dataset=dataset, recipe=recipe, seeds=seeds, epochs=epochs, out=out)
    training = train_network(planned, first_seed=seed or 0, device=device, threads=threads, say=say)
    if as_json:
        tell_json(training.document())
        return
    tell(f"{training.name}: {training.score} on the test images of {training.dataset}; {planned.out}")
    classes = classes_text(training.runs)
    if classes:
        tell(["", *classes])


def _repeat(found: Found, given: Mapping[str, object], device: str, *, as_json: bool) -> None:
    """Do what ``train --brief`` says.

    Raises:
        RequestError: something is given that a repetition takes from the record.
    """
    from budgetnet.errors import RequestError
    from budgetnet.search.repeat_trial import repeat_trial, repetition_document, repetition_text

    extra = [name for name, value in given.items() if value is not None]
    if extra:
        raise RequestError(f"--brief takes everything from the trial's record; leave {', '.join(extra)} out")
    repeated = repeat_trial(found, device=device, say=say)
    if as_json:
        tell_json(repetition_document(repeated))
    else:
        tell(repetition_text(repeated))
    if not repeated.equal:
        raise typer.Exit(1)


def export(
    study: StudyFile,
    trial: Annotated[str, typer.Option(metavar="N", help="A trial's number, or best.")] = "best",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder to make.  [default: export-NAME-NUMBER]")
    ] = None,
    data_dir: DataDir = None,
    storage: Storage = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Write a trained network as plain PyTorch, checked.

    The folder holds network.py (needs torch and safetensors only), weights.safetensors, network.yaml and a model
    card. It appears once a process without budgetnet has computed the same logits with it.
    """
    from budgetnet.files.study_file import read_study
    from budgetnet.records.lookup import open_trials

    use_data_directory(data_dir)
    trials = open_trials(read_study(study), storage=storage, out=run)
    from budgetnet.export.export import export as write_export

    written = write_export(trials, trial, out=out)
    if as_json:
        tell_json(written.document())
        return
    say(
        f"checked without budgetnet: {written.check.params:,} parameters, equal logits on {written.check.images} images"
    )
    tell(str(written.folder))
