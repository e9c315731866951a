"""Parameters by the calls that lead to a rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from budgetnet.explore.sample import Region
from budgetnet.pages.figure import COLOURS, Figure, axis, figure_label, layout
from budgetnet.text import count_text, percent

__all__ = ["region_figure"]


def region_figure(regions: Sequence[Region], networks: int) -> Figure:
    """Return a figure of the mean number of parameters of each call, those that it calls below it."""
    shown = _in_order([region for region in regions if region.params > 0])
    whole = shown[0][1].params if shown else 1.0
    names: list[str] = []
    texts: list[str] = []
    for depth, region in shown:
        name = region.path.rpartition(".")[2] or "network"
        names.append("· " * depth + figure_label(name) + "\u200b" * len(names))  # equal names are bars of their own
        texts.append(
            f"<b>{figure_label(region.path or 'whole network')}</b><br>"
            f"{count_text(round(region.params))} parameters on average, {percent(region.params / whole, 1)} %<br>"
            f"{count_text(round(region.own_params))} of them in the rule itself<br>"
            f"{count_text(round(region.flops))} FLOPs<br>in {percent(region.networks / networks, 0)} % of the networks"
        )
    own = [region.own_params for _, region in shown]
    called = [region.params - region.own_params for _, region in shown]
    data = [
        _region_bars("in the rule itself", own, names, texts, COLOURS["fits"]),
        _region_bars("in what it calls", called, names, texts, COLOURS["all"]),
    ]
    look = layout(
        "",
        140 + 22 * len(names),
        barmode="stack",
        xaxis=axis("parameters, mean over the sample"),
        yaxis={"autorange": "reversed", "automargin": True, "ticklabelposition": "outside"},
    )
    return {"data": data, "layout": look}


def _region_bars(
    name: str, values: Sequence[float], names: Sequence[str], texts: Sequence[str], colour: str
) -> dict[str, Any]:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": list(values),
        "y": list(names),
        "hovertext": list(texts),
        "hoverinfo": "text",
        "marker": {"color": colour},
    }


def _in_order(regions: Sequence[Region]) -> list[tuple[int, Region]]:
    """Return the regions with their depths, each before those that it calls, the largest of them first."""
    children: dict[str | None, list[Region]] = defaultdict(list)
    for region in regions:
        children[region.parent].append(region)
    found: list[tuple[int, Region]] = []
    todo = [(0, region) for region in children[None]]
    while todo:
        depth, region = todo.pop()
        found.append((depth, region))
        todo += [(depth + 1, child) for child in sorted(children[region.path], key=lambda child: child.params)]
    return found
