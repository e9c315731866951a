"""Full trainings on a page: runs, curves, classes, confusion and mistakes of one network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from budgetnet.pages.blocks import Block, ConfusionMatrix, Details, FigureRow, PageTable, Prose
from budgetnet.records.training_run import Score, TrainingRun
from budgetnet.report.figures.training_figures import training_figures
from budgetnet.report.page.mistakes import mistake_gallery
from budgetnet.text import NOTHING, count_text, counted, duration, percent
from budgetnet.training.data.sources import ImageSource
from budgetnet.training.test_report import confused, summed

__all__ = ["environment_lines", "held_out_blocks", "run_table", "training_blocks"]

_NO_CURVE = (
    "This training used all train images, so none are held out: there is no held-out curve. The test images were read "
    "once, after the last epoch."
)
_CURVES = (
    "For a curve of held-out images, train with --held-out; for a test curve, by which nothing is chosen, with "
    "--test-curve."
)
_HELD_OUT = (
    "The held-out images were not learned from; the curves of train images are of augmented ones, measured while "
    "training. The test images were read once, after the last epoch."
)
_NO_IMAGES = (
    "Their images are not on this machine: neither beside the weights, where full trainings leave them, nor in the "
    "data set. report --data-dir DIR takes them from a data set that is kept in DIR."
)
_MOST_CLASSES = 40
"""Classes up to which the confusion matrix is shown as a whole."""


def held_out_blocks(runs: Sequence[TrainingRun]) -> list[Block]:
    """Return the full trainings of a network on the train split: a table, and train and held-out curves."""
    rows = []
    for run in runs:
        loss = NOTHING if not run.validation_losses else f"{run.validation_losses[-1]:.4f}"
        train = percent(run.train_accuracies[-1] if run.train_accuracies else None)
        remark = run.failed or run.diverged or ""
        row = [str(run.seed), percent(run.accuracy), loss, train, str(run.epochs), duration(run.seconds), remark]
        rows.append(row)
    header = ["seed", "val %", "val loss", "train %", "epochs", "time", "remark"]
    scores = Score.of(run.accuracy for run in runs if run.outcome == "completed")
    if scores.n > 1:
        rows.append(["mean", scores.spread, *[""] * 5])
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    left = tuple(place for place, name in enumerate(header) if name == "remark")
    text = "Trained in full with the validation images held out; these accuracies choose:"
    blocks: list[Block] = [Prose(text=[text]), PageTable(header=header, rows=rows, left=left)]
    figures = training_figures([run for run in runs if run.failed is None], "train and held-out images")
    return [*blocks, FigureRow(figures=figures)] if figures else blocks


def training_blocks(
    runs: Sequence[TrainingRun], folder: Path, source: ImageSource, *, held_out: bool = False
) -> list[Block]:
    """Return everything that is recorded of one network's full trainings.

    Args:
        runs: its trainings.
        folder: the folder that their weights are relative to.
        source: the data set, for the images of mistakes.
        held_out: True if curves of held-out images are shown with them.
    """
    blocks: list[Block] = [run_table(runs)]
    figures = training_figures([run for run in runs if run.failed is None], "full training")
    if figures:
        blocks.append(FigureRow(figures=figures))
        watched = any(run.test_accuracies for run in runs)
        if any(run.validation_accuracies for run in runs):
            blocks.append(Prose(text=[_HELD_OUT.partition(" The test")[0] if watched else _HELD_OUT]))
        elif not watched:
            blocks.append(Prose(text=[_NO_CURVE if held_out else f"{_NO_CURVE} {_CURVES}"]))
    readings = [run.reading for run in runs if run.reading is not None]
    if not readings:
        return [*blocks, Prose(text=["Classes, confusions and mistakes were not recorded by these trainings."])]
    total = summed([reading.confusion for reading in readings])
    names = readings[0].classes
    blocks.append(_classes(readings[0].classes, [reading.per_class for reading in readings], total))
    over = counted(len(readings), "run")
    if len(names) <= _MOST_CLASSES:
        blocks.append(Prose(text=[f"Confusion matrix: test images of {over} by true and predicted class."]))
        blocks.append(ConfusionMatrix(classes=names, counts=total))
    else:
        blocks.append(Prose(text=[f"Most frequent confusions over {over}:"], items=_pairs(names, total)))
    return [*blocks, *_galleries(runs, folder, source)]


def run_table(runs: Sequence[TrainingRun]) -> PageTable:
    """Return a table of runs, with mean and standard deviation in the last row."""
    flips = any(run.test_accuracy_flip is not None for run in runs)
    held = any(run.accuracy is not None for run in runs)
    header = ["seed", "test %", *(["flip-averaged %"] if flips else []), "test loss"]
    header += [*(["held out %"] if held else []), "train %", "epochs", "time"]
    header += ["device", "remark"]
    rows = []
    for run in runs:
        flip = [percent(run.test_accuracy_flip)] if flips else []
        loss = NOTHING if run.test_loss is None else f"{run.test_loss:.4f}"
        train = percent(run.train_accuracies[-1] if run.train_accuracies else None)
        remark = run.failed or run.diverged or ""
        where = " ".join(part for part in (run.device, run.precision) if part)
        seconds = duration(run.seconds)
        rows.append([str(run.seed), percent(run.test_accuracy), *flip, loss])
        rows[-1] += [*([percent(run.accuracy)] if held else []), train, str(run.epochs), seconds]
        rows[-1] += [where, remark]
    scores = Score.of(run.test_accuracy for run in runs)
    if scores.n > 1:
        mirrored = [Score.of(run.test_accuracy_flip for run in runs).spread] if flips else []
        known = ["mean", scores.spread, *mirrored, ""]
        known += [Score.of(run.accuracy for run in runs).spread] if held else []
        rows.append([*known, *[""] * (len(header) - len(known))])
    if not any(row[-1] for row in rows):
        header, rows = header[:-1], [row[:-1] for row in rows]
    return PageTable(header=header, rows=rows, left=tuple(i for i, n in enumerate(header) if n in ("device", "remark")))


def environment_lines(runs: Sequence[TrainingRun]) -> list[str]:
    """Return hardware, versions and command of the trainings, each different one once."""
    seen: dict[str, None] = {}
    for run in runs:
        known = run.environment
        if not known:
            continue
        memory = known.get("memory_bytes")
        hardware = [str(known.get("accelerator") or known.get("processor") or "")]
        hardware += [counted(known["cores"], "core")] if known.get("cores") else []
        hardware += [f"{memory / 2**30:.0f} GiB memory"] if memory else []
        names = ("budgetnet", "torch", "optuna", "fvcore", "numpy", "python")
        versions = [f"{name} {known[name]}" for name in names if known.get(name)]
        threads = [counted(run.threads, "thread")] if run.threads else []
        precision = [run.precision] if run.precision else []
        parts = [*hardware, str(known.get("system") or ""), *threads, *precision, *versions]
        seen[", ".join(part for part in parts if part)] = None
    return list(seen)


def _classes(
    names: Sequence[str], per_class: Sequence[Sequence[float | None]], total: Sequence[Sequence[int]]
) -> PageTable:
    rows = []
    for place, name in enumerate(names):
        row = [0 if other == place else count for other, count in enumerate(total[place])]
        most, images = max(row), sum(total[place])
        confused_with = f"{names[row.index(most)]} ({percent(most / images, 1)} %)" if most else NOTHING
        score = Score.of(accuracies[place] for accuracies in per_class)
        rows.append([name, count_text(images // len(per_class)), score.spread, confused_with])
    return PageTable(header=["class", "test images", "accuracy %", "most often taken for"], rows=rows, left=(0, 3))


def _pairs(names: Sequence[str], total: Sequence[Sequence[int]]) -> list[str]:
    return [
        f"{names[pair.true]} taken for {names[pair.predicted]}: {counted(pair.count, 'time')}, "
        f"{percent(pair.share, 1)} % of its images"
        for pair in confused(total, 20)
    ]


def _galleries(runs: Sequence[TrainingRun], folder: Path, source: ImageSource) -> list[Block]:
    """Return the most confident mistakes of each run, those with images first, which are open."""
    with_images: list[Block] = []
    without: list[Block] = []
    for run in runs:
        gallery = mistake_gallery(run, folder, source)
        if gallery is None:
            continue
        title = f"Most confident mistakes of seed {run.seed}: predicted class with its probability, then the true one"
        if any(image.source is not None for image in gallery.images):
            with_images.append(Details(title=title, blocks=[gallery], open=not with_images))
        else:
            table = PageTable(
                header=["image", "predicted", "true"],
                rows=[[image.title, *image.lines[:2]] for image in gallery.images],
                left=(0, 1, 2),
            )
            without.append(Details(title=title, blocks=[Prose(text=[_NO_IMAGES]), table]))
    return [*with_images, *without]
