"""Networks drawn by the grammar's own weights, and what they say about a space: all numbers are estimates."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from budgetnet.derivation.decision import Answer, Label
from budgetnet.derivation.expand import Expansion, output_shape
from budgetnet.derivation.machine import Machine
from budgetnet.derivation.origins import OriginMachine
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.explore.estimates import Mean, Quantiles, Share
from budgetnet.explore.findings import Cause, Effect, Exploration, OptionShare, RuleCost
from budgetnet.explore.provenance import PartOrigin, PlacedOption, Provenance, plain, rules_of
from budgetnet.network.budget import MAXIMA
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.space.choosers import prior
from budgetnet.space.judge import Candidate, Draw, Rejection, judge
from budgetnet.space.space import Space

__all__ = ["MOST_CAUSES", "DrawStatistics", "Drawing", "draw_statistics", "explore_draws"]

MOST_CAUSES = 10
"""Reasons for not fitting that are told apart."""


def explore_draws(space: Space, n: int, seed: int) -> Exploration:
    """Draw *n* networks by the grammar's prior and tell what they cost and how many fit; see `draw_statistics`."""
    return draw_statistics(space, n, seed).result(n, seed)


def draw_statistics(space: Space, n: int, seed: int) -> DrawStatistics:
    """Draw *n* networks by the grammar's prior and add them up.

    Args:
        space: with its budget.
        n: at least 1; a thousand takes about a second or two.
        seed: equal seeds give equal results.

    Raises:
        ValueError: *n* is below 1.
    """
    if n < 1:
        raise ValueError(f"an exploration needs at least one draw, but got n={n}")
    rng = random.Random(seed)  # noqa: S311 (no secret)
    machine = space.make_machine(OriginMachine)
    found = DrawStatistics(space)
    for _ in range(n):
        answers: list[Answer] = []
        placing = Provenance(space)
        found.add(_draw(space, machine, rng, answers, placing), answers, placing)
    return found


def _draw(space: Space, machine: Machine, rng: random.Random, answers: list[Answer], placing: Provenance) -> Draw:
    try:
        shape = output_shape(placing.follow(machine, prior(rng), answers), space.classes)
    except ShapeError as error:
        return Rejection("shape", str(error))
    except LanguageError as error:
        return Rejection("argument", str(error))
    return judge(space, Expansion(placing.finish(), shape, tuple(answers)))


class Drawing(NamedTuple):
    """A complete network among the draws."""

    params: int
    flops: int
    fits: bool


@dataclass(slots=True)
class _Taken:
    """The draws that took an option."""

    fits: list[bool] = field(default_factory=list)
    params: list[int] = field(default_factory=list)
    """Parameters of the complete networks."""
    flops: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Broken:
    """The draws that do not fit for one reason."""

    example: str
    draws: int = 0
    held: float = 0.0
    excess: float = 0.0


class DrawStatistics:
    """Adds up draws."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._start = space.grammar.start.name
        self._reasons: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._causes: dict[tuple[str, str], _Broken] = {}
        self.complete: list[Drawing] = []
        """Every complete network."""
        self._hashes: set[str] = set()
        self._rules: dict[str, list[_Occurrence]] = defaultdict(list)
        self._options: dict[tuple[str, type, Label], _Taken] = defaultdict(_Taken)
        self.choices: dict[PlacedOption, list[bool]] = defaultdict(list)
        """For every option of the text, whether the draws that took it fit."""

    def add(self, draw: Draw, answers: list[Answer], placing: Provenance) -> None:
        """Add a draw, the decisions it took (all of them, or those before it failed) and its parts."""
        fits = isinstance(draw, Candidate)
        taken = {(plain(answer.decision.name), type(answer.label), answer.label): None for answer in answers}
        for key in taken:
            self._options[key].fits.append(fits)
        for choice in placing.taken:
            self.choices[choice].append(fits)
        if isinstance(draw, Rejection):
            self._reject(draw, placing.parts)
        else:
            self._hashes.add(canonical_hash(draw.expansion.network))
        if draw.cost is None:
            return
        for key in taken:
            self._options[key].params.append(draw.cost.params)
            self._options[key].flops.append(draw.cost.flops)
        self.complete.append(Drawing(draw.cost.params, draw.cost.flops, fits))
        for rule, occurrence in _occurrences(placing.parts, self._start, draw.cost.params, fits).items():
            self._rules[rule].append(occurrence)

    def _reject(self, draw: Rejection, parts: list[PartOrigin]) -> None:
        self._reasons[draw.reason] += 1
        self._examples.setdefault(draw.reason, draw.text)
        if draw.cost is None:
            key, held, excess = (draw.reason, _complaint(draw.text)), 0.0, 0.0
        else:
            place, held = _heaviest(parts, draw.reason)
            key = draw.reason, place
            broke = self._space.budget.excess(draw.cost)
            excess = 0.0 if broke is None else broke.ratio
        broken = self._causes.setdefault(key, _Broken(draw.text.partition("\n")[0]))
        broken.draws += 1
        broken.held += held
        broken.excess += excess

    def result(self, n: int, seed: int) -> Exploration:
        """Sum up *n* draws that *seed* gave."""
        fitting = [entry for entry in self.complete if entry.fits]
        rules = [_rule_cost(rule, found) for rule, found in self._rules.items()]
        return Exploration(
            draws=n,
            seed=seed,
            fits=Share.of(len(fitting), n),
            distinct=len(self._hashes),
            reasons=dict(self._reasons.most_common()),
            examples=self._examples,
            params=Quantiles.of([entry.params for entry in self.complete]),
            flops=Quantiles.of([entry.flops for entry in self.complete]),
            fitting_params=Quantiles.of([entry.params for entry in fitting]),
            fitting_flops=Quantiles.of([entry.flops for entry in fitting]),
            rules=tuple(sorted(rules, key=lambda cost: -cost.own_params.mean)),
            options=self._option_shares(),
            causes=self._most_common(n),
            effects=self._effects(n, len(fitting)),
        )

    def _option_shares(self) -> tuple[OptionShare, ...]:
        """Options of one decision next to each other, numbers in ascending order."""
        order = {name: place for place, name in enumerate(dict.fromkeys(name for name, _, _ in self._options))}
        keys = sorted(self._options, key=lambda key: (order[key[0]], *_place(key[2])))
        return tuple(
            OptionShare(
                decision=key[0],
                label=key[2],
                draws=len(taken.fits),
                fits=Share.of(sum(taken.fits), len(taken.fits)),
                params=Mean.of(taken.params),
                flops=Mean.of(taken.flops),
            )
            for key in keys
            if (taken := self._options[key])
        )

    def _most_common(self, n: int) -> tuple[Cause, ...]:
        found = sorted(self._causes.items(), key=lambda entry: -entry[1].draws)
        bounds = set(self._space.budget.bounds())
        return tuple(
            Cause(
                reason=reason,
                place=place,
                draws=broken.draws,
                share=Share.of(broken.draws, n),
                held=broken.held / broken.draws if reason in bounds else None,
                excess=broken.excess / broken.draws if reason in bounds else None,
                example=broken.example,
            )
            for (reason, place), broken in found[:MOST_CAUSES]
        )

    def _effects(self, n: int, fitting: int) -> tuple[Effect, ...]:
        order = {site: place for place, site in enumerate(dict.fromkeys(choice[:2] for choice in self.choices))}
        return tuple(
            Effect(
                rule=choice.rule,
                site=choice.site,
                kind=choice.kind,
                label=choice.label,
                line=choice.line,
                draws=len(hits),
                fits=Share.of(sum(hits), len(hits)),
                without=Share.of(fitting - sum(hits), n - len(hits)),
            )
            for choice in sorted(self.choices, key=lambda choice: (order[choice[:2]], *_place(choice.label)))
            if (hits := self.choices[choice])
        )


def _place(label: Label) -> tuple[str, float, str]:
    """Return a sort key for the options of a decision: numbers in order, words alphabetically."""
    number = 0.0 if isinstance(label, str) else float(label)
    return "word" if isinstance(label, str) else "number", number, str(label)


def _complaint(text: str) -> str:
    """Return an error's message without its place in the file and the indices of its path."""
    line = text.partition("\n")[0]
    return re.sub(r"\[\d+\]", "", re.sub(r"^.*?:\d+:\d+: ", "", line))


def _heaviest(parts: list[PartOrigin], bound: str) -> tuple[str, float]:
    """The path, without indices, whose own primitives cost most, and its share of what all of them cost."""
    costs: dict[str, int] = defaultdict(int)
    for part in parts:
        path, cost = plain(part.path), int(getattr(part, bound))
        costs[path] = max(costs[path], cost) if bound in MAXIMA else costs[path] + cost
    place = max(costs, key=costs.__getitem__, default="")
    if bound in MAXIMA:
        return place, 1.0
    return place, costs[place] / max(sum(costs.values()), 1) if costs else 0.0


class _Occurrence:
    """A rule in one network."""

    __slots__ = ("fits", "flops", "own_flops", "own_params", "params", "whole")

    def __init__(self, whole: int, fits: bool) -> None:
        self.own_params = self.own_flops = self.params = self.flops = 0
        self.whole = whole
        self.fits = fits


def _occurrences(parts: list[PartOrigin], start: str, whole: int, fits: bool) -> dict[str, _Occurrence]:
    found: dict[str, _Occurrence] = {}
    for part in parts:
        rules = rules_of(part.path, start)
        for rule in dict.fromkeys(rules):
            entry = found.get(rule)
            if entry is None:
                entry = found[rule] = _Occurrence(whole, fits)
            entry.params += part.params
            entry.flops += part.flops
        found[rules[-1]].own_params += part.params
        found[rules[-1]].own_flops += part.flops
    return found


def _rule_cost(rule: str, found: list[_Occurrence]) -> RuleCost:
    def spread(attribute: str) -> Quantiles:
        quantiles = Quantiles.of([getattr(entry, attribute) for entry in found])
        assert quantiles is not None
        return quantiles

    return RuleCost(
        rule=rule,
        networks=len(found),
        own_params=spread("own_params"),
        own_flops=spread("own_flops"),
        params=spread("params"),
        flops=spread("flops"),
        params_share=sum(entry.own_params / max(entry.whole, 1) for entry in found) / len(found),
        fits=Share.of(sum(entry.fits for entry in found), len(found)),
    )
