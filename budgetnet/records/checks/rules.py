"""Rules for the values of records: each attribute's form, and the sentence about one that breaks it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from budgetnet.errors import SearchError

__all__ = ["FULL_TRAINING_RULES", "TRIAL_RULES", "DamagedRecordError", "Unreadable", "broken"]

SHOWN = 40
"""Letters of a value that are shown."""


class DamagedRecordError(SearchError):
    """A record holds what cannot be; the message is one line that names the record and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stands for a value that could not be read at all."""

    text: str
    """The value as it is stored."""


_LABELS = {str, int, float, bool}
"""Kinds of labels in JSON."""

_Rule = tuple[str, Callable[[object], bool]]
"""The form in words, and a function that tells whether a value has it."""


def _text(value: object) -> bool:
    return isinstance(value, str)


def _count(value: object) -> bool:
    if type(value) is int:  # as most are
        return value >= 0
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and math.isfinite(value)


def _fraction(value: object) -> bool:
    if type(value) is float:  # as most are
        return 0 <= value <= 1
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _mapping(value: object) -> bool:
    return isinstance(value, Mapping)


def _counts(value: object) -> bool:
    return isinstance(value, Mapping) and all(_count(each) for each in value.values())


def _labels(value: object) -> bool:
    return isinstance(value, Mapping) and set(map(type, value.values())) <= _LABELS


def _list_of(each: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list | tuple) and all(each(one) for one in value)


def _or_null(rule: _Rule) -> _Rule:
    return f"{rule[0]} or null", lambda value: value is None or rule[1](value)


_TEXT: _Rule = ("a text", _text)
_COUNT: _Rule = ("a whole number of at least 0", _count)
_NUMBER: _Rule = ("a number", _number)
_SECONDS: _Rule = ("a number of seconds", _time)
_FRACTION: _Rule = ("a fraction from 0 to 1", _fraction)
_FRACTIONS: _Rule = ("a list of fractions from 0 to 1", _list_of(_fraction))
_NUMBERS: _Rule = ("a list of numbers", _list_of(_number))
_MAPPING: _Rule = ("a mapping", _mapping)

TRIAL_RULES: Mapping[str, _Rule] = {
    **dict.fromkeys(
        (
            "outcome", "reason", "arch", "network", "hash", "worker", "owner", "copied_from", "origin", "note",
            "latency_on",
        ),
        _TEXT,
    ),
    "decisions": ("a mapping of decisions to options", _labels),
    **dict.fromkeys(
        (
            "params", "flops", "activations", "peak_activation_bytes", "depth", "receptive_field",
            "epochs", "seed", "duplicate_of", "redo_of",
        ),
        _COUNT,
    ),
    "flash": _or_null(_COUNT),
    "ram": _or_null(_COUNT),
    "latency": _or_null(_SECONDS),
    "accuracy": _FRACTION,
    "curve": _FRACTIONS,
    "seconds": _SECONDS,
    "rejected_before": ("a mapping of reasons to counts", _counts),
    "training": _MAPPING,
}  # fmt: skip
"""Form of each attribute of a trial."""

FULL_TRAINING_RULES: Mapping[str, _Rule] = {
    "trial": _COUNT,
    "run": _COUNT,
    "workers": _COUNT,
    "seed": _COUNT,
    "recipe": _MAPPING,
    "test_accuracy": _or_null(_FRACTION),
    "test_accuracy_flip": _or_null(_FRACTION),
    "test_loss": _or_null(_NUMBER),
    "test_images": _or_null(_COUNT),
    "losses": _NUMBERS,
    "diverged": _or_null(_TEXT),
    "failed": _or_null(_TEXT),
    "epochs": _COUNT,
    "seconds": _SECONDS,
    "device": _TEXT,
    "precision": _TEXT,
    "threads": _COUNT,
    "weights": _or_null(_TEXT),
    "environment": _or_null(_MAPPING),
    "finished": _TEXT,
    "train_accuracies": _NUMBERS,
    "validation_losses": _NUMBERS,
    "validation_accuracies": _FRACTIONS,
    "test_losses": _NUMBERS,
    "test_accuracies": _FRACTIONS,
    "reading": _or_null(_MAPPING),
    "after": _or_null(_COUNT),
}
"""Form of each key of a full training's document."""


def broken(values: Mapping[str, object], rules: Mapping[str, _Rule]) -> str | None:
    """Return what is wrong with the first value that breaks its rule, as a clause; None if all is well.

    Keys without a rule are passed over: a later version may have added them.
    """
    for name, value in values.items():
        rule = rules.get(name)
        if rule is None:
            continue
        if not rule[1](value):
            if isinstance(value, Unreadable):
                return f"{name!r} is not JSON: {_shown(value.text)}"
            return f"{name!r} must be {rule[0]}, but is {_shown(repr(value))}"
    return None


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}…"
