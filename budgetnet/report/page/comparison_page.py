"""Studies side by side as one page."""

from __future__ import annotations

from budgetnet.pages.blocks import Block, Details, PageTable
from budgetnet.pages.figure import Figure, axis, figure_label, layout
from budgetnet.pages.page import Page, PageSection
from budgetnet.report.analysis.comparison import Comparison
from budgetnet.report.comparison_text import HEADER, comparison_rows, comparison_words
from budgetnet.report.page.study_page import page_footer
from budgetnet.text import count_text, percent, short_count

__all__ = ["comparison_page"]

_LINES = ("#2a7f9e", "#c77d5c", "#4b8b3b", "#8d6cab", "#e0a13a", "#5b7fbf", "#a39a3f", "#7a8794")
"""Colours of studies: readable on light and dark pages."""


def comparison_page(found: Comparison, *, command: str = "") -> Page:
    """Return the page: a table, the ways to the best networks, and the frontiers."""
    ways = [_way(found, hours=False)]
    if found.equal_seconds is not None:
        ways.append(_way(found, hours=True))
    table = PageTable(header=HEADER, rows=comparison_rows(found), left=(0, 1))
    fronts: list[Block] = [
        Details(
            title=f"Frontier of {study.name}",
            blocks=[
                PageTable(
                    header=["trial", "val %", "parameters", "FLOPs", "network"],
                    rows=[
                        [str(r.number), percent(r.accuracy), count_text(r.params), short_count(r.flops), r.arch]
                        for r in study.frontier
                    ],
                    left=(4,),
                )
            ],
        )
        for study in found.studies
    ]
    return Page(
        title=f"{' and '.join(study.name for study in found.studies[:3])}: comparison",
        lead="Validation accuracies after brief training, which the searches saw. One multiply-add counts as one FLOP.",
        sections=[
            PageSection(title="Side by side", text=comparison_words(found), table=table),
            PageSection(title="The way to the best", figures=ways),
            PageSection(title="Frontiers", figures=[_fronts(found)], blocks=fronts),
        ],
        footer=page_footer(command),
    )


def _way(found: Comparison, *, hours: bool) -> Figure:
    data = []
    for place, study in enumerate(found.studies):
        steps = [step for step in study.steps if step.accuracy is not None and (not hours or step.seconds is not None)]
        data.append(
            _line(study.name, place)
            | {
                "x": [(step.seconds or 0.0) / 3600 if hours else step.trials for step in steps],
                "y": [step.accuracy for step in steps],
            }
        )
    words = "hours of work, pauses left out" if hours else "networks trained"
    look = layout(
        f"Best so far against {'time' if hours else 'networks trained'}",
        400,
        hovermode="closest",
        xaxis=axis(words, rangemode="tozero"),
        yaxis=axis("best validation accuracy so far", tickformat=".1%"),
    )
    return {"data": data, "layout": look}


def _fronts(found: Comparison) -> Figure:
    data = []
    for place, study in enumerate(found.studies):
        front = study.frontier
        data.append(
            _line(study.name, place)
            | {
                "mode": "lines+markers",
                "x": [record.params for record in front],
                "y": [record.accuracy for record in front],
                "hovertext": [
                    f"{figure_label(study.name)}, trial {record.number}<br>{figure_label(record.arch)}"
                    for record in front
                ],
                "hoverinfo": "text+x+y",
            }
        )
    look = layout(
        "Frontiers: accuracy against parameters",
        440,
        hovermode="closest",
        xaxis=axis("parameters", tickformat="~s"),
        yaxis=axis("validation accuracy", tickformat=".1%"),
    )
    return {"data": data, "layout": look}


def _line(name: str, place: int) -> dict[str, object]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": figure_label(name),
        "line": {"shape": "hv", "color": _LINES[place % len(_LINES)], "width": 2},
    }
