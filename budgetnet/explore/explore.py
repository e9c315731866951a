"""Exploration of a space before anything trains: what fits, and why the rest does not."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt

from budgetnet.explore.effects import LIMIT_WORK, affordable, exact_effect
from budgetnet.explore.exact import count_exactly
from budgetnet.explore.findings import Effect, Exploration
from budgetnet.explore.from_draws import DrawStatistics, draw_statistics
from budgetnet.explore.histogram import histogram
from budgetnet.explore.provenance import PlacedOption
from budgetnet.explore.sample import sample_of
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, tabulate
from budgetnet.space.counting.without import CutSpace
from budgetnet.space.lookahead.estimate import estimate_space
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.space import Space

__all__ = ["explore_space"]


def explore_space(
    space: Space,
    *,
    draws: int = 1000,
    seed: int = 0,
    points: int = 0,
    work: float = LIMIT_WORK,
    states: int | None = None,
    memory: int | None = None,
) -> Exploration:
    """Explore a space by drawing networks, and by exact counting if it is not too large.

    Args:
        space: with its budget.
        draws: networks to draw, at least 1.
        seed: equal seeds give equal results.
        points: networks that fit to draw for figures, and with them the histograms; 0 for neither.
        work: limit of the exact effects of options, see `budgetnet.explore.effects.affordable`.
        states: limit of the count, see `budgetnet.space.counting.tabulate.tabulate`.
        memory: limit of the count in bytes.
    """
    drawn = draw_statistics(space, draws, seed)
    found = drawn.result(draws, seed)
    table = tabulate(space, states=states, memory=memory)
    ahead: Table | Outlook
    if isinstance(table, TooLarge):
        ahead = Outlook(space)
        found = replace(found, no_census=table.text, estimate=estimate_space(ahead, seed=seed))
    else:
        ahead = table
        found = replace(found, census=count_exactly(table, seed=seed), effects=_counted(table, found, drawn, work))
    if points < 1:
        return found
    costs = {
        "params": [(entry.params, entry.fits) for entry in drawn.complete],
        "flops": [(entry.flops, entry.fits) for entry in drawn.complete],
    }
    views = (
        histogram(space, "params", costs["params"], draws, states=states),
        histogram(space, "flops", costs["flops"], draws, states=states),
    )
    some = found.census is None or found.census.fitting != 0
    return replace(
        found,
        histograms=tuple(view for view in views if view is not None),
        sample=sample_of(space, ahead, points, seed) if some else None,
    )


def _counted(table: Table, found: Exploration, drawn: DrawStatistics, work: float) -> tuple[Effect, ...]:
    """The options with exact effects, as many as the work allows, starting with those that seem to matter most."""
    many = affordable(table, work)
    first = sorted(range(len(found.effects)), key=lambda number: -_telling(found.effects[number]))[:many]
    if not first:
        return found.effects
    cut = CutSpace(table)
    exact = {number: exact_effect(table, cut, _choice(found.effects[number], drawn)) for number in first}
    return tuple(replace(effect, exact=exact.get(number)) for number, effect in enumerate(found.effects))


def _telling(effect: Effect) -> float:
    """By how much the share that fits differs between draws with and without the option, in standard errors."""
    error = sqrt(effect.fits.error**2 + effect.without.error**2)
    return abs(effect.fits.value - effect.without.value) / error


def _choice(effect: Effect, drawn: DrawStatistics) -> PlacedOption:
    return next(
        choice
        for choice in drawn.choices
        if (choice.rule, choice.site, choice.type, choice.label)
        == (effect.rule, effect.site, type(effect.label), effect.label)
    )
