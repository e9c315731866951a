"""Arithmetic of the language: operators and functions of numbers.

A result that is a whole number is one, whatever it came from: ``32*0.75`` is 24, ``7/2`` is 3.5 and ``8/2`` is 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple, assert_never

from budgetnet.grammar.syntax import Operator

__all__ = ["FUNCTIONS", "NumberFunction", "fits", "operate"]

DIGITS = 9
"""Decimal digits that are kept: 0.1*30 is 3, although its product of binary fractions is not."""


class NumberFunction(NamedTuple):
    """A function of numbers."""

    text: str
    """As it is written."""
    help: str
    least: int
    """Number of arguments, at least."""
    most: int | None
    """At most; None for any number."""
    compute: Callable[..., float]


def fits(function: NumberFunction, arguments: int) -> bool:
    """Return True if a function takes that number of arguments."""
    return function.least <= arguments and (function.most is None or arguments <= function.most)


def operate(operator: Operator, left: float, right: float) -> int | float:
    """Return the result of an operator.

    Raises:
        ZeroDivisionError: *right* is 0 in a division.
    """
    match operator:
        case "+":
            return exact(left + right)
        case "-":
            return exact(left - right)
        case "*":
            return exact(left * right)
        case "/":
            return exact(left / right)
        case "//":
            return left // right
        case _:
            assert_never(operator)


def exact(number: float) -> int | float:
    """Return a number without the rounding of binary fractions, as an int if it is whole."""
    if not math.isfinite(number):
        return number
    rounded = round(number, DIGITS)
    return int(rounded) if rounded == int(rounded) else rounded


def _round(number: float, multiple: float = 1) -> int | float:
    return exact(math.floor(exact(number / multiple) + 0.5) * multiple)


def _divisible(number: float, multiple: float) -> int | float:
    nearest = max(multiple, _round(number, multiple))
    return nearest if nearest >= 0.9 * number else exact(nearest + multiple)


FUNCTIONS: dict[str, NumberFunction] = {
    "max": NumberFunction("max(a, b, …)", "the largest", 1, None, lambda *numbers: max(numbers)),
    "min": NumberFunction("min(a, b, …)", "the smallest", 1, None, lambda *numbers: min(numbers)),
    "round": NumberFunction(
        "round(a)", "the nearest whole number, or multiple in `round(a, 8)`; halves go up", 1, 2, _round
    ),
    "divisible": NumberFunction(
        "divisible(a, 8)",
        "the nearest multiple, but at least one multiple and at least 90 % of a, as MobileNetV2's authors round widths "
        "(Sandler et al. 2018, arXiv 1801.04381)",
        2,
        2,
        _divisible,
    ),
}
"""Functions by name."""
