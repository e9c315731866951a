"""Decisions, options, and reasons why networks do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from budgetnet.explore.exact_text import large
from budgetnet.explore.figures.labels import HOVER_WIDTH, bound_line, share_text
from budgetnet.explore.findings import Effect, Exploration
from budgetnet.explore.suggestions import bound_words, option_words
from budgetnet.explore.text import DecisionCost, decision_costs
from budgetnet.pages.figure import COLOURS, NAME_WIDTH, Figure, axis, axis_names, figure_label, layout
from budgetnet.text import count_text, percent, short_count

__all__ = ["decision_figure", "effect_figure", "reason_figure"]

MOST_EFFECTS = 36
_MOST_DECISIONS = 18


def decision_figure(found: Exploration) -> Figure | None:
    """Return the mean number of parameters with each option of each decision, the most expensive decision on top."""
    costs = decision_costs(found)[:_MOST_DECISIONS]
    if not costs:
        return None
    names = axis_names([cost.decision for cost in costs])
    spans = {
        "type": "scatter",
        "mode": "lines",
        "x": [value for cost in costs for value in (cost.least_params, cost.most_params, None)],
        "y": [value for name in names for value in (name, name, None)],
        "line": {"color": COLOURS["all"], "width": 4},
        "hoverinfo": "skip",
        "showlegend": False,
    }
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [option.params.value for cost in costs for option in cost.options if option.params],
        "y": [name for name, cost in zip(names, costs, strict=True) for _ in cost.options],
        "hovertext": [_option_hover(cost, number) for cost in costs for number in range(len(cost.options))],
        "hoverinfo": "text",
        "marker": {"size": 10, "color": COLOURS["fits"]},
        "showlegend": False,
    }
    height = 110 + 28 * len(costs)
    look = layout(
        "Mean parameters with each option (estimated)",
        height,
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 48, "b": 56},
        xaxis=axis("parameters, mean over the draws with that option", tickformat="~s"),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    return {"data": [spans, dots], "layout": look}


def _option_hover(cost: DecisionCost, number: int) -> str:
    option = cost.options[number]
    assert option.params is not None
    mean = f"{count_text(round(option.params.value))} ± {count_text(round(option.params.error))} parameters"
    flops = "" if option.flops is None else f"<br>{short_count(option.flops.value)} FLOPs"
    name = figure_label(f"{cost.decision} = {option.label}")
    return f"<b>{name}</b><br>{mean}{flops}<br>{count_text(option.draws)} draws"


def effect_figure(found: Exploration) -> Figure | None:
    """The share that fits with each option: estimated for the whole budget, and exact for its first bound."""
    effects = _most_telling(found.effects)
    if not effects:
        return None
    names = axis_names([option_words(effect) for effect in effects])
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "fit the whole budget (estimated ± standard error)",
            "x": [effect.fits.value for effect in effects],
            "y": names,
            "error_x": {"type": "data", "array": [effect.fits.error for effect in effects], "color": COLOURS["fits"]},
            "hovertext": [_effect_hover(effect) for effect in effects],
            "hoverinfo": "text",
            "marker": {"size": 9, "color": COLOURS["fits"]},
        }
    ]
    exact = [(name, effect) for name, effect in zip(names, effects, strict=True) if effect.exact is not None]
    if exact and found.census is not None:
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": f"keep {bound_words(str(found.census.axis))} (exact)",
                "x": [effect.exact.fits for _, effect in exact if effect.exact],
                "y": [name for name, _ in exact],
                "hovertext": [_effect_hover(effect) for _, effect in exact],
                "hoverinfo": "text",
                "marker": {"size": 9, "symbol": "diamond-open", "color": COLOURS["second"], "line": {"width": 2}},
            }
        )
    look = layout(
        "Share that fits among the draws with an option",
        150 + 24 * len(effects),
        hovermode="closest",
        xaxis=axis("share of the draws that take the option", tickformat="~%", range=[-0.02, 1.02]),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    look |= bound_line(found.fits.value, "x", f"all draws {percent(found.fits.value, 0)} %", COLOURS["soft"])
    return {"data": data, "layout": look}


def _most_telling(effects: Sequence[Effect]) -> list[Effect]:
    """The options that matter most, grouped by their places."""
    order = sorted(effects, key=lambda effect: -abs(effect.fits.value - effect.without.value))
    kept = {id(effect) for effect in order[:MOST_EFFECTS]}
    return [effect for effect in effects if id(effect) in kept]


def _effect_hover(effect: Effect) -> str:
    lines = [
        f"<b>{figure_label(option_words(effect))}</b>",
        f"{share_text(effect.fits.value, effect.fits.error)} of {count_text(effect.draws)} draws with it fit "
        "(estimated)",
        f"{share_text(effect.without.value, effect.without.error)} of the others fit (estimated)",
    ]
    if effect.exact is not None:
        lines.append(f"of its first bound alone, exactly: {share_text(effect.exact.fits, 0)} with it")
        if effect.exact.fits_without is not None:
            lines[-1] += f", {share_text(effect.exact.fits_without, 0)} without"
        derivations = f"{large(effect.exact.fitting)} of {large(effect.exact.derivations)}"
        lines.append(f"{derivations} derivations with it keep that")
    return "<br>".join(lines)


def reason_figure(found: Exploration) -> Figure | None:
    """The most common reasons for not fitting, the first on top."""
    if not found.causes:
        return None
    places = [(cause.place or "the first rule") if cause.held is not None else cause.place for cause in found.causes]
    told = axis_names(
        [f"{bound_words(cause.reason)}: {place}" for cause, place in zip(found.causes, places, strict=True)],
        NAME_WIDTH + 8,
    )
    data = [
        {
            "type": "bar",
            "orientation": "h",
            "x": [cause.share.value for cause in found.causes],
            "y": told,
            "error_x": {
                "type": "data",
                "array": [cause.share.error for cause in found.causes],
                "color": COLOURS["soft"],
                "thickness": 1,
            },
            "hovertext": [
                f"{share_text(cause.share.value, cause.share.error)} of the draws (estimated)<br>"
                + "<br>".join(figure_label(line) for line in wrap(cause.example, HOVER_WIDTH))
                for cause in found.causes
            ],
            "hoverinfo": "text",
            "marker": {
                "color": [COLOURS["bound"] if cause.held is not None else COLOURS["second"] for cause in found.causes]
            },
        }
    ]
    look = layout(
        "Share of all draws (estimated ± standard error)",
        120 + 30 * len(told),
        bargap=0.35,
        margin={"l": 60, "r": 24, "t": 48, "b": 56},
        xaxis=axis("share of all draws", tickformat="~%", rangemode="tozero"),
        yaxis=axis("", autorange="reversed", type="category"),
    )
    return {"data": data, "layout": look}
