"""Looking at a space before anything trains: what fits, and what stands in the way."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from dataclasses import replace

from budgetnet.errors import LanguageError, ShapeError
from budgetnet.network.expand import Expansion, Label, output_shape
from budgetnet.network.machine import Machine
from budgetnet.space.census import take_census
from budgetnet.space.choosers import prior
from budgetnet.space.draw import Candidate, Draw, Rejection, judge
from budgetnet.space.exploration import Exploration, OptionShare, Quantiles, RuleCost, Share
from budgetnet.space.identity import canonical_hash
from budgetnet.space.placed import PlacedMachine, PlacedPart, Placing, rules_of
from budgetnet.space.space import Space
from budgetnet.space.tabulate import LIMIT_BYTES, LIMIT_STATES, TooLarge, tabulate

__all__ = ["explore", "sample"]


def explore(
    space: Space, *, draws: int = 1000, seed: int = 0, states: int = LIMIT_STATES, memory: int = LIMIT_BYTES
) -> Exploration:
    """Look at a space both ways: draw networks, and count it through where it is not too large for that.

    Args:
        space: with its budget.
        draws: networks to draw, at least 1.
        seed: equal seeds give equal results.
        states: limit of the count, see `budgetnet.space.tabulate.tabulate`.
        memory: limit of the count in bytes.
    """
    sampled = sample(space, draws, seed)
    table = tabulate(space, states=states, memory=memory)
    if isinstance(table, TooLarge):
        return replace(sampled, no_census=table.text)
    return replace(sampled, census=take_census(table, seed=seed))


def sample(space: Space, n: int, seed: int) -> Exploration:
    """Draw *n* networks by the grammar's prior and tell what they cost and how many fit.

    Args:
        space: with its budget.
        n: at least 1; a thousand takes about a second or two.
        seed: equal seeds give equal results.

    Raises:
        ValueError: *n* is below 1.
    """
    if n < 1:
        raise ValueError(f"an exploration needs at least one draw, got n={n}")
    rng = random.Random(seed)  # noqa: S311 (no secret)
    machine = space.make_machine(PlacedMachine)
    tally = _Tally(space)
    for _ in range(n):
        decisions: dict[str, Label] = {}
        placing = Placing(space)
        tally.add(_draw(space, machine, rng, decisions, placing), decisions, placing.parts)
    return tally.result(n, seed)


def _draw(space: Space, machine: Machine, rng: random.Random, decisions: dict[str, Label], placing: Placing) -> Draw:
    try:
        shape = output_shape(placing.follow(machine, prior(rng), decisions), space.classes)
    except ShapeError as error:
        return Rejection("shape", str(error))
    except LanguageError as error:
        return Rejection("argument", str(error))
    return judge(space, Expansion(placing.finish(), shape, decisions))


class _Tally:
    """Adds up draws."""

    def __init__(self, space: Space) -> None:
        self.start = space.grammar.start.name
        self.reasons: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.complete: list[tuple[int, int, bool]] = []
        """Parameters, FLOPs and whether it fits, of every complete network."""
        self.hashes: set[str] = set()
        self.rules: dict[str, list[_Occurrence]] = defaultdict(list)
        self.options: dict[tuple[str, type, Label], list[bool]] = defaultdict(list)

    def add(self, draw: Draw, decisions: dict[str, Label], parts: list[PlacedPart]) -> None:
        fits = isinstance(draw, Candidate)
        taken = {(re.sub(r"\[\d+\]", "", name), type(label), label): None for name, label in decisions.items()}
        for key in taken:
            self.options[key].append(fits)
        if isinstance(draw, Rejection):
            self.reasons[draw.reason] += 1
            self.examples.setdefault(draw.reason, draw.text)
        else:
            self.hashes.add(canonical_hash(draw.expansion.network))
        if draw.cost is None:
            return
        self.complete.append((draw.cost.params, draw.cost.flops, fits))
        for rule, occurrence in _occurrences(parts, self.start, draw.cost.params, fits).items():
            self.rules[rule].append(occurrence)

    def result(self, n: int, seed: int) -> Exploration:
        fitting = [entry for entry in self.complete if entry[2]]
        rules = [_rule_cost(rule, found) for rule, found in self.rules.items()]
        return Exploration(
            draws=n,
            seed=seed,
            fits=Share.of(len(fitting), n),
            distinct=len(self.hashes),
            reasons=dict(self.reasons.most_common()),
            examples=self.examples,
            params=Quantiles.of([params for params, _, _ in self.complete]),
            flops=Quantiles.of([flops for _, flops, _ in self.complete]),
            fitting_params=Quantiles.of([params for params, _, _ in fitting]),
            fitting_flops=Quantiles.of([flops for _, flops, _ in fitting]),
            rules=tuple(sorted(rules, key=lambda cost: -cost.own_params.mean)),
            options=tuple(
                OptionShare(decision=name, label=label, draws=len(hits), fits=Share.of(sum(hits), len(hits)))
                for (name, _, label), hits in self._grouped().items()
            ),
        )

    def _grouped(self) -> dict[tuple[str, type, Label], list[bool]]:
        """Options of one decision side by side, numbers in their order."""
        order = {name: place for place, name in enumerate(dict.fromkeys(name for name, _, _ in self.options))}

        def place(key: tuple[str, type, Label]) -> tuple[int, str, float, str]:
            name, _, label = key
            number = 0.0 if isinstance(label, str) else float(label)
            return order[name], "word" if isinstance(label, str) else "number", number, str(label)

        return {key: self.options[key] for key in sorted(self.options, key=place)}


class _Occurrence:
    """A rule in one network."""

    __slots__ = ("fits", "flops", "own_flops", "own_params", "params", "whole")

    def __init__(self, whole: int, fits: bool) -> None:
        self.own_params = self.own_flops = self.params = self.flops = 0
        self.whole = whole
        self.fits = fits


def _occurrences(parts: list[PlacedPart], start: str, whole: int, fits: bool) -> dict[str, _Occurrence]:
    found: dict[str, _Occurrence] = {}
    for part in parts:
        rules = rules_of(part.path, start)
        for rule in dict.fromkeys(rules):
            entry = found.setdefault(rule, _Occurrence(whole, fits))
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
