"""Figures of an exploration for plotly.js, as pure functions of its results."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from budgetnet.explore.exact_text import large
from budgetnet.explore.findings import Effect, Exploration
from budgetnet.explore.histogram import Histogram
from budgetnet.explore.sample import Point, Region
from budgetnet.explore.suggestions import bound_words, option_words
from budgetnet.explore.text import DecisionCost, decision_costs
from budgetnet.pages.figure import COLOURS, Figure, axis, figure_label, layout
from budgetnet.text import bytes_text, count_text, percent, short_count

__all__ = ["cost_histogram", "decision_figure", "effect_figure", "reason_figure", "region_figure", "sample_scatter"]

HOVER_WIDTH = 76
HOVER_LINES = 14
NAME_WIDTH = 46
MOST_EFFECTS = 36
_MOST_DECISIONS = 18


def cost_histogram(found: Histogram) -> Figure:
    """All networks by a cost beside those that fit, with the budget as a line; shares of the grammar's own draws."""
    words = bound_words(found.bound)
    method = "exact" if found.exact else "estimated"
    fits_method = "exact" if found.fits_exact else "estimated"
    middles = [(bar.low + bar.high) / 2 for bar in found.bars]
    widths = [bar.high - bar.low + 1 for bar in found.bars]
    spans = [f"{count_text(bar.low)} – {count_text(bar.high)} {words}" for bar in found.bars]
    data = [
        {
            "type": "bar",
            "name": f"all networks ({method})",
            "x": middles,
            "width": widths,
            "y": [bar.draws.value for bar in found.bars],
            "hovertext": [
                f"{span}<br>{_share(bar.draws.value, bar.draws.error)} of the draws ({method})"
                + ("" if bar.derivations is None else f"<br>{large(bar.derivations)} derivations (exact)")
                for span, bar in zip(spans, found.bars, strict=True)
            ],
            "hoverinfo": "text",
            "marker": {"color": COLOURS["all"]},
        },
        {
            "type": "bar",
            "name": f"those that fit the whole budget ({fits_method})",
            "x": middles,
            "width": widths,
            "y": [bar.fits.value for bar in found.bars],
            "hovertext": [
                f"{span}<br>{_share(bar.fits.value, bar.fits.error)} of the draws fit ({fits_method})"
                for span, bar in zip(spans, found.bars, strict=True)
            ],
            "hoverinfo": "text",
            "marker": {"color": COLOURS["fits"]},
        },
    ]
    look = layout(
        f"Networks by {words}",
        400,
        barmode="overlay",
        bargap=0,
        xaxis=axis(_per_image(found.bound), tickformat="~s"),
        yaxis=axis("share of the grammar's own draws", tickformat="~%", rangemode="tozero"),
    )
    if found.limit is not None:
        look |= _bound_line(found.limit, "x", f"budget {short_count(found.limit)}")
    return {"data": data, "layout": look}


def sample_scatter(points: Sequence[Point], y: str) -> Figure:
    """Parameters against another cost (``flops`` or ``receptive_field``), coloured by depth; hover tells the network.

    Args:
        points: networks that fit.
        y: a field of `Point`.
    """
    titles = {"flops": "FLOPs", "receptive_field": "receptive field (pixels)"}
    data = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": [point.params for point in points],
            "y": [getattr(point, y) for point in points],
            "hovertext": [hover(point) for point in points],
            "hoverinfo": "text",
            "marker": {
                "size": 8,
                "opacity": 0.75,
                "color": [point.depth for point in points],
                "colorscale": [[0, "#bfe3e0"], [0.5, COLOURS["fits"]], [1, "#12344d"]],
                "colorbar": {"title": {"text": "depth"}, "thickness": 12, "len": 0.9, "tickformat": "d"},
                "line": {"width": 0.5, "color": COLOURS["paper"]},
            },
        }
    ]
    look = layout(
        f"Parameters against {titles[y]}",
        460,
        hovermode="closest",
        margin={"l": 60, "r": 24, "t": 56, "b": 56},
        xaxis=axis("parameters", tickformat="~s"),
        yaxis=axis(titles[y] + (" (one multiply-add = one FLOP)" if y == "flops" else ""), tickformat="~s"),
    )
    return {"data": data, "layout": look}


def hover(point: Point) -> str:
    """A network and its costs in lines that are short enough to read."""
    lines = [
        line
        for text in point.network.strip().splitlines()
        for line in wrap(text, HOVER_WIDTH, subsequent_indent="    ", drop_whitespace=True) or [""]
    ]
    if len(lines) > HOVER_LINES:
        lines = [*lines[: HOVER_LINES - 1], "…"]
    costs = (
        f"{count_text(point.params)} parameters · {count_text(point.flops)} FLOPs · depth {point.depth}",
        f"receptive field {point.receptive_field} px · peak memory {bytes_text(point.peak_activation_bytes)}",
    )
    text = "<br>".join(figure_label(line).replace("  ", "\u00a0\u00a0") for line in lines)
    return f"<b>{'<br>'.join(costs)}</b><br>{text}"


def region_figure(regions: Sequence[Region], networks: int) -> Figure:
    """Return a figure of the mean number of parameters of each call."""
    shown = [region for region in regions if region.params > 0]
    whole = next((region.params for region in shown if region.parent is None), 1.0)
    ids, names, parents, values, texts = [], [], [], [], []
    for region in shown:
        ids.append(region.path or "whole")
        names.append(figure_label(region.path.rpartition(".")[2] or "network"))
        parents.append("" if region.parent is None else region.parent or "whole")
        values.append(region.params)
        texts.append(
            f"<b>{figure_label(region.path or 'whole network')}</b><br>"
            f"{count_text(round(region.params))} parameters on average, {percent(region.params / whole, 1)} %<br>"
            f"{count_text(round(region.own_params))} of them in the rule itself<br>"
            f"{count_text(round(region.flops))} FLOPs<br>in {percent(region.networks / networks, 0)} % of the networks"
        )
    data = [
        {
            "type": "treemap",
            "ids": ids,
            "labels": names,
            "parents": parents,
            "values": values,
            "branchvalues": "total",
            "hovertext": texts,
            "hoverinfo": "text",
            "texttemplate": "%{label}<br>%{percentRoot:.1%}",
            "tiling": {"pad": 2},
            "pathbar": {"visible": True},
            "marker": {
                "colors": values,
                "colorscale": [[0, "#e8f3f6"], [0.5, "#8cc1d3"], [1, COLOURS["fits"]]],
                "line": {"color": COLOURS["paper"], "width": 1},
            },
        }
    ]
    look = layout("", 460, margin={"l": 4, "r": 4, "t": 28, "b": 4}, uniformtext={"minsize": 9, "mode": "hide"})
    return {"data": data, "layout": look}


def decision_figure(found: Exploration) -> Figure | None:
    """Return the mean number of parameters with each option of each decision, the most expensive decision on top."""
    costs = decision_costs(found)[:_MOST_DECISIONS]
    if not costs:
        return None
    names = _names([cost.decision for cost in costs])
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
    names = _names([option_words(effect) for effect in effects])
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
    look |= _bound_line(found.fits.value, "x", f"all draws {percent(found.fits.value, 0)} %", COLOURS["soft"])
    return {"data": data, "layout": look}


def _most_telling(effects: Sequence[Effect]) -> list[Effect]:
    """The options that matter most, grouped by their places as they are."""
    order = sorted(effects, key=lambda effect: -abs(effect.fits.value - effect.without.value))
    kept = {id(effect) for effect in order[:MOST_EFFECTS]}
    return [effect for effect in effects if id(effect) in kept]


def _effect_hover(effect: Effect) -> str:
    lines = [
        f"<b>{figure_label(option_words(effect))}</b>",
        f"{_share(effect.fits.value, effect.fits.error)} of {count_text(effect.draws)} draws with it fit (estimated)",
        f"{_share(effect.without.value, effect.without.error)} of the others fit (estimated)",
    ]
    if effect.exact is not None:
        lines.append(f"of its first bound alone, exactly: {_share(effect.exact.fits, 0)} with it")
        if effect.exact.fits_without is not None:
            lines[-1] += f", {_share(effect.exact.fits_without, 0)} without"
        derivations = f"{large(effect.exact.fitting)} of {large(effect.exact.derivations)}"
        lines.append(f"{derivations} derivations with it keep that")
    return "<br>".join(lines)


def reason_figure(found: Exploration) -> Figure | None:
    """The most common reasons for not fitting, the first on top."""
    if not found.causes:
        return None
    places = [(cause.place or "the first rule") if cause.held is not None else cause.place for cause in found.causes]
    told = _names(
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
                f"{_share(cause.share.value, cause.share.error)} of the draws (estimated)<br>"
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


def _bound_line(at: float, side: str, text: str, colour: str = COLOURS["bound"]) -> Figure:
    """A line across the figure at a value, with its words above it."""
    line = {"color": colour, "width": 2, "dash": "dash"}
    return {
        "shapes": [{"type": "line", "xref": side, "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}],
        "annotations": [
            {
                "xref": side,
                "yref": "paper",
                "x": at,
                "y": 1,
                "text": text,
                "showarrow": False,
                "xanchor": "right",
                "yanchor": "top",
                "xshift": -6,
                "font": {"color": colour},
                "bgcolor": "rgba(255,255,255,0.8)",
            }
        ],
    }


def _per_image(bound: str) -> str:
    return "FLOPs of one image (one multiply-add = one FLOP)" if bound == "flops" else bound_words(bound)


def _share(value: float, error: float) -> str:
    return f"{percent(value, 2)} %" if error == 0 else f"{percent(value, 1)} ± {percent(error, 1)} %"


def _names(texts: Sequence[str], width: int = NAME_WIDTH) -> list[str]:
    """Names for an axis, cut in the middle where they are long, and told apart where they are equal then."""
    names: list[str] = []
    for text in texts:
        short = text if len(text) <= width else f"{text[: width // 2]}…{text[-(width // 2 - 1) :]}"
        name, number = short, 1
        while figure_label(name) in names:
            number += 1
            name = f"{short} ({number})"
        names.append(figure_label(name))
    return names
