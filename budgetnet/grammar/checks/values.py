"""Checks of a call's arguments: literals against the limits of their parameters, names against the scope."""

from __future__ import annotations

from contextlib import suppress
from typing import assert_never

from budgetnet.errors import LanguageError, nearest
from budgetnet.grammar.checks.scope import GIVEN, RuleScope, Use
from budgetnet.grammar.functions import FUNCTIONS, fits, operate
from budgetnet.grammar.printer import value_text
from budgetnet.grammar.syntax import Arithmetic, Calculation, Choice, Name, Number, Range, Text, Value
from budgetnet.grammar.walk import walk
from budgetnet.ops.signature import Parameter, sides_of

__all__ = ["MOST_OPTIONS", "MOST_REPEATS", "check_count", "check_number", "check_value", "constant"]

MOST_OPTIONS = 1_000
"""Most values in one range, and most options in one place."""
MOST_REPEATS = 200
ORDER = ("conv", "norm", "act", "drop")


def constant(value: Value) -> int | float | None:
    """Return the number that *value* always is, or None."""
    match value:
        case Number():
            return value.value
        case Arithmetic():
            left, right = constant(value.left), constant(value.right)
            if left is None or right is None or (value.op in ("/", "//") and right == 0):
                return None
            with suppress(OverflowError):  # beyond every limit, as its derivation says
                return operate(value.op, left, right)
            return None
        case Calculation():
            numbers = [number for number in map(constant, value.arguments) if number is not None]
            function = FUNCTIONS.get(value.function)
            if function is None or len(numbers) < len(value.arguments) or not fits(function, len(numbers)):
                return None
            with suppress(ZeroDivisionError):  # a multiple of 0
                return function.compute(*numbers)
            return None
        case _:
            return None


def check_value(scope: RuleScope, value: Value, what: str, uses: tuple[Use, ...]) -> None:
    """Refuse a value that is illegal for the parameters it is handed to.

    Args:
        scope: the rule that holds the value.
        value: one argument, or a parameter's default.
        what: the parameter in words, as ``conv: kernel``.
        uses: the primitives' parameters that receive it; none if a rule only computes with it.

    Raises:
        LanguageError: located at the wrong option, bound or name.
    """
    match value:
        case Choice():
            for option in value.options:
                check_value(scope, option, what, uses)
        case Range() | Arithmetic() | Calculation():
            _numbers_wanted(scope, value, what, uses)
            check_number(scope, value, what)
            if isinstance(value, Range):
                for bound in (value.low, value.high):
                    _check_limits(scope, bound, what, uses)
            else:
                _check_limits(scope, value, what, uses)
        case Number():
            _numbers_wanted(scope, value, what, uses)
            _check_limits(scope, value, what, uses)
        case Name():
            _check_name(scope, value, what, uses)
        case Text():
            _check_text(scope, value, what, uses)
        case _:
            assert_never(value)


def check_count(scope: RuleScope, low: Value, high: Value) -> None:
    """Refuse bounds of a repetition that are no counts or the wrong way round."""
    for bound in (low,) if low == high else (low, high):
        check_number(scope, bound, "a repetition")
        for node in _results(bound):
            number = constant(node)
            if number is not None and (not isinstance(number, int) or not 0 <= number <= MOST_REPEATS):
                raise scope.error(
                    node.span, f"a repetition must be a whole number from 0 to {MOST_REPEATS}, but got {number}"
                )
    least, most = constant(low), constant(high)
    if least is not None and most is not None and least > most:
        raise scope.error(low.span, f"a repetition's bounds must not decrease, but got {least}..{most}; swap them")


def _results(value: Value) -> list[Value]:
    """Return the possible values of a choice, as far as the text gives them."""
    match value:
        case Choice():
            return [result for option in value.options for result in _results(option)]
        case Range():
            return [*_results(value.low), *_results(value.high)]
        case _:
            return [value]


def _numbers_wanted(scope: RuleScope, value: Value, what: str, uses: tuple[Use, ...]) -> None:
    for use in uses:
        if use.parameter.kind not in ("int", "size", "float"):
            raise scope.error(value.span, f"{_needs(what, use)}, but got {value_text(value)}")


def _check_limits(scope: RuleScope, value: Value, what: str, uses: tuple[Use, ...]) -> None:
    for node in _results(value):
        number = constant(node)
        if number is None:
            continue
        for use in uses:
            parameter = use.parameter
            fraction = parameter.kind in ("int", "size") and not isinstance(number, int)
            low = parameter.low is not None and number < parameter.low
            high = parameter.high is not None and number > parameter.high
            if fraction or low or high:
                advice = f"; write round({value_text(node)})" if fraction and not isinstance(node, Number) else ""
                raise scope.error(node.span, f"{_needs(what, use)}, but got {number}{advice}")


def _needs(what: str, use: Use) -> str:
    """Return the rule that a value breaks, naming the primitive if a rule is in between."""
    if what == use.what:
        return f"{what} {_rule(use.parameter)}"
    return f"{what} ({use.parameter.name} of {use.primitive}) {_rule(use.parameter)}"


def _rule(parameter: Parameter) -> str:
    words = ", ".join(parameter.names)
    match parameter.kind:
        case "int" | "size" | "float":
            text = "must be a number" if parameter.kind == "float" else "must be a whole number"
            if parameter.low is not None and parameter.high is not None:
                text += f" from {parameter.low:g} to {parameter.high:g}"
            elif parameter.low is not None:
                text += f" of at least {parameter.low:g}"
            elif parameter.high is not None:
                text += f" of at most {parameter.high:g}"
            if parameter.kind == "size":
                text += ", two as in 1x7,"[: None if words else -1]
            return f"{text} or {words}" if words else text
        case "bool":
            return "must be true or false"
        case "name":
            return f"must be one of {words}"
        case "text":
            return "must be a text"
        case "order":
            return 'must be a text such as "conv norm act drop"'
        case _:
            assert_never(parameter.kind)


def _check_name(scope: RuleScope, name: Name, what: str, uses: tuple[Use, ...]) -> None:
    if name.id in scope.parameters:
        return
    sides = sides_of(name.id)
    for use in uses:
        words = _words(use)
        if sides and use.parameter.kind == "size":
            if use.parameter.low is not None and min(sides) < use.parameter.low:
                raise scope.error(name.span, f"{_needs(what, use)}, but got {name.id}")
            continue
        if name.id not in words and use.parameter.kind != "text":  # a text of one plain word needs no quotes
            raise _wrong_name(scope, name, f"{_needs(what, use)}", [*words, *scope.parameters])
    if not uses and not sides and name.id not in {*GIVEN, "true", "false", *scope.words}:
        raise _wrong_name(
            scope, name, f"{what}: unknown name", [*scope.parameters, *GIVEN, "true", "false", *sorted(scope.words)]
        )


def _words(use: Use) -> tuple[str, ...]:
    """Return the words that a parameter takes in addition to a rule's own parameters."""
    match use.parameter.kind:
        case "int" | "size" | "float":
            return (*GIVEN, *use.parameter.names)
        case "bool":
            return ("true", "false")
        case "name":
            return use.parameter.names
        case "text" | "order":
            return ()
        case _:
            assert_never(use.parameter.kind)


def _wrong_name(scope: RuleScope, name: Name, message: str, legal: list[str]) -> LanguageError:
    found = f" {name.id!r}" if message.endswith("unknown name") else f", but got {name.id!r}"
    own = tuple(parameter.name for parameter in scope.rule.parameters)
    if name.id in own:
        return scope.error(name.span, f"{message}{found}; a default may use the parameters before it, not after it")
    if name.id in scope.rules or name.id in scope.vocabulary.signatures:
        return scope.error(name.span, f"{message}{found}; that is a part of a network, and arguments hold values")
    hint = nearest(name.id, legal)
    if not hint and own:
        hint = f"; this rule's parameters are {', '.join(own)}"
    return scope.error(name.span, f"{message}{found}{hint}")


def _check_text(scope: RuleScope, text: Text, what: str, uses: tuple[Use, ...]) -> None:
    for use in uses:
        if use.parameter.kind not in ("text", "order"):
            raise scope.error(text.span, f"{_needs(what, use)}, but got a text; remove the quotes")
    if all(use.parameter.kind == "text" for use in uses):  # with no use at all, conditions compare it
        return
    words = text.value.split()
    for word in words:
        if word not in ORDER:
            raise scope.error(
                text.span, f"{what}: an order may hold conv, norm, act and drop, but got {word!r}{nearest(word, ORDER)}"
            )
        if words.count(word) > 1:
            raise scope.error(text.span, f"{what}: an order must name each part once, but got {word!r} twice")
    if "conv" not in words:
        raise scope.error(text.span, f"{what}: an order must name conv, but got {text.value!r}")


def check_number(scope: RuleScope, value: Value, what: str) -> None:
    """Refuse anything in *value* that is no number: words, texts, impossible ranges, division by zero."""
    for node in walk(value):
        match node:
            case Name():
                if sides_of(node.id):
                    raise scope.error(node.span, f"{what} needs one number, but got the size {node.id}")
                if node.id not in scope.parameters and node.id not in GIVEN:
                    raise _wrong_name(scope, node, f"{what} needs a number", [*scope.parameters, *GIVEN])
            case Text():
                raise scope.error(node.span, f"{what} needs a number, but got the text {node.value!r}")
            case Range():
                _check_range(scope, node, what)
            case Arithmetic(op="/" | "//") if constant(node.right) == 0:
                raise scope.error(node.right.span, f"{what}: division by zero")
            case Calculation():
                _check_calculation(scope, node, what)
            case _:
                pass


def _check_calculation(scope: RuleScope, value: Calculation, what: str) -> None:
    """Refuse an unknown function, a wrong number of arguments, and a multiple of zero."""
    function = FUNCTIONS.get(value.function)
    if function is None:
        if value.function in scope.rules or value.function in scope.vocabulary.signatures:
            part = f"{what}: arguments hold values, but got {value.function!r}, a part of a network"
            raise scope.error(value.span, part)
        hint = nearest(value.function, FUNCTIONS) or f"; functions are {', '.join(FUNCTIONS)}"
        raise scope.error(value.span, f"{what}: unknown function {value.function!r}{hint}")
    given = len(value.arguments)
    if not fits(function, given):
        raise scope.error(value.span, f"{what}: {value.function} is written {function.text}, but got {given} arguments")
    if value.function in ("round", "divisible"):
        for multiple in value.arguments[1:]:
            number = constant(multiple)
            if number is not None and number <= 0:
                raise scope.error(multiple.span, f"{what}: a multiple must be above 0, but got {number}")


def _check_range(scope: RuleScope, value: Range, what: str) -> None:
    low, high, step = constant(value.low), constant(value.high), constant(value.step)
    if low is not None and high is not None and low > high:
        raise scope.error(value.span, f"{what}: a range must not decrease, but got {low}..{high}; swap its ends")
    if value.geometric:
        if step is not None and step <= 1:
            raise scope.error(value.step.span, f"{what}: a range's factor must be above 1, but got {step}")
        if low is not None and low <= 0:
            raise scope.error(value.low.span, f"{what}: a range with a factor must begin above 0, but got {low}")
    elif value.step == Number(1) and not (_whole(low) and _whole(high)):
        raise scope.error(
            value.span,
            f"{what}: a range of fractions needs a step, but got {value_text(value)}; write {value_text(value)}:0.1 "
            "or list the values",
        )
    elif step is not None and step <= 0:
        raise scope.error(value.step.span, f"{what}: a range's step must be above 0, but got {step}")
    elif low is not None and high is not None and step is not None and (high - low) / step >= MOST_OPTIONS:
        raise scope.error(
            value.span, f"{what}: a range holds at most {MOST_OPTIONS} values; give a step, as in {low}..{high}:8"
        )


def _whole(number: float | None) -> bool:
    """Return False for a number that is known not to be whole."""
    return number is None or number == int(number)
