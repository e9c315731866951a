"""Figures of what a search found out: decisions, rules and rejections. Pure functions of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from budgetnet.pages.figure import COLOURS, Figure, axis, axis_names, figure_label, layout
from budgetnet.report.analysis.option_effects import DecisionEffect
from budgetnet.text import count_text, counted, percent

__all__ = ["importance_figure", "option_figure", "rejection_figure", "rule_figure"]

MOST_DECISIONS = 20
_TINTS = ("#2a7f9e", "#e0a13a", "#4b8b3b", "#8d6cab", "#c77d5c", "#5b7fbf", "#a39a3f", "#7a8794")
"""Colours of rules: readable on light and dark pages."""


def importance_figure(effects: Sequence[DecisionEffect], optuna: Mapping[str, float]) -> Figure | None:
    """Return how much each decision explains, next to Optuna's importance; None where nothing can be told."""
    shown = [effect for effect in effects if effect.explained > 0 or optuna.get(effect.name, 0.0) > 0][:MOST_DECISIONS]
    if not shown:
        return None
    names = axis_names([effect.name for effect in shown], 34)
    data = [
        _bars("share of the variance it explains alone", names, [effect.explained for effect in shown], "fits"),
        _bars("Optuna's importance (PED-ANOVA)", names, [optuna.get(e.name, 0.0) for e in shown], "second"),
    ]
    look = layout(
        "Decisions that matter",
        130 + 34 * len(shown),
        barmode="group",
        hovermode="closest",
        xaxis=axis("", tickformat="~%", rangemode="tozero"),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    return {"data": data if optuna else data[:1], "layout": look}


def option_figure(effects: Sequence[DecisionEffect]) -> Figure | None:
    """Return the mean accuracy with each option of the decisions that matter most."""
    shown = [effect for effect in effects if effect.explained > 0][:MOST_DECISIONS]
    if not shown:
        return None
    names = axis_names([effect.name for effect in shown], 34)
    pairs = [(name, effect, option) for name, effect in zip(names, shown, strict=True) for option in effect.options]
    data = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [option.accuracy for _, _, option in pairs],
            "y": [name for name, _, _ in pairs],
            "text": [figure_label(_head(str(option.label), 14)) for _, _, option in pairs],
            "textposition": [("top center", "bottom center")[place % 2] for place in range(len(pairs))],
            "textfont": {"size": 10, "color": COLOURS["soft"]},
            "error_x": {
                "type": "data",
                "array": [option.error or 0.0 for _, _, option in pairs],
                "color": COLOURS["all"],
                "thickness": 1,
            },
            "hovertext": [
                f"<b>{figure_label(f'{effect.name} = {option.label}')}</b><br>"
                f"{percent(option.accuracy)} % on average over {counted(option.networks, 'network')}"
                for _, effect, option in pairs
            ],
            "hoverinfo": "text",
            "marker": {"size": 9, "color": COLOURS["fits"]},
            "showlegend": False,
        }
    ]
    look = layout(
        "Mean accuracy with each option",
        130 + 34 * len(shown),
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 48, "b": 56},
        xaxis=axis("validation accuracy, mean ± standard error", tickformat=".1%"),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    return {"data": data, "layout": look}


def rule_figure(networks: Mapping[str, Mapping[str, int]]) -> Figure | None:
    """Return the parameters of some networks by the rules of the grammar that hold them.

    Args:
        networks: parameters by rule, for each network's name.
    """
    if not networks:
        return None
    totals: dict[str, int] = {}
    for rules in networks.values():
        for rule, params in rules.items():
            totals[rule] = totals.get(rule, 0) + params
    order = sorted(totals, key=lambda rule: -totals[rule])
    names = list(networks)
    data = []
    for place, rule in enumerate(order):
        values = [rules.get(rule, 0) for rules in networks.values()]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": figure_label(rule),
                "y": names,
                "x": values,
                "hovertext": [
                    f"<b>{figure_label(rule)}</b> in {figure_label(name)}<br>{count_text(value)} parameters, "
                    f"{percent(value / max(1, sum(networks[name].values())), 1)} %"
                    for name, value in zip(names, values, strict=True)
                ],
                "hoverinfo": "text",
                "marker": {"color": _TINTS[place % len(_TINTS)]},
            }
        )
    look = layout(
        "Parameters by rule",
        150 + 28 * len(names),
        barmode="stack",
        hovermode="closest",
        xaxis=axis("parameters in the rule's own text", tickformat="~s"),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    return {"data": data, "layout": look}


def rejection_figure(reasons: Mapping[str, int]) -> Figure | None:
    """Return the number of networks that were not trained to the end, by reason."""
    shown = sorted(reasons.items(), key=lambda entry: -entry[1])
    if not shown:
        return None
    names = axis_names([name for name, _ in shown])
    look = layout(
        "Proposed and not trained to the end",
        110 + 30 * len(shown),
        margin={"l": 60, "r": 24, "t": 48, "b": 56},
        xaxis=axis("networks", rangemode="tozero", **({"dtick": 1} if shown[0][1] <= 10 else {"tickformat": "~s"})),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    bars = _bars("", names, [number for _, number in shown], "all") | {
        "hovertext": [f"{figure_label(name)}: {count_text(number)}" for name, number in shown],
        "showlegend": False,
    }
    return {"data": [bars], "layout": look}


def _bars(name: str, names: Sequence[str], values: Sequence[float], colour: str) -> dict[str, object]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "y": list(names),
        "x": list(values),
        "hovertext": [f"{label}: {percent(value, 1)} %" for label, value in zip(names, values, strict=True)],
        "hoverinfo": "text",
        "marker": {"color": COLOURS[colour]},
    }


def _head(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"
