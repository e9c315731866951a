"""A study's report as one page: what was searched, what was found, what it cost, how sure that is."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version

from budgetnet import __version__
from budgetnet.errors import BudgetnetError
from budgetnet.files.spaces import space_of
from budgetnet.pages.blocks import Block, Code, Details, PageTable, Prose
from budgetnet.pages.figure import Figure
from budgetnet.pages.page import Page, PageSection
from budgetnet.records.lookup import Trials
from budgetnet.records.trial import Record
from budgetnet.report.analysis.option_effects import decision_effects
from budgetnet.report.analysis.optuna_importance import optuna_importance
from budgetnet.report.analysis.progress import best_so_far, working_seconds
from budgetnet.report.analysis.rejections import rejections
from budgetnet.report.analysis.rules import params_by_rule
from budgetnet.report.figures.finding_figures import importance_figure, option_figure, rejection_figure, rule_figure
from budgetnet.report.figures.learned_figures import learned_figures
from budgetnet.report.figures.search_figures import cost_scatter, progress_figure, trial_curves
from budgetnet.report.frontier import frontier
from budgetnet.report.learned import learned_document, trust_text
from budgetnet.report.page.attempts import attempt_table
from budgetnet.report.page.drawn import MOST_DRAWN
from budgetnet.report.page.finalist_sections import finalist_sections, search_curves
from budgetnet.report.page.trainings import environment_lines
from budgetnet.report.study import best_for_budgets, best_trial
from budgetnet.report.summary import study_summary
from budgetnet.text import NOTHING, count_text, counted, duration, percent, short_count

__all__ = ["page_footer", "study_page"]

_MOST_NETWORKS = 14
"""Networks whose parameters are shown by rule."""


def study_page(trials: Trials, *, limits: Sequence[int] = (), command: str = "") -> Page:
    """Return the report of a study.

    Args:
        trials: the study with everything that its database holds.
        limits: numbers of parameters within which to name the best network; from the budget if there are none.
        command: the command that makes this page, for its last line.
    """
    sections = [
        PageSection(title="Summary", blocks=[Prose(items=[f"{head}: {text}" for head, text in study_summary(trials)])]),
        _costs(trials, limits),
        _progress(trials),
        *finalist_sections(trials),
        search_curves(trials),
        _learned(trials),
        _decisions(trials),
        _rules(trials),
        _rejections(trials),
        _attempts(trials),
        _made(trials),
    ]
    return Page(
        title=f"{trials.study.name}: report",
        lead=f"Budget: {trials.study.budget_text}. One multiply-add counts as one FLOP.",
        tiles=_tiles(trials),
        sections=[section for section in sections if section is not None],
        footer=page_footer(command),
        contents=True,
    )


def _tiles(trials: Trials) -> list[tuple[str, str]]:
    leader = best_trial(trials)
    tiles = []
    if leader is not None:
        finalist = trials.finalist(leader.number)
        if finalist is not None and finalist.score.n:
            words = f"on test images, {counted(finalist.score.n, 'seed')}: trial {leader.number}, trained in full"
            tiles.append((f"{finalist.score.spread} %", words))
        tiles.append((f"{percent(leader.accuracy)} %", f"on validation images: trial {leader.number}, in the search"))
        tiles.append((count_text(leader.params), "parameters of the best network"))
        tiles.append((short_count(leader.flops), "FLOPs of the best network"))
    trained = sum(record.trained for record in trials.records)
    work = working_seconds(trials.records)
    tiles.append((count_text(trained), "networks trained" + (f" in {duration(work)}" if work else "")))
    return tiles


def _costs(trials: Trials, limits: Sequence[int]) -> PageSection:
    study = trials.study
    figures = [
        cost_scatter(trials.records, trials.finalists, "params", limit=study.budget.params, target=study.target),
        cost_scatter(trials.records, trials.finalists, "flops", limit=study.budget.flops, target=study.target),
    ]
    within = best_for_budgets(trials, limits)
    rows = [[f"≤ {count_text(limit)}", *_best_row(record, trials)] for limit, record in within]
    header = ["parameters", "best trial", "val %", "in full, val %", "test %", "its parameters", "FLOPs", "network"]
    known = frontier(trials.records)
    text = [
        "Dots are accuracies on validation images after brief training; diamonds are finalists on test images after "
        "full training, so the two do not compare. The frontier joins the networks that no other beats in both. Hover "
        "over a point for its network, text and drawing; a click keeps it open. Drawn are the networks chosen, trained "
        f"in full, on the frontier or once the best, then the most accurate, {MOST_DRAWN} in all."
    ]
    front = PageTable(
        header=["trial", "val %", "parameters", "FLOPs", "network"],
        rows=[[str(r.number), percent(r.accuracy), count_text(r.params), short_count(r.flops), r.arch] for r in known],
        left=(4,),
    )
    blocks: list[Block] = [Prose(text=["Best within a number of parameters:"])]
    blocks.append(PageTable(header=header, rows=rows, left=(7,)))
    if known:
        blocks.append(Details(title=f"Frontier: {counted(len(known), 'network')}", blocks=[front]))
    return PageSection(title="Accuracy against size", text=text, figures=_drawn(figures), blocks=blocks)


def _best_row(record: Record | None, trials: Trials) -> list[str]:
    if record is None:
        return [NOTHING] * 6 + ["no network of this size was trained by the whole recipe"]
    finalist = trials.finalist(record.number)
    full = finalist.validation.spread if finalist is not None else NOTHING
    test = finalist.score.spread if finalist is not None else NOTHING
    counts = [count_text(record.params), short_count(record.flops), record.arch]
    return [str(record.number), percent(record.accuracy), full, test, *counts]


def _progress(trials: Trials) -> PageSection:
    steps = best_so_far(trials.records)
    figures = [progress_figure(steps, "trials"), progress_figure(steps, "hours"), trial_curves(trials.records)]
    stopped = [record for record in trials.records if record.outcome in ("stopped_early", "diverged")]
    blocks: list[Block] = []
    if stopped:
        rows = [
            [
                str(record.number),
                record.outcome.replace("_", " "),
                str(record.epochs),
                percent(record.accuracy),
                _why(record, trials),
            ]
            for record in stopped[:200]
        ]
        table = PageTable(header=["trial", "outcome", "epochs", "val %", "why"], rows=rows, left=(1, 4))
        more = f" (the first {len(rows)})" if len(rows) < len(stopped) else ""
        title = f"What was stopped, and why: {counted(len(stopped), 'trial')}{more}"
        blocks.append(Details(title=title, blocks=[table]))
    return PageSection(title="How the search went", figures=_drawn(figures), blocks=blocks)


def _why(record: Record, trials: Trials) -> str:
    if record.reason:
        return record.reason
    return f"by the pruner ({trials.study.search.pruner.kind})" if record.outcome == "stopped_early" else ""


def _learned(trials: Trials) -> PageSection | None:
    found = learned_document(trials)
    if found is None:
        return None
    text = [
        " ".join(trust_text(found)),
        "An effect is what networks with more of a feature, or with an option, are worth in full training, whatever "
        "else comes along: with against without where it is there or not, else for one standard deviation more. "
        "docs/search.md explains the names.",
    ]
    return PageSection(title="What the model learned", text=text, figures=learned_figures(found))


def _decisions(trials: Trials) -> PageSection | None:
    effects = decision_effects(trials.records)
    importance = optuna_importance(trials.records)
    figures = _drawn([importance_figure(effects, importance), option_figure(effects)])
    if not figures:
        return None
    scored = sum(record.scored for record in trials.records)
    text = [
        f"From {counted(scored, 'network')} that were trained by the whole recipe. The blue bar is the share of the "
        "variance of accuracy that a decision explains alone, less what chance would explain. Optuna's importance "
        "(PED-ANOVA) asks what sets the best tenth apart, and sums to 100 %.",
        "Both are associations among the networks that the search chose, not effects of single changes.",
    ]
    return PageSection(title="Decisions that matter", text=text, figures=figures)


def _rules(trials: Trials) -> PageSection | None:
    try:
        space = space_of(trials.study)
    except BudgetnetError:
        return None
    chosen: dict[int, Record] = {}
    by_number = {record.number: record for record in trials.records}
    for finalist in trials.finalists:
        if finalist.trial in by_number:
            chosen[finalist.trial] = by_number[finalist.trial]
    chosen |= {record.number: record for record in reversed(frontier(trials.records))}
    found = {}
    for record in list(chosen.values())[:_MOST_NETWORKS]:
        rules = params_by_rule(record, space)
        if rules:
            found[f"trial {record.number}"] = rules
    figure = rule_figure(found)
    if figure is None:
        return None
    text = "Finalists and frontier, the largest first: what each rule's own text holds, not what it calls."
    return PageSection(title="Where the parameters are", text=[text], figures=[figure])


def _rejections(trials: Trials) -> PageSection | None:
    figure = rejection_figure(rejections(trials.records))
    if figure is None:
        return None
    text = "Draws dropped before they became a trial are counted with the trials that were not trained to an end."
    return PageSection(title="Rejections by reason", text=[text], figures=[figure])


def _attempts(trials: Trials) -> PageSection:
    text = "Click a heading to sort, a row to see the network's text and decisions."
    return PageSection(title="All attempts", text=[text], blocks=[attempt_table(trials)])


def _made(trials: Trials) -> PageSection:
    study = trials.study
    runs = [record.training for record in trials.records if record.training is not None]
    runs += [run for finalist in trials.finalists for run in (*finalist.full, *finalist.runs)]
    lines = environment_lines(runs)
    commands = [trials.command(word, study.path) for word in ("search", "list", "report", "export")]
    commands.append(trials.command("train", f"{study.path}:best"))
    recorded = list(dict.fromkeys(str(run.environment["command"]) for run in runs if run.environment.get("command")))
    blocks: list[Block] = [Prose(text=["Hardware and versions:"], items=lines or ["not recorded"])]
    if recorded:
        blocks += [Prose(text=["Commands that trained these networks:"]), Code(text="\n".join(recorded[:20]))]
    blocks += [Prose(text=["Commands that continue from here:"]), Code(text="\n".join(commands))]
    return PageSection(
        title="How it was made",
        blocks=[*blocks, Details(title="The grammar", blocks=[Code(text=study.grammar_text.strip())])],
    )


def page_footer(command: str) -> list[str]:
    """Return the lines that say how a page was made."""
    made = [f"Made by: {command}"] if command else []
    return [
        *made,
        f"budgetnet {__version__}, plotly {version('plotly')}, Python {platform.python_version()}; "
        f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}. The page loads nothing from elsewhere.",
    ]


def _drawn(figures: Sequence[Figure | None]) -> list[Figure]:
    return [figure for figure in figures if figure is not None]
