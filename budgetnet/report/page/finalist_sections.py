"""The sections of a report on the finalists, and on the brief training of the best network."""

from __future__ import annotations

from collections.abc import Sequence

from budgetnet.errors import BudgetnetError
from budgetnet.pages.blocks import Block, PageTable, Prose
from budgetnet.pages.page import PageSection
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import Trials, architecture_of
from budgetnet.records.trial import Record
from budgetnet.report.figures.training_figures import training_figures
from budgetnet.report.finals import rank_agreement
from budgetnet.report.page.network_blocks import network_blocks
from budgetnet.report.page.trainings import held_out_blocks, training_blocks
from budgetnet.report.study import best_trial
from budgetnet.text import count_text, percent, short_count

__all__ = ["finalist_sections", "search_curves"]


def finalist_sections(trials: Trials) -> list[PageSection]:
    """Return the networks trained in full side by side, then a section on each, the chosen ones first."""
    if not trials.finalists:
        nothing = "No network has been trained in full yet, so there are no test results, confusions or mistakes."
        return [PageSection(title="Finalists", text=[nothing])]
    by_number = {record.number: record for record in trials.records}
    places = {choice.trial: place for place, choice in reversed(list(enumerate(trials.choices)))}
    ordered = sorted(
        trials.finalists, key=lambda one: (places.get(one.trial, len(places)), -(one.validation.mean or 0.0), one.trial)
    )
    chooses = any(finalist.full for finalist in ordered)
    text = [
        "Trained in full on the train images without the validation images, which choose. Only what was chosen is "
        "trained on all train images and tested. Mean ± standard deviation over seeds."
        if chooses
        else "Chosen on validation images, then trained again from scratch on all train images. The test images judge "
        "them and chose nothing. Mean ± standard deviation over seeds."
    ]
    tau = rank_agreement(trials.finalists, trials.records)
    if tau is not None:
        text.append(f"Brief training ranked them like full training with Kendall's tau-b = {tau:+.2f}.")
    items = [f"Trial {choice.trial} is {choice.text}." for choice in trials.choices]
    table = _table([(finalist, by_number.get(finalist.trial)) for finalist in ordered], chooses)
    first = PageSection(title="Finalists", text=text, items=items, table=table)
    return [first, *(_finalist(finalist, by_number.get(finalist.trial), trials) for finalist in ordered)]


def _table(finalists: Sequence[tuple[Finalist, Record | None]], chooses: bool) -> PageTable:
    rows = []
    for finalist, record in finalists:
        full = [finalist.validation.spread, str(finalist.validation.n)] if chooses else []
        rows.append(
            [
                str(finalist.trial),
                *full,
                finalist.score.spread,
                str(finalist.score.n),
                percent(record.accuracy if record else None),
                count_text(record.params if record else None),
                short_count(record.flops if record else None),
                record.arch if record else "",
            ]
        )
    header = ["trial", *(["val % in full", "trainings"] if chooses else []), "test %", "seeds", "val % in search"]
    header += ["parameters", "FLOPs", "network"]
    return PageTable(header=header, rows=rows, left=(len(header) - 1,))


def _finalist(finalist: Finalist, record: Record | None, trials: Trials) -> PageSection:
    blocks: list[Block] = []
    if record is not None:
        try:
            blocks += network_blocks(architecture_of(record, trials.study))
        except BudgetnetError as error:
            blocks.append(Prose(text=[f"The network cannot be built from its record: {error}."]))
    if finalist.full:
        blocks += held_out_blocks(finalist.full)
    if finalist.runs:
        blocks += training_blocks(finalist.runs, trials.folder, trials.study.dataset, held_out=bool(finalist.full))
        title = f"Trial {finalist.trial} in full: {finalist.score} on test images"
    else:
        blocks.append(Prose(text=["It was not chosen, so the test images were not read for it."]))
        title = f"Trial {finalist.trial} in full: {finalist.validation} on validation images"
    return PageSection(title=title, blocks=blocks)


def search_curves(trials: Trials) -> PageSection | None:
    """Return the train and held-out curves of the best trial; None before there is one."""
    leader = best_trial(trials)
    if leader is None:
        return None
    blocks: list[Block] = []
    if trials.finalist(leader.number) is None:
        try:
            blocks += network_blocks(architecture_of(leader, trials.study))
        except BudgetnetError as error:
            blocks.append(Prose(text=[f"The network cannot be built from its record: {error}."]))
    figures = (
        [] if leader.training is None else training_figures([leader.training], f"trial {leader.number} in the search")
    )
    text = (
        "Train and held-out (validation) images by epoch, in the brief training by which the search judged it. Train "
        "loss (with the recipe's label smoothing) and accuracy are of augmented images, while the weights change."
        if figures
        else "The record of this trial holds no losses."
    )
    return PageSection(
        title=f"Trial {leader.number} in the search: train and held-out curves",
        text=[text],
        figures=figures,
        blocks=blocks,
    )
