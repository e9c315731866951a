"""Exploration of a space as text: how much of it fits, how large its networks are, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from textwrap import wrap
from typing import Any

from budgetnet.explore.estimates import QUANTILE_LEVELS, Quantiles, Share
from budgetnet.explore.exact_text import exact_text, large
from budgetnet.explore.findings import Effect, Exploration, OptionShare
from budgetnet.explore.suggestions import bound_words, option_words, suggest
from budgetnet.network.budget import Budget
from budgetnet.text import PAGE_WIDTH, count_text, joined_table, percent, short_count

__all__ = ["DecisionCost", "decision_costs", "exploration_document", "exploration_text", "lift"]

TELLING = 2.0
"""An option is listed where the shares with and without it differ by this many standard errors."""
_MOST_OPTIONS = 12
_MOST_DECISIONS = 10
_WIDTH = 118
"""Characters of a line of the suggestions."""


def exploration_text(found: Exploration, *, title: str, budget: Budget, note: str = "") -> list[str]:
    """Return the exploration as lines for people; shares are percents with their standard errors.

    Args:
        found: what was drawn.
        title: the study's name.
        budget: of the study.
        note: remark on counts that depend on own primitives.
    """
    lines = [f"{title}: budget {budget}", *([f"({note})"] if note else []), ""]
    lines += exact_text(found.census) if found.census is not None else _uncounted(found)
    lines += [
        "",
        f"Estimated from {count_text(found.draws)} networks drawn by the grammar's prior (seed {found.seed}):",
        f"{_share(found.fits)} % of them fit; {count_text(found.distinct)} different networks among those",
    ]
    if found.reasons:
        lines += ["", *_reasons(found)]
    lines += ["", *_sizes(found)]
    if found.rules:
        lines += ["", *_rules(found)]
    for part in (_decisions(found), _options(found), _suggestions(found, budget)):
        if part:
            lines += ["", *part]
    return lines


def _suggestions(found: Exploration, budget: Budget) -> list[str]:
    texts = [f"- {suggestion.text}" for suggestion in suggest(found, budget)]
    wrapped = [
        line for text in texts for line in wrap(text, min(_WIDTH, PAGE_WIDTH.get() or _WIDTH), subsequent_indent="  ")
    ]
    return ["Suggestions", *wrapped] if wrapped else []


def _uncounted(found: Exploration) -> list[str]:
    if not found.no_census:
        return []
    lines = [f"Not counted exactly: {found.no_census}"]
    if found.estimate is not None:
        number, digits = found.estimate.derivations, found.estimate.derivations_log10
        if number is not None:
            lines.append(f"The grammar has {large(number)} derivations, exactly.")
        elif digits is not None:
            lines.append(f"The grammar has about 10^{digits:,.0f} derivations.")
        share = f"{100 * found.estimate.fits:.2g} ± {100 * found.estimate.error:.1g} %"
        how = f"estimated from {found.estimate.draws} draws that look ahead"
        lines.append(f"The grammar's own draws fit the budget with probability {share}, {how}.")
    return lines


def _share(share: Share) -> str:
    low, high = share.value - share.error, share.value + share.error
    if low >= 0 and high <= 1:
        return f"{100 * share.value:.1f} ± {100 * share.error:.1f}"
    return f"{100 * share.value:.1f} ({100 * max(low, 0.0):.1f} to {100 * min(high, 1.0):.1f})"


def _reasons(found: Exploration) -> list[str]:
    rows = [
        [
            bound_words(cause.reason),
            (cause.place or "the first rule") if cause.held is not None else "",
            f"{100 * cause.share.value:.1f}",
            "" if cause.held is None else f"{100 * cause.held:.0f}",
            "" if cause.excess is None else f"{100 * cause.excess:.0f}",
            cause.example.partition("\n")[0],
        ]
        for cause in found.causes
    ]
    header = ["Why the others do not", "mostly in", "% of draws", "% of it there", "% over", "for example"]
    return joined_table(header, rows, left=(0, 1, 5))


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
    return joined_table(["Sizes", *map(_level, QUANTILE_LEVELS), "mean"], rows, left=(0,))


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
    middle = QUANTILE_LEVELS.index(0.5)
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


def _decisions(found: Exploration) -> list[str]:
    """Return the effect of each decision on the mean number of parameters, the largest difference first."""
    rows = [
        [
            cost.decision,
            short_count(cost.spread),
            f"{cost.least.label}: {short_count(cost.least_params)}",
            f"{cost.most.label}: {short_count(cost.most_params)}",
        ]
        for cost in decision_costs(found)[:_MOST_DECISIONS]
    ]
    header = ["What decisions cost", "parameters", "mean with the cheapest option", "with the most expensive"]
    return joined_table(header, rows, left=(0, 2, 3)) if rows else []


def _options(found: Exploration) -> list[str]:
    """The options that make a network fit, or keep it from fitting, more often than chance explains."""
    telling = [effect for effect in found.effects if abs(lift(effect)) >= TELLING]
    chosen = sorted(telling, key=lambda effect: -abs(lift(effect)))[:_MOST_OPTIONS]
    if not chosen:
        return []
    rows = [
        [
            option_words(effect),
            _share(effect.fits),
            _share(effect.without),
            "" if effect.exact is None else percent(effect.exact.fits, 1),
            "" if effect.exact is None else percent(effect.exact.fits_without, 1),
        ]
        for effect in sorted(chosen, key=lambda effect: effect.fits.value)
    ]
    axis = "" if found.census is None else str(found.census.axis or "")
    header = ["Options that decide whether a network fits", "% fit with it", "without"]
    header += [f"{axis} alone, exactly", "without"]
    if all(not row[3] for row in rows):
        rows, header = [row[:3] for row in rows], header[:3]
    return joined_table(header, rows, left=(0,))


def lift(effect: Effect) -> float:
    """Distance between the shares that fit with and without an option, in standard errors."""
    error = sqrt(effect.fits.error**2 + effect.without.error**2)
    return (effect.fits.value - effect.without.value) / error


@dataclass(frozen=True, slots=True)
class DecisionCost:
    """Cost of one decision: decisions that differ only in a repetition's index are one."""

    decision: str
    options: tuple[OptionShare, ...]
    """Those with complete networks, cheapest first (mean number of parameters)."""

    @property
    def least(self) -> OptionShare:
        """The cheapest option."""
        return self.options[0]

    @property
    def most(self) -> OptionShare:
        """The most expensive option."""
        return self.options[-1]

    @property
    def least_params(self) -> float:
        """Mean number of parameters with the cheapest option."""
        return 0.0 if self.least.params is None else self.least.params.value

    @property
    def most_params(self) -> float:
        """Mean number of parameters with the most expensive option."""
        return 0.0 if self.most.params is None else self.most.params.value

    @property
    def spread(self) -> float:
        """The difference."""
        return self.most_params - self.least_params


def decision_costs(found: Exploration) -> list[DecisionCost]:
    """Return the decisions with at least two options drawn, the most expensive first."""
    grouped: dict[str, list[OptionShare]] = {}
    for option in found.options:
        if option.params is not None:
            grouped.setdefault(option.decision, []).append(option)
    costs = [
        DecisionCost(name, tuple(sorted(options, key=lambda option: option.params.value if option.params else 0.0)))
        for name, options in grouped.items()
        if len(options) > 1
    ]
    return sorted(costs, key=lambda cost: -cost.spread)


def exploration_document(found: Exploration, *, study: str, budget: Budget, note: str = "") -> dict[str, Any]:
    """Return the exploration for `--json`: everything that the text and the page show; shares are fractions."""
    return {
        "study": study,
        "budget": budget.document(),
        "note": note,
        **found.to_json(),
        "decisions": [
            {
                "decision": cost.decision,
                "spread": cost.spread,
                "cheapest": cost.least.label,
                "dearest": cost.most.label,
            }
            for cost in decision_costs(found)
        ],
        "suggestions": [asdict(suggestion) for suggestion in suggest(found, budget)],
    }
