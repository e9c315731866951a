"""Figures of a search: accuracy against cost, the way to the best, the trials' curves. Pure functions of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from budgetnet.pages.figure import COLOURS, Figure, axis, layout
from budgetnet.records.finals.finalist import Finalist
from budgetnet.records.trial import Record
from budgetnet.report.analysis.progress import Milestone
from budgetnet.report.frontier import frontier
from budgetnet.text import percent, short_count

__all__ = ["TABLE", "cost_scatter", "progress_figure", "trial_curves"]

TABLE = "attempts"
"""Name of the table of trials, which gives points their text."""

_MOST_CURVES, _BEST_CURVES = 1000, 200
"""Curves that are drawn at most, and how many of them are of the most accurate trials."""
_SHARE = {"tickformat": ".1%"}
_WORDS = {"params": "parameters", "flops": "FLOPs (one multiply-add = one FLOP)"}


def cost_scatter(
    records: Sequence[Record],
    finalists: Sequence[Finalist],
    cost: Literal["params", "flops"],
    *,
    limit: int | None = None,
    target: float | None = None,
) -> Figure:
    """Return validation accuracy against a cost, with the frontier, the finalists' test accuracy, budget and target.

    Args:
        records: all trials.
        finalists: their full trainings.
        cost: the cost on the horizontal axis.
        limit: the budget's bound on it.
        target: the study's target, as a fraction.
    """
    known = [r for r in records if r.accuracy is not None and getattr(r, cost) is not None]
    whole = [r for r in known if r.scored]
    early = [r for r in known if not r.scored]
    front = frontier(whole) if cost == "params" else _front(whole, cost)
    data = [
        _points(
            "stopped early or broken down", early, cost, {"color": COLOURS["all"], "size": 6, "symbol": "circle-open"}
        ),
        _points("trained by the whole recipe", whole, cost, {"color": COLOURS["fits"], "size": 7, "opacity": 0.75}),
        _points("frontier", front, cost, {"color": COLOURS["second"], "size": 10})
        | {"mode": "lines+markers", "line": {"shape": "hv", "color": COLOURS["second"], "width": 2}},
    ]
    by_number = {r.number: r for r in records}
    final = [(by_number[f.trial], f.score) for f in finalists if f.trial in by_number and f.score.n]
    if final:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "finalists, test images (mean ± deviation)",
                "x": [getattr(record, cost) for record, _ in final],
                "y": [score.mean for _, score in final],
                "error_y": {"type": "data", "array": [score.deviation or 0.0 for _, score in final], "thickness": 1.5},
                "rows": [record.number for record, _ in final],
                "table": TABLE,
                "notes": [f"finalist: {score} on test images" for _, score in final],
                "hoverinfo": "text",
                "marker": {"symbol": "diamond", "size": 11, "color": COLOURS["third"]},
            }
        )
    look = layout(
        f"Accuracy against {'parameters' if cost == 'params' else 'FLOPs'}",
        500,
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 48, "b": 130},
        legend={"orientation": "h", "x": 0, "xanchor": "left", "yref": "container", "y": 0, "yanchor": "bottom"},
        xaxis=axis(_WORDS[cost], tickformat="~s"),
        yaxis=axis("accuracy", **_SHARE),
    )
    lines: list[dict[str, Any]] = []
    notes: list[dict[str, Any]] = []
    if limit is not None:
        lines.append(_line({"x0": limit, "x1": limit, "yref": "paper", "y0": 0, "y1": 1}))
        notes.append(_note(f"budget {short_count(limit)}", x=limit, yref="paper", y=0.02, xanchor="right"))
    if target is not None:
        lines.append(_line({"y0": target, "y1": target, "xref": "paper", "x0": 0, "x1": 1}))
        notes.append(_note(f"target {percent(target, 1)} %", y=target, xref="paper", x=0.01, yanchor="bottom"))
    return {"data": [trace for trace in data if trace["x"]], "layout": look | {"shapes": lines, "annotations": notes}}


def progress_figure(steps: Sequence[Milestone], against: Literal["trials", "hours"]) -> Figure | None:
    """Return the best accuracy so far against trained networks or hours of work; None before there is one."""
    known = [step for step in steps if step.accuracy is not None and (against == "trials" or step.seconds is not None)]
    if not known:
        return None
    trace = {
        "type": "scatter",
        "mode": "lines",
        "x": [step.trials if against == "trials" else (step.seconds or 0.0) / 3600 for step in known],
        "y": [step.accuracy for step in known],
        "line": {"shape": "hv", "color": COLOURS["fits"], "width": 2},
        "rows": [step.best for step in known],
        "table": TABLE,
        "hoverinfo": "text",
        "showlegend": False,
    }
    words = "networks trained" if against == "trials" else "hours of work, pauses left out"
    look = layout(
        f"Best so far against {'networks trained' if against == 'trials' else 'time'}",
        340,
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 48, "b": 56},
        xaxis=axis(words, rangemode="tozero"),
        yaxis=axis("best validation accuracy so far", **_SHARE),
    )
    return {"data": [trace], "layout": look}


def trial_curves(records: Sequence[Record]) -> Figure | None:
    """Return the validation accuracy of all trials by epoch; None where no trial has a curve.

    Trials of one outcome are one trace with gaps, so that many of them stay quick to draw. Of more than 1,000, the best
    are drawn and an even choice of the others; the title says so.
    """
    known = [record for record in records if record.curve]
    shown = known if len(known) <= _MOST_CURVES else _best_and_others(known)
    looks = {
        "completed": (COLOURS["fits"], "trained to the end"),
        "stopped_early": (COLOURS["second"], "stopped early"),
        "diverged": (COLOURS["bound"], "broke down"),
    }
    data = []
    for outcome, (colour, words) in looks.items():
        chosen = [record for record in shown if record.outcome == outcome]
        if not chosen:
            continue
        xs: list[int | None] = []
        ys: list[float | None] = []
        rows: list[int | None] = []
        for record in chosen:
            xs += [*range(1, len(record.curve) + 1), None]
            ys += [*record.curve, None]
            rows += [record.number] * len(record.curve) + [None]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(chosen) <= 300 else "lines",
                "name": f"{words} ({sum(record.outcome == outcome for record in known):,})",
                "x": xs,
                "y": ys,
                "rows": rows,
                "table": TABLE,
                "hoverinfo": "text",
                "opacity": 0.6 if len(chosen) <= 300 else 0.35,
                "line": {"color": colour, "width": 1.2},
                "marker": {"size": 5},
            }
        )
    if not data:
        return None
    most = max(len(record.curve) for record in known)
    title = "Learning curves of all trials"
    if shown is not known:
        title = f"Learning curves of {len(shown):,} of {len(known):,} trials: the best {_BEST_CURVES}, others evenly"
    look = layout(
        title,
        400,
        hovermode="closest",
        xaxis=axis("epoch", **({"dtick": 1} if most <= 10 else {})),
        yaxis=axis("validation accuracy", **_SHARE),
    )
    return {"data": data, "layout": look}


def _best_and_others(known: Sequence[Record]) -> list[Record]:
    ranked = sorted(known, key=lambda record: -(record.accuracy or 0.0))
    best = {record.number for record in ranked[:_BEST_CURVES]}
    others = [record.number for record in known if record.number not in best]
    step = -(-len(others) // (_MOST_CURVES - _BEST_CURVES))
    drawn = best.union(others[::step])
    return [record for record in known if record.number in drawn]


def _points(name: str, records: Sequence[Record], cost: str, marker: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [getattr(record, cost) for record in records],
        "y": [record.accuracy for record in records],
        "rows": [record.number for record in records],
        "table": TABLE,
        "hoverinfo": "text",
        "marker": marker,
    }


def _front(records: Sequence[Record], cost: str) -> list[Record]:
    """The networks that no other beats in accuracy and *cost* at once, the cheapest first."""
    front: list[Record] = []
    for record in sorted(records, key=lambda r: (getattr(r, cost), -(r.accuracy or 0.0), r.number)):
        if not front or (record.accuracy or 0.0) > (front[-1].accuracy or 0.0):
            front.append(record)
    return front


def _line(place: dict[str, Any]) -> dict[str, Any]:
    return {"type": "line", "line": {"color": COLOURS["bound"], "dash": "dash", "width": 1.5}, **place}


def _note(text: str, **place: Any) -> dict[str, Any]:
    return {"text": text, "showarrow": False, "font": {"color": COLOURS["bound"]}, "bgcolor": COLOURS["paper"], **place}
