"""The report of `budgetnet train` as one page: runs, curves, classes, confusions and mistakes of one network."""

from __future__ import annotations

from pathlib import Path

from budgetnet.files.network_file import Network
from budgetnet.network.text import summary
from budgetnet.pages.blocks import Block, Code, Prose
from budgetnet.pages.page import Page, PageSection
from budgetnet.records.training_folder import Training
from budgetnet.report.page.network_blocks import network_blocks
from budgetnet.report.page.study_page import page_footer
from budgetnet.report.page.trainings import environment_lines, training_blocks
from budgetnet.text import count_text, counted, duration, short_count
from budgetnet.training.data.sources import ImageFolder, ImageSource

__all__ = ["training_page"]


def training_page(training: Training, folder: Path, network: Network | None, *, command: str = "") -> Page:
    """Return the report of the full trainings of one network.

    Args:
        training: what its folder records.
        folder: the folder, which holds the weights.
        network: the network; None if its text cannot be read here, for example without its plug-ins.
        command: the command that makes this page, for its last line.
    """
    runs = training.runs
    about: list[Block] = [Code(text=training.network.strip())] if network is None else network_blocks(network)
    recorded = list(dict.fromkeys(str(run.environment["command"]) for run in runs if run.environment.get("command")))
    made: list[Block] = [Prose(text=["Hardware and versions:"], items=environment_lines(runs) or ["not recorded"])]
    if recorded:
        made += [Prose(text=["Commands:"]), Code(text="\n".join(recorded))]
    if runs and runs[0].recipe:
        recipe = "\n".join(f"{name}: {value}" for name, value in runs[0].recipe.items())
        made += [Prose(text=["Recipe:"]), Code(text=recipe)]
    title = training.name if network is None else f"{training.name}: {summary(network.network, 60)}"
    return Page(
        title=f"{training.name}: report of its training",
        lead=f"Trained on {_trained_on(training)} of {training.dataset}, tested on its test images. "
        "One multiply-add counts as one FLOP.",
        tiles=[
            (f"{training.score.spread} %", f"on test images, {counted(training.score.n, 'seed')}"),
            (count_text(training.params), "parameters"),
            (short_count(training.flops), "FLOPs of one image"),
            (duration(sum(run.seconds for run in runs)), f"of training, {counted(len(runs), 'run')}"),
        ],
        sections=[
            PageSection(title="Trainings", blocks=training_blocks(runs, folder, image_source(training.dataset))),
            PageSection(title=title, blocks=about),
            PageSection(title="How it was made", blocks=made),
        ],
        footer=page_footer(command),
        contents=True,
    )


def _trained_on(training: Training) -> str:
    if any(run.trained_on == "train" for run in training.runs):
        return "the train images, without those that were held out for validation,"
    return "all train images"


def image_source(dataset: str) -> ImageSource:
    """Return the data set that a training's file names: a known name, or a folder's path."""
    from budgetnet.training.data.known import DATASETS

    return dataset if dataset in DATASETS else ImageFolder(Path(dataset), size=None)
