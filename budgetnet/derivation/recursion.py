"""Recursive rules, and the least depth at which each part of a grammar can end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf
from typing import assert_never

from budgetnet.grammar import syntax
from budgetnet.grammar.graph import functions
from budgetnet.grammar.walk import walk

__all__ = ["Recursion", "reached_rules"]


class Recursion:
    """Static properties of one grammar's recursion."""

    def __init__(self, grammar: syntax.Grammar) -> None:
        self._rules = {rule.name: rule for rule in grammar.rules}
        calls = {rule.name: _called(rule.body) & self._rules.keys() for rule in grammar.rules}
        self.recursive = frozenset(name for name in calls if name in reached_rules(name, calls))
        """Names of the rules that can call themselves, directly or through others."""
        self._needs: dict[str, float] = dict.fromkeys(self.recursive, inf)
        self._memo: dict[int, float] = {}
        changed = bool(self.recursive)
        while changed:  # the least fixed point: needs only fall and stay above 0
            needs = {name: 1 + self.need(self._rules[name].body) for name in self.recursive}
            changed = needs != self._needs
            self._needs = needs
            self._memo.clear()

    def need(self, expression: syntax.Expression) -> float:
        """Return the least nesting of recursive calls with which the derivation of *expression* can end.

        0 without recursion, ``inf`` if it never ends.
        """
        if not self.recursive:
            return 0
        known = self._memo.get(id(expression))
        if known is None:
            known = self._memo[id(expression)] = self._need(expression)
        return known

    def _need(self, expression: syntax.Expression) -> float:
        match expression:
            case syntax.Call():
                if expression.name in self._needs:
                    return self._needs[expression.name]
                rule = self._rules.get(expression.name)
                return 0 if rule is None else self.need(rule.body)
            case syntax.SequenceExpression():
                return max(map(self.need, expression.items))
            case syntax.Alternatives() if len(expression.options) == 1:
                return 0
            case syntax.Alternatives():
                return min(map(self.need, expression.options))
            case syntax.Optional():
                return 0
            case syntax.Repeat():
                return self.need(expression.body) if _at_least_one(expression.low) else 0
            case syntax.SkipExpression():
                project = 0 if isinstance(expression.project, str) else self.need(expression.project)
                return max(self.need(expression.body), project)
            case syntax.ParallelExpression() | syntax.SplitExpression():
                return max(map(self.need, expression.branches))
            case syntax.Graph():
                return max(map(self.need, functions(expression)), default=0)
            case _:
                assert_never(expression)


def _at_least_one(low: syntax.Value) -> bool:
    """Return True if the text of a repetition shows that it cannot be left out."""
    match low:
        case syntax.Number():
            return low.value != 0
        case syntax.Choice():
            return all(map(_at_least_one, low.options))
        case syntax.Range():
            return _at_least_one(low.low)
        case _:
            return True  # a name or arithmetic may be 0, but need not be


def _called(expression: syntax.Expression) -> set[str]:
    return {node.name for node in walk(expression) if isinstance(node, syntax.Call)}


def reached_rules(start: str, calls: Mapping[str, Iterable[str]]) -> set[str]:
    """Return the rules that derivations of *start* may call, directly or through others."""
    seen: set[str] = set()
    waiting = list(calls[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(calls[name])
    return seen
