"""How a notebook shows a network, a space and a cost: self-contained HTML, escaped, readable on light and dark pages.

The classes ask `budgetnet.text.notebook_html`, which knows nothing of them; importing this module tells it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from budgetnet.draw.draw import draw_network
from budgetnet.explore.findings import Exploration
from budgetnet.files.network_file import Network
from budgetnet.network.cost import closed_form
from budgetnet.network.cost.types import Cost
from budgetnet.space.space import Space
from budgetnet.text import bytes_text, count_text, counted, notebook_html, percent, shape_text

__all__ = ["Card", "CardBin", "CardRow", "cost_card", "exploration_card", "network_card", "space_card"]

CARD_DRAWS = 100
"""Networks that a space's card draws: a fraction of a second of work."""
CARD_STATES = 5_000
"""States that a space's card looks into for its exact numbers: about a second of work at most."""

_NAMESPACE = ' xmlns="http://www.w3.org/2000/svg"'
"""An attribute that a drawing's file needs, and a drawing inside HTML does not."""

FLOPS_NOTE = "One multiply-add = one FLOP; one image, eval mode."


@dataclass(frozen=True, slots=True, kw_only=True)
class CardRow:
    """A row of a card's table."""

    cells: Sequence[str]
    share: float
    """Length of its bar, as a fraction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardBin:
    """A bar of a card's histogram."""

    height: float
    """Height as a fraction of the highest bar."""
    fits: bool
    """True if its networks keep the bound."""
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The content of a card."""

    title: str
    lead: str
    facts: Sequence[tuple[str, str]] = ()
    """Numbers with their words."""
    bins: Sequence[CardBin] = ()
    bins_label: str = ""
    ends: tuple[str, str] = ("", "")
    """Labels below the first and the last bar."""
    header: Sequence[str] = ()
    rows: Sequence[CardRow] = ()
    drawing: str = ""
    """SVG, shown as it is."""
    left: Sequence[int] = ()
    """Columns that are aligned left."""
    bar_after: int = 0
    """The column that the bars follow."""
    bar_label: str = ""
    footer: str


@notebook_html.register
def cost_card(cost: Cost) -> str:
    """Return the numbers of a cost as HTML."""
    return _html(Card(title="Cost", lead="of one network", facts=_facts(cost), footer=FLOPS_NOTE))


@notebook_html.register
def network_card(network: Network) -> str:
    """Return a network's costs, drawing and layer table as HTML, with bars of where the parameters go."""
    forms = network.plugins.forms
    cost = closed_form.cost(network.network, network.input_shape, custom=forms, ram=True)
    layers = closed_form.layers(network.network, network.input_shape, custom=forms)
    rows = [
        CardRow(
            cells=[layer.name, layer.type, count_text(layer.params), shape_text(layer.output), count_text(layer.flops)],
            share=layer.params / cost.params if cost.params else 0.0,
        )
        for layer in layers
    ]
    return _html(
        Card(
            title=network.name,
            lead=f"input {shape_text(network.input_shape)}, {network.classes} classes",
            facts=_facts(cost),
            header=["layer", "type", "parameters", "output", "FLOPs"],
            rows=rows,
            left=(0, 1),
            bar_after=2,
            bar_label="share of the parameters",
            drawing=draw_network(network).replace(_NAMESPACE, "", 1),
            footer=f"{FLOPS_NOTE} {network.plugins.note}".strip(),
        )
    )


@notebook_html.register
def space_card(space: Space) -> str:
    """Return a space's exploration as HTML: how many networks, how many fit, how large they are.

    It draws networks when it is first asked for, and is kept with the space.
    """
    kept = vars(space)
    if "_card" not in kept:
        kept["_card"] = _explored(space)
    card: str = kept["_card"]
    return card


def _explored(space: Space) -> str:
    from budgetnet.explore.from_draws import draw_statistics
    from budgetnet.explore.histogram import histogram
    from budgetnet.space.counting.tabulate import TooLarge, tabulate

    drawn = draw_statistics(space, CARD_DRAWS, 0)
    costs = [(entry.params, entry.fits) for entry in drawn.complete]
    view = histogram(space, "params", costs, CARD_DRAWS, states=CARD_STATES)
    table = tabulate(space, states=CARD_STATES)
    fits = sum(entry.fits for entry in drawn.complete) / CARD_DRAWS
    facts = [(f"{percent(fits, 0)} %", f"of {CARD_DRAWS} draws fit")]
    if isinstance(table, TooLarge):
        through = f"not counted through: {table.text}"
    else:
        through = "counted through"
        bounds = space.budget.bounds()
        kept = "of them within the budget"
        if table.axis is not None and set(bounds) != {table.axis}:
            kept = f"of them keep {table.axis.replace('_', ' ')} ≤ {count_text(bounds.get(table.axis))}"
        exact = ((table.derivations, "derivations"), (table.fitting, kept))
        facts = [*((_large(number), words) for number, words in exact if number is not None), *facts]
        if table.smallest is not None and table.axis is not None:
            facts.append((count_text(table.smallest), f"{table.axis.replace('_', ' ')} in the smallest"))
    bars = () if view is None else view.bars
    limit = None if view is None else view.limit
    highest = max((bar.draws.value for bar in bars), default=0.0)
    bins = [
        CardBin(
            height=bar.draws.value / highest if highest else 0.0,
            fits=limit is None or bar.high <= limit,
            words=f"{count_text(bar.low)} to {count_text(bar.high)}: {percent(bar.draws.value, 1)} %",
        )
        for bar in bars
    ]
    within = "" if limit is None else f", within {count_text(limit)} in blue"
    return _html(
        Card(
            title="Space",
            lead=f"input {shape_text(space.input_shape)}, {space.classes} classes; budget {space.budget}; {through}",
            facts=facts,
            bins=bins,
            bins_label=f"networks by parameters, as the grammar draws them{within}",
            ends=(count_text(bars[0].low), count_text(bars[-1].high)) if bars else ("", ""),
            footer=FLOPS_NOTE,
        )
    )


@notebook_html.register
def exploration_card(found: Exploration) -> str:
    """Return what an exploration found as HTML: how many networks, how many fit, which rules hold the parameters."""
    facts = [(f"{percent(found.fits.value, 1)} ± {percent(found.fits.error, 1)} %", "of the draws fit")]
    census = found.census
    if census is not None:
        kept = "of them fit" if census.axis is None else f"of them keep {census.axis} ≤ {count_text(census.bound)}"
        exact = ((census.derivations, "derivations"), (census.fitting, kept))
        facts = [*((_large(number), words) for number, words in exact if number is not None), *facts]
    for quantiles, words in ((found.fitting_params, "parameters"), (found.fitting_flops, "FLOPs")):
        if quantiles is not None:
            facts.append((count_text(quantiles.values[len(quantiles.values) // 2]), f"{words}, the median that fits"))
    networks = found.params.count if found.params is not None else 0
    rows = [
        CardRow(
            cells=[
                rule.rule,
                percent(rule.networks / networks if networks else None, 0),
                count_text(rule.own_params.values[len(rule.own_params.values) // 2]),
                percent(rule.params_share, 1),
            ],
            share=rule.params_share,
        )
        for rule in found.rules
    ]
    return _html(
        Card(
            title="Exploration",
            lead=f"{counted(found.draws, 'draw')}, {found.distinct:,} different networks that fit; seed {found.seed}",
            facts=facts,
            header=["rule", "% of networks", "own parameters", "% of their parameters"],
            rows=rows,
            left=(0,),
            bar_after=3,
            bar_label="share of the parameters",
            footer=FLOPS_NOTE,
        )
    )


def _facts(cost: Cost) -> list[tuple[str, str]]:
    return [
        (count_text(cost.params), "parameters"),
        (count_text(cost.flops), "FLOPs"),
        (count_text(cost.activations), "activations"),
        (bytes_text(cost.peak_activation_bytes), "peak activation memory"),
        (str(cost.depth), "layers deep"),
        (f"{cost.receptive_field} px", "receptive field"),
        (bytes_text(cost.flash), "flash in int8"),
        *([] if cost.ram is None else [(bytes_text(cost.ram), "RAM in int8")]),
    ]


def _large(number: int) -> str:
    return (
        count_text(number) if number < 10**9 else f"{number:.3g}" if number < 10**300 else f"10^{len(str(number)) - 1}"
    )


def _html(card: Card) -> str:
    from budgetnet.pages.render import render

    return render("card.html", card=card)
