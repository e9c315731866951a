"""A command's result, to be printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Printout"]


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
