"""One key: its meaning, its rule in words, and how its value is read and checked."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from budgetnet.errors import StudyError, nearest
from budgetnet.numbers import number_text, read_number, read_time, time_text

__all__ = ["REQUIRED", "BadValueError", "Key", "Kind"]

REQUIRED: Any = dataclasses.MISSING
"""Marks a key without a default, which must be given."""

Kind = Literal["whole", "bytes", "number", "share", "time", "flag", "word", "text", "path", "paths", "section", "own"]
"""The way a value is written. ``own``: in a form that only this key has, read by a separate function."""

_NUMBERS: dict[Kind, str] = {
    "whole": "a whole number",
    "bytes": "a whole number",
    "number": "a number",
    "share": "a share",
}


class BadValueError(StudyError):
    """A value breaks the rule of its key; a caller that knows the key's place in a file adds it."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(key, problem)
        self.key = key
        """The key's name; with dots if it is in a section."""
        self.problem = problem
        """The rest of the sentence: the rule, what came, and what to do."""

    def __str__(self) -> str:
        return f"{self.key} {self.problem}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key: what it means and which values are legal."""

    name: str = ""
    """The key as written in a study file."""
    field: str = ""
    """The name of the dataclass field."""
    kind: Kind = "own"
    help: str
    """Its meaning. The first sentence is an option's help."""
    default: Any = None
    left_out: str = ""
    """The effect of leaving the key out, in words, if the default alone does not show it."""
    optional: bool = False
    """True if None is a legal value; it is then the default."""
    auto: bool = False
    """True if the word ``auto`` gives None."""
    low: float | None = None
    """Lower bound, inclusive."""
    above: float | None = None
    """Lower bound, exclusive."""
    high: float | None = None
    """Upper bound, inclusive."""
    below: float | None = None
    """Upper bound, exclusive."""
    words: tuple[str | int, ...] = ()
    """The legal words."""
    own_rule: str = ""
    """The rule for a value, if kind and bounds do not give it."""
    unit: str = ""
    """Unit of a number."""
    example: str = ""
    """A legal value, as YAML writes it."""
    also: tuple[str, ...] = ()
    """Names of the same setting in other tools."""

    @property
    def rule(self) -> str:
        """The rule for a value, in words that follow "must be"."""
        if self.own_rule:
            return self.own_rule
        match self.kind:
            case "whole" | "bytes" | "number" | "share":
                rule = " ".join(part for part in (_NUMBERS[self.kind], self._bounds()) if part)
                rule += ", such as 85% or 0.85" if self.kind == "share" else ""
            case "time":
                sides = (("above", self.above), ("and at most", self.high))
                told = " ".join(
                    f"{word} {time_text(bound) if bound else 0}" for word, bound in sides if bound is not None
                )
                rule = f"a time {told} with its unit, such as {self.example or '5ms'}"
            case "flag":
                rule = "true or false"
            case "word":
                rule = f"{'one of ' if len(self.words) > 1 else ''}{', '.join(map(str, self.words))}"
            case "path":
                rule = "the path of a file"
            case "paths":
                rule = "the path of a file, or a list of such paths"
            case "section":
                rule = "a mapping"
            case _:
                rule = "a text"
        return f"auto or {rule}" if self.auto else rule

    def _bounds(self) -> str:
        if self.low is not None and self.high is not None:
            return f"from {number_text(self.low)} to {number_text(self.high)}"
        sides = (
            ("of at least", self.low),
            ("above", self.above),
            ("below", self.below),
            ("at most", self.high),
        )
        return " and ".join(f"{word} {number_text(bound)}" for word, bound in sides if bound is not None)

    def read(self, value: object) -> Any:
        """Return a value of the field's type from a text or from a value of another type.

        Raises:
            BadValueError: it is not what the key's rule says.
        """
        if not isinstance(value, str):
            found = self._number(value) if isinstance(value, int | float) else value
            self.check(found)
            return found
        if self.auto and value == "auto":
            return None
        match self.kind:
            case "whole" | "bytes" | "number" | "share":
                return self._read_number(value)
            case "time":
                return self._read_time(value)
            case "flag" if value in ("true", "false"):
                return value == "true"
            case "word" if value in map(str, self.words):
                return next(word for word in self.words if str(word) == value)
            case "flag" | "word":
                raise self.bad(value, nearest(value.lower(), map(str, self.words)))
            case _:
                return value

    def _number(self, value: float) -> float:
        """Return a number in the type of the field: 1 as 1.0 if the field is a float, 2e5 as 200000 if it is an int."""
        if self.kind in ("number", "share", "time") and not isinstance(value, bool):
            return float(value)
        if self.kind in ("whole", "bytes") and isinstance(value, float) and value.is_integer():
            return int(value)
        return value

    def _read_number(self, text: str) -> float:
        try:
            value = self._number(read_number(text, in_bytes=self.kind == "bytes"))
        except ValueError as error:
            inside = self.name.startswith("@") or " " in self.name  # a part of an option's value: --budget params=200k
            between = "=" if inside else " " if self.name.startswith("-") else ": "
            example = self.shown_example and f"write for example {self.name}{between}{self.shown_example}"
            advice = str(error) or example
            raise self.bad(text, advice and f"; {advice}") from None
        if not self._legal(value):
            percent = self.kind == "share" and 1 <= value < 100 and "%" not in text
            raise self.bad(text, f"; {text.strip()} percent is written {text.strip()}%" if percent else "")
        return value

    def _read_time(self, text: str) -> float:
        try:
            value = read_time(text)
        except ValueError as error:
            raise self.bad(text, f"; {error}" if str(error) else "") from None
        if not self._legal(value):
            raise self.bad(text)
        return value

    def check(self, value: object) -> None:
        """Refuse a value that the key's rule does not allow.

        Raises:
            BadValueError: it is not what the key's rule says.
        """
        if not self._legal(value):
            hint = nearest(str(value).lower(), map(str, self.words)) if self.kind == "word" else ""
            raise self.bad(value, hint)

    def _legal(self, value: object) -> bool:
        if value is None:
            return self.optional
        match self.kind:
            case "whole" | "bytes":
                return isinstance(value, int) and not isinstance(value, bool) and self._within(value)
            case "number" | "share" | "time":
                number = isinstance(value, int | float) and not isinstance(value, bool)
                return number and math.isfinite(value) and self._within(value)  # type: ignore[arg-type]
            case "flag":
                return isinstance(value, bool)
            case "word":
                return isinstance(value, str | int) and not isinstance(value, bool) and value in self.words
            case _:
                return True

    def _within(self, value: float) -> bool:
        return (
            (self.low is None or value >= self.low)
            and (self.above is None or value > self.above)
            and (self.high is None or value <= self.high)
            and (self.below is None or value < self.below)
        )

    def bad(self, value: object, advice: str = "") -> BadValueError:
        """Return the error that *value* breaks the rule, with *advice* at its end."""
        return BadValueError(self.name, f"must be {self.rule}, but got {value!r}{advice}")

    @property
    def required(self) -> bool:
        """True if the key must be given."""
        return self.default is REQUIRED and not self.left_out

    @property
    def shown_default(self) -> str:
        """The default as the documentation shows it; empty if the key is required."""
        return self.left_out or ("" if self.required else self._written_default())

    def _written_default(self) -> str:
        """The default as written in YAML; empty if it is not a single word."""
        match self.default:
            case bool():
                return str(self.default).lower()
            case int() | float():
                return f"{self.default:g}" if isinstance(self.default, float) else number_text(self.default)
            case str():
                return self.default
            case _:
                return "auto" if self.auto else ""

    @property
    def shown_example(self) -> str:
        """A legal value, as written in YAML; empty if none is known."""
        return self.example or self._written_default()
