"""A look at a space, as text: how much of it fits, how large its networks are, and what makes them so."""

from __future__ import annotations

from collections.abc import Sequence

from budgetnet.results.census import census_text
from budgetnet.results.text import count, joined_table, short_count
from budgetnet.space.exploration import LEVELS, Exploration, OptionShare, Quantiles, Share

__all__ = ["exploration_text"]

TELLING = 2.0
"""An option is listed where its share differs from the whole space's by this many standard errors."""
MOST_OPTIONS = 12


def exploration_text(found: Exploration, *, title: str, budget: str, note: str = "") -> list[str]:
    """Return the exploration as lines for people; shares are percents with their standard errors.

    Args:
        found: what was drawn.
        title: the study's name.
        budget: the budget in words.
        note: what must be said beside counts that rest on own primitives.
    """
    lines = [f"{title}: budget {budget}", *([f"({note})"] if note else []), ""]
    lines += census_text(found.census) if found.census is not None else _uncounted(found)
    lines += [
        "",
        f"Estimated from {count(found.draws)} networks drawn by the grammar's prior (seed {found.seed}):",
        f"{_share(found.fits)} % of them fit; {count(found.distinct)} different networks among those",
    ]
    if found.reasons:
        lines += ["", *_reasons(found)]
    lines += ["", *_sizes(found)]
    if found.rules:
        lines += ["", *_rules(found)]
    options = _options(found)
    return [*lines, "", *options] if options else lines


def _uncounted(found: Exploration) -> list[str]:
    return [f"Not counted exactly: {found.no_census}"] if found.no_census else []


def _share(share: Share) -> str:
    return f"{100 * share.value:.1f} ± {100 * share.error:.1f}"


def _reasons(found: Exploration) -> list[str]:
    rows = [
        [reason, count(times), f"{100 * times / found.draws:.1f}", found.examples.get(reason, "").partition("\n")[0]]
        for reason, times in found.reasons.items()
    ]
    return joined_table(["Why the others do not", "draws", "%", "for example"], rows, left=(0, 3))


def _sizes(found: Exploration) -> list[str]:
    spreads: Sequence[tuple[str, Quantiles | None]] = (
        ("parameters, all networks", found.params),
        ("parameters, those that fit", found.fitting_params),
        ("FLOPs, all networks", found.flops),
        ("FLOPs, those that fit", found.fitting_flops),
    )
    rows = [
        [name, *(short_count(value) for value in spread.values), short_count(spread.mean)]
        for name, spread in spreads
        if spread is not None
    ]
    return joined_table(["Sizes", *map(_level, LEVELS), "mean"], rows, left=(0,))


def _level(level: float) -> str:
    match level:
        case 0.0:
            return "least"
        case 0.5:
            return "median"
        case 1.0:
            return "most"
        case _:
            return f"{100 * level:.0f} %"


def _rules(found: Exploration) -> list[str]:
    middle = LEVELS.index(0.5)
    rows = [
        [
            rule.rule,
            f"{100 * rule.networks / found.params.count:.0f}" if found.params else "",
            short_count(rule.own_params.values[middle]),
            short_count(rule.own_params.values[-1]),
            f"{100 * rule.params_share:.1f}",
            short_count(rule.own_flops.values[middle]),
            _share(rule.fits),
        ]
        for rule in found.rules
    ]
    header = ["Rules", "in % of networks", "parameters: median", "most", "% of its network", "FLOPs: median", "% fit"]
    return joined_table(header, rows, left=(0,))


def _options(found: Exploration) -> list[str]:
    """The options that make a network fit, or keep it from fitting, more often than chance explains."""
    telling = [(abs(_lift(option, found.fits)), option) for option in found.options]
    telling = [entry for entry in telling if entry[0] >= TELLING]
    chosen = [option for _, option in sorted(telling, key=lambda entry: -entry[0])[:MOST_OPTIONS]]
    if not chosen:
        return []
    rows = [
        [f"{option.decision} = {option.label}", count(option.draws), _share(option.fits)]
        for option in sorted(chosen, key=lambda option: option.fits.value)
    ]
    return joined_table(["Choices that decide whether a network fits", "draws", "% fit"], rows, left=(0,))


def _lift(option: OptionShare, whole: Share) -> float:
    """How far an option's share lies from the whole's, in its own standard errors."""
    return (option.fits.value - whole.value) / option.fits.error
