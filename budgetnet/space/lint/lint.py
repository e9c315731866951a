"""Warnings about a space before anything runs, with the place in the text.

Besides what the language itself finds suspicious (`budgetnet.grammar.checks.grammar`): options that no network for
images of
this size can have, options that no network within the budget can have, and a budget below the smallest network.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from budgetnet.derivation.decision import Label
from budgetnet.derivation.expand import output_shape
from budgetnet.derivation.growth import growth_of
from budgetnet.derivation.listeners import SilentListener
from budgetnet.derivation.machine import LIMIT_DEPTH, Pending, State
from budgetnet.errors import CountError, LanguageError, ShapeError, StudyError
from budgetnet.grammar import syntax
from budgetnet.grammar.checks.grammar import Warning_, check
from budgetnet.grammar.checks.scope import rule_error
from budgetnet.grammar.source import Span
from budgetnet.grammar.walk import walk
from budgetnet.network.budget import Excess
from budgetnet.network.cost.types import Cost
from budgetnet.network.shapes import describe_shape
from budgetnet.space.lint.floats import float_layers
from budgetnet.space.lint.latency import latency_text
from budgetnet.space.lint.reachable import SEARCH_STEPS, Reachable, find_reachable
from budgetnet.space.lint.same import same_options
from budgetnet.space.space import Space
from budgetnet.space.tracing.tracer import Costs

__all__ = ["Report", "Useless", "examine", "lint", "smallest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Useless:
    """Options of one place in the text that no network for the space's images within its budget can have."""

    rule: str
    site: str
    """Name of the choice, ``conv.kernel``."""
    labels: tuple[Label, ...]
    reason: str
    """Why, and what to do about it."""
    span: Span
    """Place of the first of them."""

    def __str__(self) -> str:
        """``conv.kernel=9, 11 can never be taken: kernel 9 is larger than the input 3×3; leave them out``."""
        return f"{self.site}={_listed(self.labels)} can never be taken: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Findings of an examination of a space."""

    warnings: tuple[Warning_, ...]
    """Legal but suspicious parts of the text alone; each with file, line, column and a caret."""
    useless: tuple[Useless, ...] = ()
    """Options that no network can have; what can only be reached through them is left out."""
    impossible: str | None
    """Why the space holds no network within the budget, for an error; None if it may hold one."""
    smallest: Cost | None
    """Cost of a network with the fewest parameters; None if there is no network or it was not found."""
    unchecked: str | None
    """Why options were not checked; None if they were."""


def lint(space: Space, *, refuse: bool = False) -> tuple[Warning_, ...]:
    """Return all warnings about a space before anything runs.

    Takes a fraction of a second for most grammars, a few seconds at most; says so where it did not check everything.

    Args:
        space: the grammar, the images' shape and the budget.
        refuse: a space in which no network fits is an error (a search could only fail), not a warning.

    Raises:
        StudyError: *refuse*, and no network fits; the message says how small the smallest is.
    """
    report = examine(space)
    start = space.grammar.start
    if refuse and report.impossible is not None:
        raise StudyError(str(rule_error(start, start.span, report.impossible)))
    rules = {rule.name: rule for rule in space.grammar.rules}
    latency = () if (limit := space.budget.latency) is None else (Warning_(latency_text(limit)),)
    located = [(start, start.span, text) for text in (report.impossible, report.unchecked) if text is not None]
    located += [(rules[found.rule], found.span, str(found)) for found in report.useless]
    return (*latency, *report.warnings, *(Warning_(str(rule_error(*place))) for place in located))


def smallest(space: Space) -> Cost | None:
    """Return what a network with the fewest parameters costs; None if there is no network or it was not found.

    Raises:
        CountError: the space holds a study's own primitive without a closed form.
    """
    return find_reachable(space).smallest()


def examine(space: Space, steps: int = SEARCH_STEPS) -> Report:
    """Examine a space for options and budgets that cannot work.

    Args:
        space: the grammar, the images' shape and the budget.
        steps: of the machine; a space that needs more is checked in part only, and the report says so.
    """
    legal = (*check(space.grammar, space.vocabulary), *_growing(space.grammar))
    try:
        found = find_reachable(space, steps)
        least = found.smallest()
    except CountError as error:
        return Report(warnings=legal, impossible=None, smallest=None, unchecked=f"what fits was not checked: {error}")
    impossible, unchecked = _impossible(found, least), None
    if not found.complete:
        unchecked = f"which options can be taken was not checked: the space needs more than {steps:,} steps"
    useless = () if impossible or unchecked else tuple(_useless(found))
    if not impossible:
        legal = (*legal, *_same(found, useless))
    floats = float_layers(space, found.tracer.leaves())
    if floats is not None:
        start = space.grammar.start
        legal = (*legal, Warning_(str(rule_error(start, start.span, floats))))
    return Report(warnings=legal, useless=useless, impossible=impossible, smallest=least, unchecked=unchecked)


def _same(found: Reachable, useless: tuple[Useless, ...]) -> Iterator[Warning_]:
    """Options that build the same thing, at places where all can be taken."""
    known = {(entry.rule, entry.site) for entry in useless}
    rules = {rule.name: rule for rule in found.space.grammar.rules}
    looked = [pending for pending, node in zip(found.decisions, found.nodes, strict=False) if node is not None]
    for same in same_options(found.tracer, looked):
        rule = rules[same.pending.scope.rule.name]
        if (rule.name, same.pending.site) not in known:
            yield Warning_(str(rule_error(rule, same.pending.span, str(same))))


def _growing(grammar: syntax.Grammar) -> Iterator[Warning_]:
    """Recursive rules that tend to grow without end."""
    rules = {rule.name: rule for rule in grammar.rules}
    for name, growth in growth_of(grammar).items():
        if growth >= 1:
            text = (
                f"the rule {name!r} tends to grow without end: each call leads to {growth:g} further calls on average, "
                f"and from 1 on most draws nest as deep as allowed ({LIMIT_DEPTH}); give the alternative that ends it "
                "a larger weight: a @3 | b"
            )
            yield Warning_(str(rule_error(rules[name], rules[name].span, text)))


# --- spaces without any network -----------------------------------------------------------------------


def _impossible(found: Reachable, smallest: Cost | None) -> str | None:
    space, least = found.space, found.least()
    if least is None:
        why = _failure(found, found.tracer.start())
        return f"no network of this grammar fits images of {describe_shape(space.input_shape)}: {why}"
    worst = _excess(found, least if found.complete else (found.least_params,))
    if worst is None:
        return None
    what = f"every network of this grammar has at least {worst}"
    if worst.bound == "params" and smallest is not None:
        what = f"the smallest network of this grammar has {worst.actual:,} parameters, the budget is {worst.limit:,}"
    return f"{what}; raise the budget or allow smaller parts"


def _excess(found: Reachable, costs: Costs) -> Excess | None:
    """The bound that is broken by the largest factor."""
    limits = found.space.budget.bounds()
    broken = [
        Excess(bound=bound, limit=limits[bound], actual=actual)
        for bound, actual in zip(found.bounds, costs, strict=False)
        if actual > limits.get(bound, actual)
    ]
    return max(broken, key=lambda excess: excess.ratio, default=None)


def _failure(found: Reachable, state: State) -> str:
    """Return one of the errors after a state from which no network follows."""
    machine = found.tracer
    try:
        stop = machine.run(state, SilentListener())
        while isinstance(stop, Pending):
            stop = machine.run(machine.take(stop, stop.decision.allowed.index(True)), SilentListener())
        output_shape(stop, found.space.classes)
    except (ShapeError, LanguageError) as error:
        return re.sub(r"^.*?:\d+:\d+: ", "", str(error).partition("\n")[0])
    raise AssertionError("a network follows")


# --- options that no network can have -----------------------------------------------------------------


_Key = tuple[type, Label]
"""An option's label; 1, 1.0 and True are three."""


@dataclass(slots=True)
class _Offer:
    """How one option of a place in the text fares, over all decisions there that can be reached."""

    taken: bool = False
    """True if some network within the budget may have it."""
    excess: Excess | None = None
    """Smallest excess over the budget where the option is possible."""
    failed: State | None = None
    """A state after it from which no network follows."""


@dataclass(slots=True)
class _Place:
    """A place in the text where something is left to choose."""

    pending: Pending
    """One of the decisions there."""
    offers: dict[_Key, _Offer] = field(default_factory=lambda: defaultdict(_Offer))


def _useless(found: Reachable) -> Iterator[Useless]:
    """Options that no network can have, at places that can be reached without them."""
    rules = {rule.name: rule for rule in found.space.grammar.rules}
    for (name, site), place in _places(found).items():
        rule = rules[name]
        groups: dict[str, list[_Key]] = defaultdict(list)
        for key, offer in place.offers.items():
            if not offer.taken:
                groups["budget" if offer.excess else "failed" if offer.failed else "endless"].append(key)
        for keys in groups.values():
            yield Useless(
                rule=name,
                site=site,
                labels=tuple(label for _, label in keys),
                reason=_why(found, rule, [place.offers[key] for key in keys]),
                span=_span(rule, place.pending, keys[0]),
            )


def _places(found: Reachable) -> dict[tuple[str, str], _Place]:
    """The places in the text by rule and site, in the order in which they are first reached."""
    places: dict[tuple[str, str], _Place] = {}
    target, costs = found.start
    before: dict[int, Costs] = {target: costs}
    for number in found.order:
        node, pending = found.nodes[number], found.decisions[number]
        if node is None or number not in before:
            continue
        place = places.setdefault((pending.scope.rule.name, pending.site), _Place(pending))
        for index, (label, edge) in enumerate(zip(pending.decision.labels, node.edges, strict=True)):
            offer = place.offers[type(label), label]
            if edge is None:
                continue
            beyond = found.beyond(edge[0])
            if beyond is None:
                offer.failed = found.tracer.take(found.tracer.decision(number), index)
                continue
            spent = found.tracer.add(before[number], edge[1])
            excess = _excess(found, found.tracer.add(spent, beyond))
            if excess is None:
                offer.taken = True
                before[edge[0]] = tuple(map(min, spent, before.get(edge[0], spent)))
            elif offer.excess is None or excess.ratio < offer.excess.ratio:
                offer.excess = excess
    return places


def _why(found: Reachable, rule: syntax.Rule, offers: list[_Offer]) -> str:
    """Why options can never be taken, and what to do about it."""
    advice = "leave it out" if len(offers) == 1 else "leave them out"
    excesses = [offer.excess for offer in offers if offer.excess is not None]
    if excesses:
        which = "it" if len(offers) == 1 else "one of them"
        least = min(excesses, key=lambda excess: excess.ratio)
        return f"a network with {which} has at least {least}; {advice} or raise the budget"
    if offers[0].failed is not None:
        return f"{_failure(found, offers[0].failed).removeprefix(f'in rule {rule.name!r}: ')}; {advice}"
    return f"it nests recursive rules deeper than {LIMIT_DEPTH}; {advice}"


def _listed(labels: tuple[Label, ...]) -> str:
    """``9, 11``, or ``4 to 10`` for at least three whole numbers in a row."""
    words = [str(label).lower() if isinstance(label, bool) else str(label) for label in labels]
    numbers = [label for label in labels if isinstance(label, int) and not isinstance(label, bool)]
    if len(numbers) == len(labels) > 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{words[0]} to {words[-1]}"
    return ", ".join(words)


def _span(rule: syntax.Rule, pending: Pending, key: _Key) -> Span:
    """Return an option's place in the text, or the decision's if the option has none."""
    defaults = (parameter.default for parameter in rule.parameters if parameter.default is not None)
    for root in (*defaults, rule.body):
        for node in walk(root):
            if isinstance(node, syntax.Alternatives | syntax.Choice) and node.site == pending.site:
                index = [(type(label), label) for label in pending.decision.labels].index(key)
                return node.options[index].span
    return pending.span
