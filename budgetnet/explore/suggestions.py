"""Suggestions from an exploration, in words. The thresholds are the constants of this file.

Shares said to be exact come from the table over the space, and are about its axis alone (parameters, as a rule);
the others are estimates from draws, with their standard errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from budgetnet.explore.estimates import QUANTILE_LEVELS, Share
from budgetnet.explore.findings import Effect, Exploration
from budgetnet.network.budget import Budget
from budgetnet.text import count_text, percent, short_count

__all__ = ["Suggestion", "bound_words", "option_words", "suggest"]

TIGHT = 0.05
"""If a smaller share of the draws fits, the budget is called tight."""
LOOSE = 0.95
"""If a larger share fits, the budget hardly binds."""
DEAD = 0.01
"""An option is named where at most this share of its draws fits: a search draws what fits, so it hardly meets it."""
_TRUSTED = 50
"""Draws with an option from which an estimate of its share is trusted."""
_MOST_OPTIONS = 5
HEAVY = 0.5
"""A rule that holds at least this share of the parameters of its networks is named."""
DOMINANT = 0.8
"""A bound that at least this share of the networks that do not fit break first is named, if there are others."""
FAILING = 0.01
"""If at least this share of the draws gives no network at all, a suggestion says so."""
REPEATED = 0.9
"""If there are fewer different networks per derivation, a suggestion says so."""

Topic = Literal["budget", "option", "rule", "failure", "repetition"]

_WORDS = {
    "params": "parameters",
    "flops": "FLOPs",
    "activations": "activations",
    "peak_activation_bytes": "peak activation memory",
    "depth": "depth",
    "flash": "flash",
    "ram": "RAM",
}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One thing that could be changed, or should be known."""

    topic: Topic
    text: str
    exact: bool
    """True if its shares are exact."""


def bound_words(bound: str) -> str:
    """Return the readable name of a bound; other words are returned as they are."""
    return _WORDS.get(bound, bound)


def option_words(effect: Effect) -> str:
    """An option in words: ``stage#2.c = 80 (rule network)``."""
    part, _, what = effect.site.rpartition(".")
    rule = f"(rule {effect.rule})"
    match effect.kind:
        case "alternative":
            return f"the alternative {effect.label} {rule}"
        case "count":
            return f"{effect.site} = {effect.label} {rule}"
        case "optional":
            return f"{'taking' if effect.label else 'leaving out'} {part or what} {rule}"
        case _:
            return f"{effect.site} = {_label(effect)} {rule}"


def _label(effect: Effect) -> str:
    return str(effect.label).lower() if isinstance(effect.label, bool) else str(effect.label)


def suggest(found: Exploration, budget: Budget) -> tuple[Suggestion, ...]:
    """Return what could be changed about a grammar or its budget, what matters most first."""
    return (
        *_budget(found, budget),
        *_options(found, budget),
        *_rules(found),
        *_bounds(found, budget),
        *_failures(found),
        *_repetition(found),
    )


# --- the budget ---------------------------------------------------------------------------------------


def _budget(found: Exploration, budget: Budget) -> list[Suggestion]:
    if not budget.bounds():
        text = "The study has no budget, so everything fits; set one to see what it costs."
        return [Suggestion("budget", text, exact=True)]
    census = found.census
    if census is not None and census.fitting == 0:
        return [Suggestion("budget", f"No network of the grammar fits {budget}: {_larger(found, budget)}", True)]
    share = _estimate(found.fits)
    if found.fits.value < TIGHT:
        return [Suggestion("budget", f"The budget is tight: {share} of the draws fit. {_larger(found, budget)}", False)]
    if found.fits.value > LOOSE:
        text = f"The budget hardly binds: {share} of the draws fit. Larger options would make use of it"
        middle = found.fitting_params.values[QUANTILE_LEVELS.index(0.5)] if found.fitting_params else None
        if middle is not None and budget.params is not None:
            used = _of(middle, budget.params)
            text += f"; half of them have fewer than {count_text(middle)} parameters, {used} of the bound"
        return [Suggestion("budget", f"{text}.", False)]
    return []


def _of(part: int, whole: int) -> str:
    return f"{percent(part / whole, 0)} %"


def _larger(found: Exploration, budget: Budget) -> str:
    """Return the bounds that half of the draws would keep, as a suggestion."""
    level = QUANTILE_LEVELS.index(0.5)
    wanted = [
        f"{bound_words(bound)} ≤ {short_count(spread.values[level])}"
        for bound, spread in (("params", found.params), ("flops", found.flops))
        if spread is not None and (limit := budget.bounds().get(bound)) is not None and spread.values[level] > limit  # type: ignore[call-overload]
    ]
    if not wanted:
        return "Raise it, or offer smaller parts."
    kept = " and half ".join(wanted)
    return f"Half of the draws would keep {kept} (estimated); raise the budget or offer smaller parts."


# --- options ------------------------------------------------------------------------------------------


_ADVICE = "A search draws what fits, so it hardly meets it: leave it out, or raise the budget if it is wanted."


def _options(found: Exploration, budget: Budget) -> list[Suggestion]:
    axis = "" if found.census is None or found.census.axis is None else found.census.axis
    limit = f"{axis} ≤ {count_text(found.census.bound)}" if found.census is not None else ""
    gains: list[tuple[float, Suggestion]] = []
    for effect in found.effects:
        if effect.exact is not None and found.census is not None:
            gains += _exactly(effect, limit)
        if effect.exact is None or len(budget.bounds()) > 1:
            gains += _estimated(effect)
    # One option may be named for the axis and for all bounds together: the smaller share counts.
    best: dict[str, tuple[float, Suggestion]] = {}
    for gain, suggestion in sorted(gains, key=lambda entry: -entry[0]):
        best.setdefault(suggestion.text.partition(": ")[0], (gain, suggestion))
    return [suggestion for _, suggestion in list(best.values())[:_MOST_OPTIONS]]


def _exactly(effect: Effect, limit: str) -> list[tuple[float, Suggestion]]:
    exact = effect.exact
    if exact is None or exact.fits > DEAD:
        return []
    if exact.fitting == 0:
        text = f"{option_words(effect)}: no derivation that takes it keeps {limit}, exactly. {_ADVICE}"
    else:
        text = (
            f"{option_words(effect)}: {_share(exact.fits)} of the draws that take it keep {limit}, exactly. {_ADVICE}"
        )
    return [(DEAD - exact.fits, Suggestion("option", _capital(text), True))]


def _estimated(effect: Effect) -> list[tuple[float, Suggestion]]:
    fits = effect.fits
    if effect.draws < _TRUSTED or fits.value + fits.error > DEAD:
        return []
    text = (
        f"{option_words(effect)}: an estimated {_estimate(fits)} of the draws that take it fit the whole budget. "
        f"{_ADVICE}"
    )
    return [(DEAD - fits.value, Suggestion("option", _capital(text), False))]


def _estimate(share: Share) -> str:
    return f"{percent(share.value, 1)} ± {percent(share.error, 1)} %"


def _share(value: float) -> str:
    """A share in percent: ``12.3 %``, and for small ones as many digits as it takes to see them."""
    if 0 < value < 0.001:
        return f"{100 * value:.1g} %" if value >= 1e-6 else f"{100 * value:.0e} %"
    return f"{percent(value, 1)} %"


def _capital(text: str) -> str:
    """Sentences begin with a capital letter, names do not."""
    return text[0].upper() + text[1:] if text.startswith(("the ", "taking ", "leaving ")) else text


# --- the rest -----------------------------------------------------------------------------------------


def _rules(found: Exploration) -> list[Suggestion]:
    heavy = [rule for rule in found.rules if rule.params_share >= HEAVY]
    return [
        Suggestion(
            "rule",
            f"Rule {rule.rule} holds {_share(rule.params_share)} of the parameters of the networks it occurs in (mean "
            "over the draws): cheaper parts there change most.",
            exact=False,
        )
        for rule in heavy[:1]
    ]


def _bounds(found: Exploration, budget: Budget) -> list[Suggestion]:
    bounds = budget.bounds()
    broken = {reason: times for reason, times in found.reasons.items() if reason in bounds}
    misfits = sum(broken.values())
    if len(bounds) < 2 or not misfits:
        return []
    first, times = max(broken.items(), key=lambda entry: entry[1])
    if times < DOMINANT * misfits:
        return []
    others = [bound_words(bound) for bound in bounds if bound != first]
    rest = f"{' and '.join(others)} hardly {'binds' if len(others) == 1 else 'bind'}"
    text = f"Of the draws over budget {_share(times / misfits)} break {bound_words(first)} first; {rest}."
    return [Suggestion("budget", text, False)]


def _failures(found: Exploration) -> list[Suggestion]:
    failing = sum(found.reasons.get(reason, 0) for reason in ("shape", "argument")) / found.draws
    if failing < FAILING:
        return []
    worst = next(cause for cause in found.causes if cause.reason in ("shape", "argument"))
    text = f"{_share(failing)} of the draws give no network at all; most often: {worst.place}. They are never trained."
    return [Suggestion("failure", text, False)]


def _repetition(found: Exploration) -> list[Suggestion]:
    unique = None if found.census is None else found.census.unique
    if unique is None or unique.value + 2 * unique.error >= REPEATED:
        return []
    text = (
        "The grammar says the same network in several ways: there are an estimated "
        f"{unique.value:.2f} ± {unique.error:.2f} different networks per derivation. Duplicates are not trained again."
    )
    return [Suggestion("repetition", text, False)]
