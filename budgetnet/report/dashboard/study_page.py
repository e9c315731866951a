"""The content of the study's page: a note on everything, and figures whatever the goal."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from math import sqrt
from statistics import fmean, pvariance
from typing import Any

from budgetnet.pages.figure import COLOURS, Figure, axis, figure_label, layout
from budgetnet.records.lookup import Trials
from budgetnet.records.ranking import ranked
from budgetnet.records.trial import Record
from budgetnet.report.frontier import frontier
from budgetnet.report.study import choices_text
from budgetnet.report.trials import tally
from budgetnet.text import count_text, percent

__all__ = ["study_figures", "study_note"]

MOST_BEST = 10
"""Trials in the note's table."""
OPTIONS_SHOWN = 14
"""Options in the figure of what was learned."""
LEAST_SUPPORT = 3
"""Trials with an option, and without it, from which it is shown."""
CURVES = 400
"""Learning curves that are drawn; the best and the last ones."""


def study_note(trials: Trials, study_id: int) -> str:
    """Return the study's note as Markdown: what was searched and found, the best trials with links, the limits."""
    study = trials.study
    lines = [
        f"# {study.name}",
        "",
        f"{study.dataset}, budget {study.budget}, goal {study.goal}"
        + (f", target {percent(study.target, 1)} %" if study.target is not None else "")
        + f". {tally(trials.records) or 'No trials yet'}.",
        "",
        *(f"**{line}**" for line in choices_text(trials)),
        "",
        "| trial | validation % | test %, in full | parameters | network |",
        "|---|---|---|---|---|",
    ]
    for record in ranked(trials.records, study.goal, study.target)[:MOST_BEST]:
        finalist = trials.finalist(record.number)
        test = str(finalist.score) if finalist is not None and finalist.runs else "–"
        link = f"[{record.number}](/dashboard/studies/{study_id}/trials?numbers={record.number})"
        early = "" if record.scored else " (stopped early)"
        accuracy = f"{percent(record.accuracy)}{early}"
        lines.append(f"| {link} | {accuracy} | {test} | {count_text(record.params)} | `{record.arch}` |")
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


def study_figures(trials: Trials) -> dict[str, Figure]:
    """Return the study's figures by their names; those that have nothing to show yet are left out."""
    figures = {
        "frontier": _frontier(trials),
        "best-so-far": _best_so_far(trials.records),
        "learning-curves": _curves(trials),
        "what-was-learned": _learned(trials.records),
    }
    return {name: figure for name, figure in figures.items() if figure is not None}


def _points(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.params and record.accuracy is not None and record.trained]


def _frontier(trials: Trials) -> Figure | None:
    """Accuracy against parameters, with the budget and what nothing beats."""
    shown = _points(trials.records)
    if not shown:
        return None
    whole = [record for record in shown if record.scored]
    early = [record for record in shown if not record.scored]
    front = frontier(trials.records)
    data = [
        _scatter(early, "stopped early", mode="markers", marker={"color": COLOURS["all"], "symbol": "circle-open"}),
        _scatter(whole, "completed", mode="markers", marker={"color": COLOURS["fits"]}),
        _scatter(front, "nothing beats these", mode="lines", line={"color": COLOURS["fits"], "shape": "hv"}),
    ]
    finals = [
        (record.params, finalist.score.mean, record.number)
        for finalist in trials.finalists
        if finalist.score.mean is not None
        for record in shown
        if record.number == finalist.trial
    ]
    if finals:
        data.append(
            {
                "type": "scatter",
                "name": "trained in full, test images",
                "mode": "markers",
                "x": [params for params, _, _ in finals],
                "y": [100 * mean for _, mean, _ in finals],
                "text": [f"trial {number}" for _, _, number in finals],
                "marker": {"color": COLOURS["second"], "symbol": "diamond", "size": 11},
            }
        )
    drawn = layout("Accuracy against parameters", 420, xaxis=axis("parameters"), yaxis=axis("accuracy %"))
    limit = trials.study.budget.params
    if limit is not None:
        line = {"color": COLOURS["bound"], "dash": "dash"}
        drawn["shapes"] = [{"type": "line", "x0": limit, "x1": limit, "y0": 0, "y1": 1, "yref": "paper", "line": line}]
    return {"data": [trace for trace in data if trace["x"]], "layout": drawn}


def _scatter(records: Sequence[Record], name: str, **style: Any) -> dict[str, Any]:
    return {
        "type": "scatter",
        "name": name,
        "x": [record.params for record in records],
        "y": [None if record.accuracy is None else 100 * record.accuracy for record in records],
        "text": [f"trial {record.number}<br>{_broken(record.arch)}" for record in records],
        "hovertemplate": "%{y:.2f} %, %{x:,} parameters<br>%{text}<extra></extra>",
        **style,
    }


def _broken(arch: str) -> str:
    """Break a network's short line for a tooltip."""
    parts = arch.split(" · ")
    return "<br>".join(figure_label(" · ".join(parts[at : at + 4])) for at in range(0, len(parts), 4))


def _best_so_far(records: Sequence[Record]) -> Figure | None:
    """Best validation accuracy against trials."""
    best, x, y = 0.0, [], []
    for record in records:
        if record.scored and record.accuracy is not None and record.accuracy > best:
            best = record.accuracy
            x.append(record.number)
            y.append(100 * best)
    if not x:
        return None
    trace = {
        "type": "scatter",
        "mode": "lines+markers",
        "line": {"shape": "hv", "color": COLOURS["fits"]},
        "x": [*x, records[-1].number],
        "y": [*y, y[-1]],
    }
    axes = {"xaxis": axis("trial"), "yaxis": axis("validation accuracy %")}
    return {"data": [trace], "layout": layout("Best so far", 340, showlegend=False, **axes)}


def _curves(trials: Trials) -> Figure | None:
    """Validation accuracy by epoch of each trial."""
    shown = [record for record in trials.records if len(record.curve) > 1]
    if len(shown) > CURVES:
        shown = sorted(shown, key=lambda record: (-(record.accuracy or 0.0), -record.number))[:CURVES]
    if not shown:
        return None
    chosen = {choice.trial for choice in trials.choices}
    data = []
    for record in sorted(shown, key=lambda record: (record.number in chosen, record.scored)):
        outcome = record.outcome.replace("_", " ")
        colour = COLOURS["second"] if record.number in chosen else COLOURS["fits" if record.scored else "all"]
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": list(range(1, len(record.curve) + 1)),
                "y": [100 * value for value in record.curve],
                "line": {"color": colour, "width": 3 if record.number in chosen else 1},
                "opacity": 1 if record.number in chosen else 0.6,
                "hovertemplate": f"trial {record.number}, {outcome}<br>epoch %{{x}}: %{{y:.2f}} %<extra></extra>",
            }
        )
    axes = {"xaxis": axis("epoch"), "yaxis": axis("validation accuracy %")}
    title = "Learning curves (the choice orange)"
    return {"data": data, "layout": layout(title, 380, showlegend=False, **axes)}


def _learned(records: Sequence[Record]) -> Figure | None:
    """Difference in mean accuracy between the networks that took an option and the others."""
    shown = [record for record in _points(records) if record.scored]
    took: dict[str, list[float]] = defaultdict(list)
    for record in shown:
        for option in {f"{_plain(name)} = {label}" for name, label in record.decisions.items()}:
            took[option].append(100 * (record.accuracy or 0.0))
    everything = [100 * (record.accuracy or 0.0) for record in shown]
    found = []
    for option, there in took.items():
        rest = len(everything) - len(there)
        if min(len(there), rest) < LEAST_SUPPORT:
            continue
        mean = (sum(everything) - sum(there)) / rest
        error = sqrt(pvariance(everything) * (1 / len(there) + 1 / rest))
        found.append((fmean(there) - mean, error, option, len(there)))
    if not found:
        return None
    found.sort(key=lambda each: -abs(each[0]) / (each[1] or 1.0))
    best = sorted(found[:OPTIONS_SHOWN])
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [difference for difference, _, _, _ in best],
        "y": [figure_label(option) for _, _, option, _ in best],
        "error_x": {"type": "data", "array": [error for _, error, _, _ in best], "color": COLOURS["soft"]},
        "customdata": [number for _, _, _, number in best],
        "hovertemplate": "%{x:+.2f} points, %{customdata} trials<extra></extra>",
        "marker": {"color": [COLOURS["fits"] if each[0] > 0 else COLOURS["second"] for each in best]},
    }
    title = "What went with accuracy"
    axes = {
        "xaxis": axis("mean with the option less mean without, points ± standard error"),
        "yaxis": {"automargin": True},
    }
    return {"data": [trace], "layout": layout(title, 140 + 24 * len(best), showlegend=False, **axes)}


def _plain(name: str) -> str:
    """A decision's name without the places of repetitions."""
    return re.sub(r"#\d+|\[\d+\]", "", name)
