"""A command's result, to be printed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

__all__ = ["LazyDocument", "LazyLines", "Printout"]


class LazyDocument(Mapping[str, Any]):
    """A document that is worked out when it is first read: long lists take longer to write than to show."""

    def __init__(self, make: Callable[[], Mapping[str, Any]]) -> None:
        """Remember how to make it."""
        self._make = make

    @cached_property
    def _made(self) -> Mapping[str, Any]:
        return self._make()

    def __getitem__(self, name: str) -> Any:
        """Return the value of a key."""
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys."""
        return iter(self._made)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._made)


class LazyLines(Sequence[str]):
    """Lines that are worked out when they are first read."""

    def __init__(self, make: Callable[[], Sequence[str]]) -> None:
        """Remember how to make them."""
        self._make = make

    @cached_property
    def _made(self) -> Sequence[str]:
        return self._make()

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        """Return one line, or several."""
        return self._made[place]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self._made)


@dataclass(frozen=True, slots=True, kw_only=True)
class Printout:
    """A command's result, to be printed."""

    lines: Sequence[str]
    """For people."""
    document: Mapping[str, Any]
    """The same for `--json`: fractions are fractions."""
    command: str
    """Name of the document's schema (`budgetnet.api.schemas.commands`)."""
    notes: Sequence[str] = ()
    """Messages beside the lines, for stderr; the document holds their facts."""
    ok: bool = True
    """False if a check that was asked for failed."""
    interrupted: bool = False
    """True if the user ended the work before it was done."""
