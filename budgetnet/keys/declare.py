"""The keys of a study file, each declared once: as a field of the dataclass that holds its value.

::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Recipe:
        epochs: int = key(12, "Passes over the train images.", low=1, unit="epochs", also=("n_epochs",))

This line determines the reading of the study file and its errors, the hints for misspelt keys, the JSON Schema, the
page docs/study-file.md, and the bounds and the help of an option such as ``--epochs``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from budgetnet.errors import StudyError, nearest
from budgetnet.keys.key import Key, Kind

__all__ = ["check_keys", "key", "keys_of", "read_values", "unknown_key"]


def key(
    default: Any,
    help: str,  # noqa: A002 - the usual name
    *,
    name: str = "",
    kind: Kind | None = None,
    share: bool = False,
    in_bytes: bool = False,
    left_out: str = "",
    auto: bool = False,
    low: float | None = None,
    above: float | None = None,
    high: float | None = None,
    below: float | None = None,
    rule: str = "",
    unit: str = "",
    example: str = "",
    also: tuple[str, ...] = (),
) -> Any:
    """Declare a dataclass field as a key of the study file.

    Args:
        default: the field's default, or `REQUIRED`.
        help: the key's meaning, in sentences; the first one is also an option's help.
        name: the key, if it is not the field's name.
        kind: the way it is written, if it does not follow from the field's type.
        share: True if a number is a share, which may be written as ``85%`` or ``0.85``.
        in_bytes: True if a whole number counts bytes and may have units such as ``KiB``.
        left_out: the effect of leaving the key out, in words, if the default alone does not show it.
        auto: True if ``auto`` may be written for None.
        low: lower bound, inclusive.
        above: lower bound, exclusive.
        high: upper bound, inclusive.
        below: upper bound, exclusive.
        rule: the rule for a value, if kind and bounds do not give it.
        unit: unit of a number.
        example: a legal value, as written in YAML; the default if empty.
        also: names of the same setting in other tools.
    """
    declared = Key(
        name=name,
        kind=kind or ("share" if share else "bytes" if in_bytes else "own"),
        help=help,
        default=default,
        left_out=left_out,
        auto=auto,
        low=low,
        above=above,
        high=high,
        below=below,
        own_rule=rule,
        unit=unit,
        example=example,
        also=also,
    )
    return dataclasses.field(default=default, metadata={"key": declared})


@cache
def keys_of(owner: type) -> Mapping[str, Key]:
    """Return the keys that a dataclass declares, by name and in order."""
    hints = get_type_hints(owner)
    found: dict[str, Key] = {}
    for field in dataclasses.fields(owner):
        declared: Key | None = field.metadata.get("key")
        if declared is not None:
            complete = _completed(declared, field.name, hints[field.name])
            found[complete.name] = complete
    return found


def _completed(declared: Key, field: str, hint: Any) -> Key:
    """Add what follows from the field's name and type."""
    parts = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    types = [part for part in parts if part is not NoneType]
    only = types[0] if len(types) == 1 else None
    words: tuple[str | int, ...] = get_args(only) if get_origin(only) is Literal else ()
    simple: dict[Any, Kind] = {bool: "flag", int: "whole", float: "number", str: "text", Path: "path"}
    kind: Kind = declared.kind
    if kind == "own":
        if words:
            kind = "word"
        elif get_args(only) == (Path, ...):
            kind = "paths"
        elif dataclasses.is_dataclass(only) and any("key" in part.metadata for part in dataclasses.fields(only)):
            kind = "section"
        else:
            kind = simple.get(only, "own")
    return dataclasses.replace(
        declared,
        name=declared.name or field,
        field=field,
        kind=kind,
        words=words,
        optional=NoneType in parts,
    )


def check_keys(owner: object) -> None:
    """Check every declared field of a dataclass instance.

    Raises:
        BadValueError: a value breaks its key's rule.
    """
    for declared in keys_of(type(owner)).values():  # type: ignore[arg-type]  # mypy considers the class unhashable
        declared.check(getattr(owner, declared.field))


def read_values(owner: type, mapping: Mapping[str, object]) -> dict[str, Any]:
    """Read a mapping of keys to texts or values; return the values by the names of *owner*'s fields.

    Raises:
        BadValueError: a value breaks its key's rule.
        StudyError: an unknown key; the message names the nearest one.
    """
    legal = keys_of(owner)
    for name in mapping:
        if name not in legal:
            raise StudyError(f"a {owner.__name__.lower()} has no key {name!r}{unknown_key(str(name), legal)}")
    return {legal[name].field: legal[name].read(value) for name, value in mapping.items()}


def unknown_key(name: str, legal: Mapping[str, Key]) -> str:
    """Return the hint for an unknown key: the key that was probably meant, or all known keys."""
    usual = next((known for known, declared in legal.items() if name.lower() in declared.also), None)
    if usual is not None:
        return f"; did you mean {usual!r}?"
    return nearest(name, legal) or f"; known keys: {', '.join(legal)}"
