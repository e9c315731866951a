"""Options that take the place of a study's keys, or are read like them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from budgetnet.api.options import PRESET, Budget, Key, Recipe, keys_of, variant_path
from budgetnet.errors import RequestError, nearest

__all__ = [
    "as_variant",
    "count_numbers",
    "epoch_numbers",
    "override",
    "seconds_option",
    "share_option",
    "whole_option",
    "without_auto",
]


def override(owner: type, name: str, *flags: str, left_out: str = "the study's") -> Any:
    """Return an option that takes the place of a study's key: its syntax, bounds and help are the key's.

    Args:
        owner: the dataclass that declares the key.
        name: the key.
        flags: the option's names, if not ``--`` and the key's.
        left_out: what holds without the option.
    """
    declared = PRESET if owner is Recipe and name == PRESET.name else keys_of(owner)[name]
    about = declared.help.split(". ")[0].rstrip(".").replace("`", "")
    if declared.kind == "word":
        about += f": {', '.join(map(str, declared.words))}"
    return _option(declared, flags or (f"--{name.replace('_', '-')}",), f"{about}.  [default: {left_out}]")


def whole_option(*flags: str, help: str, low: int, high: int | None = None) -> Any:  # noqa: A002 - typer's own word
    """Return an option that takes a whole number, written as in a study file."""
    return _option(Key(kind="whole", help=help, low=low, high=high), flags, help)


def seconds_option(*flags: str, help: str) -> Any:  # noqa: A002 - typer's own word
    """Return an option that takes a number of seconds above 0, written as in a study file."""
    return _option(Key(kind="number", help=help, above=0, example="2.5"), flags, help)


def share_option(*flags: str, help: str) -> Any:  # noqa: A002 - typer's own word
    """Return an option that takes a share below 1, written as in a study file: ``0.1%``, ``0.001``."""
    return _option(Key(kind="share", help=help, low=0, below=1), flags, help)


def _option(declared: Key, flags: tuple[str, ...], about: str) -> Any:
    named = replace(declared, name="/".join(flags))
    metavar = {"whole": "N", "number": "X", "share": "SHARE"}.get(declared.kind, "NAME")

    def read(value: Any) -> Any:
        found = named.read(value)
        return value if found is None else found  # the word auto stays, since None is an option that is not given

    return typer.Option(*flags, metavar=f"{metavar}|auto" if declared.auto else metavar, parser=read, help=about)


def as_variant(study: Path, sampler: str | None, budget: str | None, seed: int | None) -> tuple[Path, int | None]:
    """Return the variant of a study with another sampler or budget, and the seed that is left for the search.

    A seed beside them is part of the variant, since trials of different seeds do not belong to one study.

    Raises:
        RequestError: the budget is not written KEY=N.
        StudyError: a number breaks its key's rule.
    """
    bounds = keys_of(Budget)
    values: dict[str, object] = {} if sampler is None else {"sampler": sampler}
    for part in [] if budget is None else budget.split(","):
        key, equals, value = part.partition("=")
        if not equals or not value.strip():
            raise RequestError(f"--budget must be KEY=N, but got {budget!r}; write for example --budget params=100k")
        name = key.strip()
        if name not in bounds:
            raise RequestError(f"--budget has the keys {', '.join(bounds)}, but got {name!r}{nearest(name, bounds)}")
        replace(bounds[name], name=f"--budget {name}").read(value.strip())  # refused in the words of the option
        values[name] = value.strip()
    if not values:
        return study, seed
    return variant_path(study, values if seed is None else {**values, "seed": seed}), None


def without_auto(value: int | str | None) -> int | None:
    """Return what an option that may be ``auto`` stands for in `SearchOptions`: ``auto`` is None."""
    return value if isinstance(value, int) else None


def epoch_numbers(text: str) -> tuple[int, ...]:
    """Read ``--epochs-brief``: numbers of epochs with commas between them.

    Raises:
        RequestError: it is something else.
    """
    epochs = replace(keys_of(Recipe)["epochs"], name="--epochs-brief", example="1,2,4")
    return tuple(int(epochs.read(number)) for number in text.split(","))


def count_numbers(text: str, option: str) -> tuple[int, ...]:
    """Read whole numbers with commas between them, such as ``50k,100k``.

    Raises:
        RequestError: it is something else.
    """
    number = Key(kind="whole", help="", low=1, name=option, example="50k,100k")
    return tuple(int(number.read(part)) for part in text.split(","))
