"""Checks of parameters that are parts: what is passed for them, and how they are called."""

from __future__ import annotations

from budgetnet.errors import nearest
from budgetnet.grammar.checks.scope import RuleScope
from budgetnet.grammar.syntax import Call, Choice, Name, Value

__all__ = ["check_part_call", "check_passed_part"]


def check_passed_part(scope: RuleScope, value: Value, what: str) -> None:
    """Refuse a value for a parameter that is a part, unless it is a rule that needs no arguments, or such a parameter.

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
    required = [parameter.name for parameter in rule.parameters if parameter.default is None]
    if required:
        needs = " and ".join(required)
        message = f"a rule that is passed as a part gets no arguments, but {value.id!r} needs {needs}"
        raise scope.error(value.span, f"{message}; give defaults, such as {required[0]}=in")


def check_part_call(scope: RuleScope, call: Call) -> None:
    """Refuse arguments where a parameter that is a part is called."""
    if call.arguments:
        message = f"{call.name!r} is a part that is passed to this rule, so it takes no arguments here"
        raise scope.error(call.arguments[0].span, f"{message}; its rule can read the width as 'in'")
