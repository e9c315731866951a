"""The content of the study's page: a note on everything, and figures whatever the goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.pages.figure import Figure
from budgetnet.records.lookup import Trials
from budgetnet.records.ranking import ranked
from budgetnet.records.trial import Record
from budgetnet.report.analysis.option_effects import decision_effects
from budgetnet.report.analysis.progress import best_so_far
from budgetnet.report.analysis.rejections import rejections
from budgetnet.report.figures.finding_figures import option_figure, rejection_figure
from budgetnet.report.figures.learned_figures import learned_figures
from budgetnet.report.figures.search_figures import cost_scatter, progress_figure, trial_curves
from budgetnet.report.figures.texts import on_any_paper, point_texts, with_texts
from budgetnet.report.learned import trust_text
from budgetnet.report.study import choices_text
from budgetnet.report.summary import generation_text
from budgetnet.report.target import target_text
from budgetnet.report.trials import tally
from budgetnet.text import count_text, percent

__all__ = ["study_figures", "study_note"]

MOST_BEST = 10
"""Trials in the note's table."""
CURVES = 400
"""Learning curves that are drawn: the page loads all figures at once, each time it is opened."""


def study_note(trials: Trials, study_id: int, learned: Mapping[str, Any] | None = None) -> str:
    """Return the study's note as Markdown: what was searched and found, the best trials with links, the limits.

    Args:
        trials: the study.
        study_id: its number in the dashboard, for links.
        learned: a document of `budgetnet.search.learned.Learned`, if there is one.
    """
    study = trials.study
    lines = [
        f"# {study.name}",
        "",
        f"{study.dataset}, budget {study.budget_text}, goal {study.goal}. {tally(trials.records) or 'No trials yet'}.",
        "",
        *generation_text(trials),
        *(f"**{line}**" for line in choices_text(trials)),
        "",
        *target_text(trials),
        "",
        "| trial | val % | test %, in full | parameters |",
        "|---|---|---|---|",
    ]
    networks = []
    for record in ranked(trials.records, study.goal, study.target)[:MOST_BEST]:
        finalist = trials.finalist(record.number)
        test = str(finalist.score) if finalist is not None and finalist.runs else "–"
        link = f"[{record.number}](/dashboard/studies/{study_id}/trials?numbers={record.number})"
        early = "" if record.scored else " (stopped early)"
        accuracy = f"{percent(record.accuracy)}{early}"
        lines.append(f"| {link} | {accuracy} | {test} | {count_text(record.params)} |")
        networks.append(f"- {link}: `{record.arch}`")
    lines += ["", *networks]
    if learned is not None:
        lines += ["", " ".join(trust_text(learned))]
    lines += [
        "",
        "“Best trial” is the study's choice, the network that `STUDY:best` names. Trials over the budget are pruned "
        "and infeasible: they were never trained.",
        "",
        "This dashboard shows a copy of the study, which follows a running search: what you change here, notes and "
        "trials alike, is not kept. Optuna's own pages draw importances and slices of decisions; with hundreds of "
        "decisions those pages are crowded, which is a limit of theirs.",
        "",
        "```sh",
        trials.command("list", study.path),
        trials.command("show", f"{study.path}:best"),
        "```",
    ]
    return "\n".join(lines)


def study_figures(trials: Trials, learned: Mapping[str, Any] | None = None) -> dict[str, Figure]:
    """Return the study's figures by their names, the report's own; those that have nothing to show yet are left out.

    Args:
        trials: the study.
        learned: a document of `budgetnet.search.learned.Learned`, if there is one.
    """
    study, records = trials.study, trials.records
    steps = best_so_far(records)
    effects = decision_effects(records)
    of_model = [] if learned is None else learned_figures(learned)
    known = any(record.accuracy is not None for record in records)
    figures = {
        "frontier": cost_scatter(records, trials.finalists, "params", limit=study.budget.params, target=study.target)
        if known
        else None,
        "frontier-flops": cost_scatter(
            records, trials.finalists, "flops", limit=study.budget.flops, target=study.target
        )
        if known
        else None,
        "best-so-far": progress_figure(steps, "trials"),
        "best-so-far-in-time": progress_figure(steps, "hours"),
        "learning-curves": trial_curves(_with_curves(trials)),
        **{f"what-was-learned-{place}": figure for place, figure in enumerate(of_model, start=1)},
        "decisions": option_figure(effects),
        "rejections": rejection_figure(rejections(records)),
    }
    texts = point_texts(records)
    return {name: on_any_paper(with_texts(figure, texts)) for name, figure in figures.items() if figure is not None}


def _with_curves(trials: Trials) -> Sequence[Record]:
    """Return the trials whose curves are drawn: the chosen, the best and the last where they are many."""
    shown = [record for record in trials.records if record.curve]
    if len(shown) <= CURVES:
        return shown
    chosen = {choice.trial for choice in trials.choices}
    return sorted(shown, key=lambda one: (one.number not in chosen, -(one.accuracy or 0.0), -one.number))[:CURVES]
