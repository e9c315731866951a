"""Numbers as people write them, read in the same way in study files, recipes and options.

    200k   0.2M   2e5   200_000   200,000   80%   12kB   64KiB

Units are powers of 1000 and may be written in either case; ``%`` is a hundredth. For bytes, units may end
with ``B``, and those with ``iB`` are powers of 1024. Times are written in their own units only: ``5ms``.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

__all__ = ["BYTE_UNITS", "TIME_UNITS", "UNITS", "number_text", "read_number", "read_time", "time_text"]

_LETTERS = "kMGTP"

UNITS = {letter: 1000**power for power, letter in enumerate(_LETTERS, 1)}
"""Units that may follow any number, besides ``%``."""

BYTE_UNITS = {
    "B": 1,
    **{f"{letter}B": 1000**power for power, letter in enumerate(_LETTERS, 1)},
    **{f"{letter.upper()}iB": 1024**power for power, letter in enumerate(_LETTERS, 1)},
}
"""Units that may follow a number of bytes, besides `UNITS`."""

TIME_UNITS = {"s": Fraction(1), "ms": Fraction(1, 1000), "us": Fraction(1, 1_000_000)}
"""Units of a time, in seconds, one of which must follow its number."""

_SHAPE = re.compile(
    r"""\s*
    (?P<digits>
        [+-]?
        (?: (?: [0-9]{1,3} (?:,[0-9]{3})+ | [0-9][0-9_]* ) (?:\.[0-9]*)?  |  \.[0-9]+ )
        (?: [eE][+-]?[0-9]{1,3} )?
    )
    \s* (?P<unit> %|[A-Za-z]* ) \s*""",
    re.VERBOSE,
)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*[A-Za-z%]*\s*")
_LONGEST = 100
"""Maximum length of a number in characters; reading very long ones is slow."""


def read_number(text: str, *, in_bytes: bool = False) -> int | float:
    """Return the number that *text* represents: an int if it is whole, otherwise the nearest float.

    Args:
        text: digits with or without ``_`` or ``,`` between thousands, a decimal point, an exponent and a unit.
        in_bytes: True allows units of memory.

    Raises:
        ValueError: it is not a number. The message is advice on how to write it, or empty.
    """
    match = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError("write a decimal point, not a comma" if _DECIMAL_COMMA.fullmatch(text) else "")
    digits, unit = match["digits"].replace("_", "").replace(",", ""), match["unit"]
    if unit == "%":
        # Rounded before and after the division: databases of earlier versions hold shares that were read this way.
        share = float(digits) / 100
        return int(share) if share.is_integer() else share
    factors = {name.lower(): factor for name, factor in (UNITS | (BYTE_UNITS if in_bytes else {})).items()}
    factor = factors.get(unit.lower(), 1 if not unit else None)
    if factor is None:
        legal = [*UNITS, *(BYTE_UNITS if in_bytes else ("%",))]
        raise ValueError(f"the unit {unit!r} is not one of {', '.join(legal)}")
    exact = Fraction(digits) * factor
    try:
        near = float(exact)
    except OverflowError:
        raise ValueError("it is too large") from None
    return int(exact) if exact.denominator == 1 else near


def read_time(text: str) -> float:
    """Return the seconds that a text such as ``5ms`` or ``0.02 s`` represents.

    Raises:
        ValueError: it is not a number with a unit of `TIME_UNITS`. The message is advice, or empty.
    """
    match = _SHAPE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError("")
    digits, unit = match["digits"].replace("_", "").replace(",", ""), match["unit"].lower()
    if unit not in TIME_UNITS:
        problem = f"the unit {match['unit']!r} is not one of" if unit else "add one of the units"
        raise ValueError(f"{problem} {', '.join(TIME_UNITS)}")
    try:
        return float(Fraction(digits) * TIME_UNITS[unit])
    except OverflowError:
        raise ValueError("it is too large") from None


def time_text(seconds: float) -> str:
    """Return a time as `read_time` reads it back: ``0.005`` is ``"5 ms"``.

    >>> time_text(0.005), time_text(0.0123456), time_text(2.5), time_text(0.00042)
    ('5 ms', '12.35 ms', '2.5 s', '420 us')
    """
    unit = "s" if seconds >= 1 else "ms" if seconds >= 0.001 else "us"
    return f"{seconds / float(TIME_UNITS[unit]):.4g} {unit}"


def number_text(value: float) -> str:
    """Return a finite number as `read_number` reads it back: ``200000`` is ``"200,000"``, ``0.4`` is ``"0.4"``."""
    if isinstance(value, float) and (not value.is_integer() or math.fabs(value) >= 1e15):
        return repr(value)
    return f"{int(value):,}"
