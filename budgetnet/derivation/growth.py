"""Growth of recursive rules: how many further calls a call leads to on average, by the grammar's weights."""

from __future__ import annotations

from math import exp, log
from typing import assert_never

from budgetnet.derivation.recursion import Recursion, reached_rules
from budgetnet.grammar import syntax
from budgetnet.grammar.graph import functions

__all__ = ["growth_of"]

_GENERATIONS = 256


def growth_of(grammar: syntax.Grammar) -> dict[str, float]:
    r"""Return the growth of each recursive rule: the mean number of calls of the next generation per call.

    A rule that calls itself, directly or through others, derives small networks on average if its growth is below 1.
    At 1 or more, draws tend to go on until the limit of the depth of recursion ends them.

    >>> from budgetnet.grammar.load import load_grammar
    >>> growth_of(load_grammar("network = tree gap linear(10)\ntree = conv(3, 8) | skip(tree tree tree)"))
    {'tree': 1.5}
    """
    recursion = Recursion(grammar)
    rules = {rule.name: rule for rule in grammar.rules if rule.name in recursion.recursive}
    calls = {name: _mean_calls(rule.body, frozenset(rules)) for name, rule in rules.items()}
    found: dict[str, float] = {}
    for name in rules:
        together = {other for other in reached_rules(name, calls) if name in reached_rules(other, calls)}
        found[name] = round(_growth(sorted(together), calls), 2)
    return found


def _growth(names: list[str], calls: dict[str, dict[str, float]]) -> float:
    """The growth per generation of rules that call each other, from two late generations."""
    sizes = dict.fromkeys(names, 1.0)
    scale = 0.0
    logs = []
    for generation in range(1, 2 * _GENERATIONS + 1):
        sizes = {
            name: sum(mean * sizes[other] for other, mean in calls[name].items() if other in sizes) for name in names
        }
        total = sum(sizes.values())
        if not total:
            return 0.0
        scale += log(total)
        sizes = {name: size / total for name, size in sizes.items()}
        if generation % _GENERATIONS == 0:
            logs.append(scale)
    return exp((logs[1] - logs[0]) / _GENERATIONS)


def _mean_calls(part: syntax.Expression, names: frozenset[str]) -> dict[str, float]:
    """Mean number of calls of each of *names* in one derivation of a part, without what is called."""
    match part:
        case syntax.Call():
            return {part.name: 1.0} if part.name in names else {}
        case syntax.SequenceExpression():
            return _sum([(1.0, _mean_calls(item, names)) for item in part.items])
        case syntax.Alternatives() if part.conditions:
            return {}  # conditions end it
        case syntax.Alternatives():
            weights = part.weights or (1.0,) * len(part.options)
            total = sum(weights)
            pairs = zip(weights, part.options, strict=True)
            return _sum([(weight / total, _mean_calls(option, names)) for weight, option in pairs])
        case syntax.Optional():
            return _sum([(0.5, _mean_calls(part.body, names))])
        case syntax.Repeat():
            times = (_mean(part.low) + _mean(part.high)) / 2
            return _sum([(1.0 if part.mode == "shared" else times, _mean_calls(part.body, names))])
        case syntax.SkipExpression():
            project = [] if isinstance(part.project, str) else [part.project]
            return _sum([(1.0, _mean_calls(inner, names)) for inner in (part.body, *project)])
        case syntax.ParallelExpression() | syntax.SplitExpression():
            return _sum([(1.0, _mean_calls(branch, names)) for branch in part.branches])
        case syntax.Graph():
            return _sum([(1.0, _mean_calls(inner, names)) for inner in functions(part)])
        case _:
            assert_never(part)


def _sum(parts: list[tuple[float, dict[str, float]]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for factor, calls in parts:
        for name, mean in calls.items():
            if factor * mean > 0:
                found[name] = found.get(name, 0.0) + factor * mean
    return found


def _mean(value: syntax.Value) -> float:
    """The mean of a bound of a repetition; 1 where the text does not show it."""
    match value:
        case syntax.Number():
            return float(value.value)
        case syntax.Choice():
            weights = value.weights or (1.0,) * len(value.options)
            pairs = zip(weights, value.options, strict=True)
            return sum(weight * _mean(option) for weight, option in pairs) / sum(weights)
        case syntax.Range():
            return (_mean(value.low) + _mean(value.high)) / 2
        case _:
            return 1.0
