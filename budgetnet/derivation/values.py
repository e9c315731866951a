"""Evaluation of value expressions to numbers and words, one choice at a time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Self, TypeGuard, TypeVar, assert_never

from budgetnet.errors import LanguageError
from budgetnet.grammar import syntax
from budgetnet.grammar.checks.values import MOST_OPTIONS
from budgetnet.grammar.functions import FUNCTIONS, operate
from budgetnet.grammar.printer import value_text
from budgetnet.grammar.source import Span
from budgetnet.ops.signature import Scalar

__all__ = [
    "LARGEST_VALUE",
    "GivenPart",
    "Scope",
    "compared",
    "fail",
    "first_choice",
    "is_constant",
    "labels_of",
    "options_of",
    "substitute",
    "told_apart",
    "value_key",
    "value_of",
    "whole",
]

_Label = TypeVar("_Label", bound=Scalar)

LARGEST_VALUE = 10**15
"""Largest result of arithmetic; a recursive rule that squares its parameter would soon exhaust the memory."""


class GivenPart(str):
    """The value of a parameter that is a part: a rule's name, and where its decisions are kept."""

    __slots__ = ("slot",)

    slot: int
    """Place in `budgetnet.derivation.state.State.tapings`."""

    def __new__(cls, rule: str, slot: int) -> Self:
        """Name a rule."""
        part = super().__new__(cls, rule)
        part.slot = slot
        return part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GivenPart) and str(self) == str(other) and self.slot == other.slot

    def __hash__(self) -> int:
        return hash((str(self), self.slot))


@dataclass(frozen=True, slots=True)
class Scope:
    """A rule being derived: its parameters' values and the depth of recursion."""

    rule: syntax.Rule
    values: tuple[Scalar, ...] = ()
    """In the order of the rule's parameters; shorter while defaults are still being evaluated."""
    depth: int = 0
    """Number of nested calls of recursive rules; always 0 in a grammar without recursion."""
    entry: int | None = None
    """Width at the entry of the innermost skip of the rule; None outside skips, and in skips that do not ask for it."""
    identity: Hashable = field(init=False, repr=False, compare=False)
    """Key for tables, in which ``1``, ``1.0`` and ``True`` differ."""

    def __post_init__(self) -> None:
        identity: Hashable = id(self.rule), tuple((type(value), value) for value in self.values), self.depth
        if self.entry is not None:
            identity = identity, self.entry
        object.__setattr__(self, "identity", identity)


# --- choices ----------------------------------------------------------------------------------------


def first_choice(value: syntax.Value) -> syntax.Choice | syntax.Range | None:
    """Return the leftmost choice in *value* whose own bounds contain no choice, or None."""
    match value:
        case syntax.Choice():
            return value
        case syntax.Range():
            return first_choice(value.low) or first_choice(value.high) or first_choice(value.step) or value
        case syntax.Arithmetic():
            return first_choice(value.left) or first_choice(value.right)
        case syntax.Calculation():
            return next((found for found in map(first_choice, value.arguments) if found is not None), None)
        case syntax.Number() | syntax.Name() | syntax.Text():
            return None
        case _:
            assert_never(value)


def substitute(value: syntax.Value, old: syntax.Value, new: syntax.Value) -> syntax.Value:
    """Return *value* with the node *old* (by identity) replaced by *new*."""
    if value is old:
        return new
    match value:
        case syntax.Arithmetic():
            left, right = substitute(value.left, old, new), substitute(value.right, old, new)
            return value if left is value.left and right is value.right else replace(value, left=left, right=right)
        case syntax.Calculation():
            arguments = tuple(substitute(argument, old, new) for argument in value.arguments)
            unchanged = all(ours is theirs for ours, theirs in zip(arguments, value.arguments, strict=True))
            return value if unchanged else replace(value, arguments=arguments)
        case syntax.Range():
            low, high, step = (substitute(part, old, new) for part in (value.low, value.high, value.step))
            same = low is value.low and high is value.high and step is value.step
            return value if same else replace(value, low=low, high=high, step=step)
        case _:
            return value


def value_key(value: syntax.Value) -> Hashable:
    """Return a key for tables: unlike with equality, choices at two places differ."""
    match value:
        case syntax.Choice():
            return value.site, value
        case syntax.Range():
            return value.site, value_key(value.low), value_key(value.high), value_key(value.step)
        case syntax.Arithmetic():
            return value.op, value_key(value.left), value_key(value.right)
        case syntax.Calculation():
            return value.function, *map(value_key, value.arguments)
        case _:
            return value


def options_of(
    choice: syntax.Choice | syntax.Range, scope: Scope, width: int, classes: int
) -> tuple[syntax.Value, ...]:
    """Return the options of a choice; the options of a range are its numbers.

    Raises:
        LanguageError: if a range is empty or endless, or has too many values.
    """
    if isinstance(choice, syntax.Choice):
        return choice.options
    bounds = [value_of(part, scope, width, classes) for part in (choice.low, choice.high, choice.step)]
    low, high, step = bounds
    if not (_is_number(low) and _is_number(high) and _is_number(step)):
        raise fail(scope, choice.span, f"a range needs numbers, but got {low!r}..{high!r}")
    if low > high:
        raise fail(scope, choice.span, f"a range must not decrease, but got {low}..{high}")
    if choice.geometric and (step <= 1 or low <= 0):
        raise fail(
            scope, choice.span, f"a range with a factor must start above 0 and grow, but got {low}..{high}*{step}"
        )
    if not choice.geometric and step <= 0:
        raise fail(scope, choice.span, f"a range's step must be above 0, but got {low}..{high}:{step}")
    numbers = _numbers(low, high, step, choice.geometric, choice.span)
    if len(numbers) > MOST_OPTIONS:
        raise fail(scope, choice.span, f"a range holds at most {MOST_OPTIONS:,} values; take a larger step")
    return numbers


@lru_cache(maxsize=4096, typed=True)
def _numbers(low: float, high: float, step: float, geometric: bool, span: Span) -> tuple[syntax.Number, ...]:
    """Return the numbers of a range, at most `MOST_OPTIONS` + 1; cached, because derivations need them often."""
    numbers: list[syntax.Number] = []
    number = low
    while number <= high or (isinstance(number, float) and number <= high * (1 + 1e-9)):
        numbers.append(syntax.Number(number, span))
        if len(numbers) > MOST_OPTIONS:
            break
        # An arithmetic range is computed from its start, so that steps of 0.1 do not drift.
        number = number * step if geometric else low + len(numbers) * step
        if isinstance(number, float):
            number = round(number, 12)
    return tuple(numbers)


@lru_cache(maxsize=4096)
def labels_of(options: tuple[syntax.Value, ...]) -> tuple[Scalar, ...]:
    """Return the options' names in records: the value of a literal, else the option's text."""
    labels: list[Scalar] = []
    for option in options:
        label: Scalar
        match option:
            case syntax.Number() | syntax.Text():
                label = option.value
            case syntax.Name(id="true" | "false"):
                label = option.id == "true"
            case syntax.Name():
                label = option.id
            case _:
                label = value_text(option)
        labels.append(label)
    return told_apart(labels)


def told_apart(labels: Sequence[_Label]) -> tuple[_Label | str, ...]:
    """Return the labels, with ``(again)``, ``(again 3)`` … after repeated ones; 1 and 1.0 differ."""
    times: dict[tuple[type, Scalar], int] = {}
    found: list[_Label | str] = []
    for label in labels:
        word: _Label | str = label
        while (type(word), word) in times:
            times[type(label), label] += 1
            count = times[type(label), label]
            word = f"{label} (again)" if count == 2 else f"{label} (again {count})"
        times[type(word), word] = 1
        found.append(word)
    return tuple(found)


def is_constant(value: syntax.Value) -> bool:
    """Return True if a value is the same in every derivation (numbers, texts and arithmetic on them)."""
    match value:
        case syntax.Number() | syntax.Text():
            return True
        case syntax.Arithmetic():
            return is_constant(value.left) and is_constant(value.right)
        case syntax.Calculation():
            return all(map(is_constant, value.arguments))
        case _:
            return False


def compared(condition: syntax.Condition, scope: Scope, width: int, classes: int) -> bool:
    """Return whether a condition holds; raises as `value_of` does, and if ``<`` and the like compare words."""
    left, right = (value_of(side, scope, width, classes) for side in (condition.left, condition.right))
    if condition.op in ("==", "!="):
        return _equal(left, right) is (condition.op == "==")
    if not (_is_number(left) and _is_number(right)):
        raise fail(scope, condition.span, f"{condition.op} compares numbers, but got {left!r} {condition.op} {right!r}")
    match condition.op:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left >= right


def _equal(left: Scalar, right: Scalar) -> bool:
    """Return True if two values are equal; true and 1 are not."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


# --- values without choices -------------------------------------------------------------------------


def value_of(value: syntax.Value, scope: Scope, width: int, classes: int) -> Scalar:
    """Return the number or word of a value without choices.

    Args:
        value: contains no `Choice` and no `Range`.
        scope: the parameters' values.
        width: the value of ``in``: channels (or features) at entry.
        classes: the value of ``classes``.

    Raises:
        LanguageError: for arithmetic on words, division by zero, or numbers beyond `LARGEST_VALUE`.
    """
    match value:
        case syntax.Number() | syntax.Text():
            return value.value
        case syntax.Name():
            return _word(value, scope, width, classes)
        case syntax.Arithmetic():
            left = value_of(value.left, scope, width, classes)
            right = value_of(value.right, scope, width, classes)
            if not _is_number(left) or not _is_number(right):
                raise fail(scope, value.span, f"arithmetic needs numbers, but got {left!r} {value.op} {right!r}")
            return _calculate(value, left, right, scope)
        case syntax.Calculation():
            found = [value_of(argument, scope, width, classes) for argument in value.arguments]
            return _apply(value, found, scope)
        case _:
            raise AssertionError("choices are resolved before evaluation")


def _word(name: syntax.Name, scope: Scope, width: int, classes: int) -> Scalar:
    for parameter, bound in zip(scope.rule.parameters, scope.values, strict=False):
        if parameter.name == name.id:
            return bound
    match name.id:
        case "in":
            return width
        case "classes":
            return classes
        case "entry":
            if scope.entry is None:
                raise fail(scope, name.span, "entry is the width at the entry of a skip, so it stands inside one")
            return scope.entry
        case "true":
            return True
        case "false":
            return False
        case word:
            return word


def whole(value: Scalar) -> TypeGuard[int]:
    """Return True if a value is a whole number (true and false are not)."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Scalar) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _calculate(value: syntax.Arithmetic, left: float, right: float, scope: Scope) -> int | float:
    try:
        result = operate(value.op, left, right)
    except ZeroDivisionError:
        raise fail(scope, value.span, f"a divisor must not be 0, but got {left} {value.op} {right}") from None
    return _within(result, f"{left} {value.op} {right}", scope, value.span)


def _apply(value: syntax.Calculation, arguments: Sequence[Scalar], scope: Scope) -> int | float:
    given = f"{value.function}({', '.join(map(str, arguments))})"
    numbers = [argument for argument in arguments if _is_number(argument)]
    if len(numbers) < len(arguments):
        raise fail(scope, value.span, f"{value.function} needs numbers, but got {given}")
    try:
        result = FUNCTIONS[value.function].compute(*numbers)
    except ZeroDivisionError:
        raise fail(scope, value.span, f"a multiple must not be 0, but got {given}") from None
    return _within(result, given, scope, value.span)


def _within(result: float, text: str, scope: Scope, span: Span) -> int | float:
    if abs(result) > LARGEST_VALUE:
        problem = f"results must be at most {LARGEST_VALUE:.0e}, but got {text}; use smaller numbers"
        raise fail(scope, span, problem)
    return result


def fail(scope: Scope, span: Span, message: str, path: str = "") -> LanguageError:
    """Return an error that points into the rule's text.

    Args:
        scope: the rule.
        span: the place in its text.
        message: what is wrong.
        path: the calls that led to the rule, ``stage#2[0].block``.
    """
    message = f"in rule {scope.rule.name!r}: {message}"
    if path:
        message += f" (at {path})"
    source = scope.rule.source
    return LanguageError(message) if source is None else source.error(span, message)
