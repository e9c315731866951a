"""Checks of conditions and of a split's shares: values that hold no choice."""

from __future__ import annotations

from budgetnet.grammar.checks.scope import GIVEN, RuleScope
from budgetnet.grammar.checks.values import check_number, constant
from budgetnet.grammar.printer import value_text
from budgetnet.grammar.syntax import Alternatives, Choice, Condition, Grammar, Name, Range, SplitExpression, Text, Value
from budgetnet.grammar.walk import walk

__all__ = ["check_conditions", "check_shares", "compared_words"]


def compared_words(grammar: Grammar) -> frozenset[str]:
    """Return the words that conditions compare with, so that rules may be called with them."""
    found: set[str] = set()
    for rule in grammar.rules:
        own = {parameter.name for parameter in rule.parameters}
        for condition in _conditions(rule.body):
            for side in (condition.left, condition.right):
                if isinstance(side, Name) and side.id not in own:
                    found.add(side.id)
    return frozenset(found - {*GIVEN, "true", "false"})


def _conditions(part: object) -> list[Condition]:
    nodes = [node for node in walk(part) if isinstance(node, Alternatives)]  # type: ignore[arg-type]
    return [condition for node in nodes for condition in node.conditions if condition is not None]


def check_conditions(scope: RuleScope, node: Alternatives) -> None:
    """Refuse conditions that hold choices, compare texts by size, or are the same in every derivation."""
    for condition in node.conditions:
        if condition is None:
            continue
        sides = (condition.left, condition.right)
        for side in sides:
            _refuse_choices(scope, side, "a condition")
            if not isinstance(side, Name | Text):
                check_number(scope, side, "a condition")
            elif condition.op not in ("==", "!=") and not _may_be_number(scope, side):
                raise scope.error(
                    side.span, f"{condition.op} compares numbers, but got {value_text(side)}; words are compared by =="
                )
        known = {*scope.parameters, *GIVEN}
        if not any(isinstance(inner, Name) and inner.id in known for side in sides for inner in walk(side)):
            own = f"; this rule's parameters are {', '.join(scope.parameters)}" if scope.parameters else ""
            raise scope.error(
                condition.span,
                f"a condition compares a parameter of the rule, in, entry or classes, but got "
                f"{value_text(sides[0])} {condition.op} {value_text(sides[1])}{own}",
            )


def check_shares(scope: RuleScope, node: SplitExpression) -> None:
    """Refuse shares of a split that are no whole numbers from 1."""
    for share in node.shares:
        check_number(scope, share, "a share of split")
        number = constant(share)
        if number is not None and (not isinstance(number, int) or number < 1):
            raise scope.error(share.span, f"a share of split must be a whole number of at least 1, but got {number}")


def _may_be_number(scope: RuleScope, side: Name | Text) -> bool:
    return isinstance(side, Name) and side.id in {*scope.parameters, *GIVEN}


def _refuse_choices(scope: RuleScope, value: Value, what: str) -> None:
    for node in walk(value):
        if isinstance(node, Choice | Range):
            raise scope.error(
                node.span, f"{what} holds no choice, but got {value_text(node)}; make it a parameter of the rule"
            )
