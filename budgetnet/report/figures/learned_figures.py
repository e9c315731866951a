"""Figures of what a study's model believes: worth of features and decisions, and predictions against what was seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from budgetnet.pages.figure import COLOURS, Figure, axis, axis_names, figure_label, layout
from budgetnet.report.figures.search_figures import TABLE
from budgetnet.report.learned import credible
from budgetnet.text import percent

__all__ = ["learned_figures"]

MOST_SHOWN = 16
"""Features, and decisions, that are shown: the strongest."""


def learned_figures(found: Mapping[str, Any]) -> list[Figure]:
    """Return the worth of features and of decisions with 90 % intervals, and predicted against seen accuracies.

    Args:
        found: a document of `budgetnet.search.learned.Learned`.
    """
    figures = [
        _effects(found["features"], "Features that the model believes in"),
        _effects(found["decisions"], "Decisions that the model believes in"),
        _predictions(found["predictions"]),
    ]
    return [figure for figure in figures if figure is not None]


def _effects(effects: Sequence[Mapping[str, Any]], title: str) -> Figure | None:
    shown = effects[:MOST_SHOWN]
    if not shown:
        return None
    names = axis_names([one["name"].removeprefix("decision.") for one in shown], 34)
    data = []
    for words, colour, wanted in (("interval without 0", "fits", True), ("may be nothing", "all", False)):
        kept = [(name, one) for name, one in zip(names, shown, strict=True) if credible(one) is wanted]
        if not kept:
            continue
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": words,
                "x": [100 * one["effect"] for _, one in kept],
                "y": [name for name, _ in kept],
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [100 * (one["high"] - one["effect"]) for _, one in kept],
                    "arrayminus": [100 * (one["effect"] - one["low"]) for _, one in kept],
                    "color": COLOURS[colour],
                    "thickness": 2,
                },
                "hovertext": [_effect_words(one) for _, one in kept],
                "hoverinfo": "text",
                "marker": {"size": 9, "color": COLOURS[colour]},
            }
        )
    look = layout(
        title,
        150 + 26 * len(shown),
        hovermode="closest",
        showlegend=True,
        xaxis=axis("worth in full training, points; bars are 90 % intervals", zeroline=True, zerolinewidth=2),
        yaxis=axis("", autorange="reversed", type="category", categoryorder="array", categoryarray=names),
    )
    return {"data": data, "layout": look}


def _effect_words(one: Mapping[str, Any]) -> str:
    unit = "with against without" if one["binary"] else "for one standard deviation more"
    return (
        f"<b>{figure_label(one['name'])}</b><br>{100 * one['effect']:+.2f} points {unit}<br>"
        f"90 % interval {100 * one['low']:+.2f} to {100 * one['high']:+.2f}<br>"
        f"{one['networks']:,} networks have it"
    )


def _predictions(predictions: Sequence[Mapping[str, Any]]) -> Figure | None:
    if not predictions:
        return None
    low = min(min(one["predicted"], one["seen"]) for one in predictions) - 0.01
    high = max(max(one["predicted"], one["seen"]) for one in predictions) + 0.01
    points = {
        "type": "scatter",
        "mode": "markers",
        "name": "a network trained in full",
        "x": [one["predicted"] for one in predictions],
        "y": [one["seen"] for one in predictions],
        "error_x": {"type": "data", "array": [one["deviation"] for one in predictions], "color": COLOURS["all"]},
        "rows": [one["trial"] for one in predictions],
        "table": TABLE,
        "notes": [
            f"predicted {percent(one['predicted'])} ± {percent(one['deviation'])} %, seen {percent(one['seen'])} %"
            for one in predictions
        ],
        "hoverinfo": "text",
        "marker": {"size": 9, "color": COLOURS["fits"]},
    }
    equal = {
        "type": "scatter",
        "mode": "lines",
        "name": "as predicted",
        "x": [low, high],
        "y": [low, high],
        "hoverinfo": "skip",
        "line": {"color": COLOURS["soft"], "dash": "dot", "width": 1.5},
    }
    look = layout(
        "Predicted against seen, in full training",
        420,
        hovermode="closest",
        xaxis=axis("predicted without the network's own trainings (± deviation)", tickformat=".1%"),
        yaxis=axis("seen: mean validation accuracy of its full trainings", tickformat=".1%"),
    )
    return {"data": [points, equal], "layout": look}
