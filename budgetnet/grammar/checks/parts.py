"""Checks of parameters that are parts: what is passed for them, and how they are called."""

from __future__ import annotations

from budgetnet.errors import nearest
from budgetnet.grammar.checks.scope import RuleScope
from budgetnet.grammar.syntax import Call, Choice, Name, Range, Value
from budgetnet.grammar.walk import walk

__all__ = ["check_part_call", "check_passed_part"]


def check_passed_part(scope: RuleScope, value: Value, what: str) -> None:
    """Refuse a value for a parameter that is a part, unless it is a rule's name, or such a parameter.

    Args:
        scope: the rule that holds the value.
        value: an argument, or a parameter's default.
        what: the parameter in words, as ``model: cell``.

    Raises:
        LanguageError: located at the value.
    """
    if isinstance(value, Choice):
        for option in value.options:
            check_passed_part(scope, option, what)
        return
    if not isinstance(value, Name):
        raise scope.error(value.span, f"{what} is a part, so it must be the name of a rule, but got a value")
    if value.id in scope.parts:
        return
    rule = scope.rules.get(value.id)
    if rule is None:
        if value.id in scope.vocabulary.signatures:
            message = f"{what} is a part, so it must be the name of a rule, but {value.id!r} is a primitive"
            raise scope.error(value.span, f"{message}; write a rule for it: part = {value.id}(…)")
        hint = nearest(value.id, list(scope.rules)) or "; write one"
        raise scope.error(value.span, f"{what} is a part, but there is no rule {value.id!r}{hint}")


def check_part_call(scope: RuleScope, call: Call) -> None:
    """Refuse choices in the arguments of a part that is passed: it is drawn once, for all places that name it."""
    for argument in call.arguments:
        for node in walk(argument.value):
            if isinstance(node, Choice | Range):
                message = f"{call.name!r} is a part that is passed to this rule and drawn once"
                raise scope.error(node.span, f"{message}, so its arguments hold no choices; choose in its rule")
