"""The sections of a report on the finalists, and on the brief training of the best network."""

from __future__ import annotations

from budgetnet.errors import BudgetnetError
from budgetnet.pages.blocks import Block, PageTable, Prose
from budgetnet.pages.page import PageSection
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.lookup import Trials, architecture_of
from budgetnet.records.trial import Record
from budgetnet.report.finals import rank_agreement
from budgetnet.report.page.network_blocks import network_blocks
from budgetnet.report.page.training_figures import training_figures
from budgetnet.report.page.trainings import training_blocks
from budgetnet.report.study import best_trial
from budgetnet.text import count_text, percent, short_count

__all__ = ["finalist_sections", "search_curves"]


def finalist_sections(trials: Trials) -> list[PageSection]:
    """Return the finalists side by side, then a section on each, the search's answer first."""
    if not trials.finalists:
        nothing = "No network has been trained in full yet, so there are no test results, confusions or mistakes."
        return [PageSection(title="Finalists", text=[nothing])]
    by_number = {record.number: record for record in trials.records}
    rows = []
    for finalist in trials.finalists:
        record = by_number.get(finalist.trial)
        rows.append(
            [
                str(finalist.trial),
                finalist.score.spread,
                str(finalist.score.n),
                percent(record.accuracy if record else None),
                count_text(record.params if record else None),
                short_count(record.flops if record else None),
                record.arch if record else "",
            ]
        )
    header = ["trial", "test %", "seeds", "val % in search", "parameters", "FLOPs", "network"]
    text = [
        "Chosen on validation images, then trained again from scratch on all train images. The test images judge them "
        "and chose nothing: mean ± standard deviation over seeds."
    ]
    tau = rank_agreement(trials.finalists, trials.records)
    if tau is not None:
        text.append(f"Brief training ranked them like full training with Kendall's tau-b = {tau:+.2f}.")
    sections = [PageSection(title="Finalists", text=text, table=PageTable(header=header, rows=rows, left=(6,)))]
    leader = best_trial(trials)
    first = None if leader is None else leader.number
    ordered = sorted(trials.finalists, key=lambda finalist: finalist.trial != first)
    return [*sections, *(_finalist(finalist, by_number.get(finalist.trial), trials) for finalist in ordered)]


def _finalist(finalist: Finalist, record: Record | None, trials: Trials) -> PageSection:
    blocks: list[Block] = []
    if record is not None:
        try:
            blocks += network_blocks(architecture_of(record, trials.study))
        except BudgetnetError as error:
            blocks.append(Prose(text=[f"The network cannot be built from its record: {error}."]))
    blocks += training_blocks(finalist.runs, trials.folder, trials.study.dataset)
    return PageSection(title=f"Trial {finalist.trial} in full: {finalist.score}", blocks=blocks)


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
