"""Checks of the parts of a rule: calls, repetitions and weights."""

from __future__ import annotations

from dataclasses import replace

from budgetnet.errors import LanguageError, nearest
from budgetnet.grammar.checks.conditions import check_conditions, check_shares
from budgetnet.grammar.checks.parts import check_part_call, check_passed_part
from budgetnet.grammar.checks.scope import RuleScope, Use
from budgetnet.grammar.checks.values import MOST_OPTIONS, check_count, check_value, constant
from budgetnet.grammar.imports import prelude
from budgetnet.grammar.syntax import (
    Alternatives,
    Argument,
    Call,
    Choice,
    Name,
    Repeat,
    SkipExpression,
    SplitExpression,
    Text,
    Value,
)
from budgetnet.grammar.walk import Element, children, walk
from budgetnet.ops.signature import Signature
from budgetnet.text import counted

__all__ = ["check_entry", "check_options", "check_parts"]


def check_parts(scope: RuleScope) -> None:
    """Check every call, repetition and weight of a rule's body.

    Raises:
        LanguageError: located at the wrong part.
    """
    for node in walk(scope.rule.body):
        match node:
            case Call():
                _check_call(scope, node)
            case Repeat():
                check_count(scope, node.low, node.high)
            case Choice():
                check_options(scope, node)
            case Alternatives():
                check_options(scope, node)
                check_conditions(scope, node)
            case SplitExpression():
                check_shares(scope, node)
            case _:
                pass
    if "entry" not in scope.parameters:
        check_entry(scope, scope.rule.body)


def check_entry(scope: RuleScope, root: Element) -> None:
    """Refuse the width at a skip's entry outside skips."""
    todo = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, SkipExpression):
            continue
        if isinstance(node, Name) and node.id == "entry":
            raise scope.error(
                node.span, "entry is the width at the entry of a skip, so it stands inside one; write in, or pass it on"
            )
        todo.extend(children(node))


def check_options(scope: RuleScope, node: Alternatives | Choice) -> None:
    """Refuse a weight of zero, and more options than anybody chooses from."""
    if len(node.options) > MOST_OPTIONS:
        raise scope.error(
            node.options[MOST_OPTIONS].span,
            f"at most {MOST_OPTIONS:,} options are legal, but got {len(node.options):,}; give a range a step: 16..64:8",
        )
    for option, weight in zip(node.options, node.weights, strict=bool(node.weights)):
        if weight <= 0:
            raise scope.error(option.span, f"a weight must be above 0, but got {weight:g}; leave the option out")


def _check_call(scope: RuleScope, call: Call) -> None:
    rule = scope.rules.get(call.name)
    parts = scope.given.get(call.name, {})
    if rule is None and call.name in scope.parts:
        check_part_call(scope, call)
        for passed in scope.parts[call.name]:
            _check_call(scope, replace(call, name=passed))
        return
    if rule is not None:
        required = [parameter.name for parameter in rule.parameters if parameter.default is None]
        targets = {
            parameter.name: (f"{call.name}: {parameter.name}", scope.uses[call.name, parameter.name])
            for parameter in rule.parameters
        }
    elif (signature := scope.vocabulary.signatures.get(call.name)) is not None:
        required = [parameter.name for parameter in signature.parameters if parameter.default is None]
        targets = {
            use.parameter.name: (use.what, (use,))
            for use in (Use(call.name, parameter) for parameter in signature.parameters)
        }
    else:
        raise _unknown_call(scope, call)
    given = _match_arguments(scope, call, list(targets))
    missing = [name for name in required if name not in given]
    if missing:
        raise scope.error(
            call.span, f"{call.name} needs {' and '.join(missing)}: {_usage(call.name, list(targets), required)}"
        )
    for name, argument in given.items():
        if name in parts:
            check_passed_part(scope, argument.value, f"{call.name}: {name}")
        else:
            check_value(scope, argument.value, *targets[name])
    if rule is None and signature is not None:
        _check_order(scope, call, signature, given)


def _unknown_call(scope: RuleScope, call: Call) -> LanguageError:
    if any(rule.name == call.name for rule in prelude().rules):
        return scope.error(
            call.span, f"unknown rule {call.name!r}; the prelude has one: from prelude import {call.name}"
        )
    hint = nearest(call.name, [*scope.rules, *scope.vocabulary.signatures])
    if not hint:
        hint = f"; write a rule for it or use one of {', '.join(scope.vocabulary.signatures)}"
    return scope.error(call.span, f"unknown rule or primitive {call.name!r}{hint}")


def _match_arguments(scope: RuleScope, call: Call, names: list[str]) -> dict[str, Argument]:
    """The call's arguments by parameter."""
    given: dict[str, Argument] = {}
    for index, argument in enumerate(call.arguments):
        if argument.name is None:
            if index and call.arguments[index - 1].name is not None:
                raise scope.error(
                    argument.span, f"{call.name}: an argument without a name cannot follow one with a name"
                )
            if index >= len(names):
                takes = f"at most {counted(len(names), 'argument')}" if names else "no arguments"
                raise scope.error(argument.span, f"{call.name} takes {takes}, but got {len(call.arguments)}")
            given[names[index]] = argument
            continue
        if argument.name not in names:
            hint = nearest(argument.name, names) or (f"; it has {', '.join(names)}" if names else "; it has none")
            raise scope.error(argument.span, f"{call.name} has no parameter {argument.name!r}{hint}")
        if argument.name in given:
            raise scope.error(argument.span, f"{call.name}: {argument.name} is given twice")
        given[argument.name] = argument
    return given


def _usage(name: str, names: list[str], required: list[str]) -> str:
    more = ", …" if len(required) < len(names) else ""
    return f"{name}({', '.join(required)}{more})"


def _check_order(scope: RuleScope, call: Call, signature: Signature, given: dict[str, Argument]) -> None:
    """Refuse a norm, activation or dropout that is set but absent from the order, so would silently vanish."""
    order = given.get("order")
    if order is None or not isinstance(order.value, Text):
        return
    words = order.value.value.split()
    for word, name, absent in (("norm", "norm", "none"), ("act", "act", "none"), ("drop", "dropout", 0)):
        parameter = signature.parameter(name)
        if parameter is None or word in words:
            continue
        value: object = parameter.default
        if name in given:
            value = _literal(given[name].value, scope)
        if value is not None and value != absent:
            raise scope.error(
                order.span,
                f"{call.name}: {name} is {value} but the order {order.value.value!r} leaves {word} out; "
                f"add {word} or write {name}={absent}",
            )


def _literal(value: Value, scope: RuleScope) -> object:
    match value:
        case Name() if value.id not in scope.parameters:
            return value.id
        case _:
            return constant(value)
