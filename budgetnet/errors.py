"""The errors that budgetnet raises on purpose: one base class and one subclass per stage.

The command line turns any of them into one message and an exit code: 2 if the request was wrong
(a typo, an impossible shape, a missing file), 1 if the request was valid and the work failed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "BudgetnetError",
    "CountError",
    "DataError",
    "ExportError",
    "LanguageError",
    "RequestError",
    "SearchError",
    "ShapeError",
    "StudyError",
    "TrainingError",
    "closest",
    "nearest",
]


class BudgetnetError(Exception):
    """Base class of all expected failures; the message is complete and ends with what to do next."""

    exit_code = 1


class RequestError(BudgetnetError):
    """The request is wrong; nothing was started."""

    exit_code = 2


class LanguageError(RequestError):
    """A grammar's or network's text is wrong; the message holds file, line, column and a caret."""


class ShapeError(RequestError):
    """A network cannot be applied to its input; the message names the place in the network."""


class StudyError(RequestError):
    """A study file is wrong; the message holds file, line and the nearest legal key."""


class DataError(RequestError):
    """A data set is missing or damaged; the message says which files to put where."""


class CountError(BudgetnetError):
    """fvcore met an operator that is neither counted nor known to be free."""


class TrainingError(BudgetnetError):
    """Training cannot continue (out of memory, unusable device)."""


class SearchError(BudgetnetError):
    """The search cannot continue (storage damaged, nothing fits the budget)."""


class ExportError(BudgetnetError):
    """The exported network does not behave like the trained one."""


def closest(name: str, legal: Iterable[str]) -> str | None:
    """Return the word of *legal* that is most like *name*, or None if none is close."""
    found = difflib.get_close_matches(name, [str(word) for word in legal], n=1, cutoff=0.5)
    return found[0] if found else None


def nearest(name: str, legal: Iterable[str]) -> str:
    """Return ``"; did you mean 'dwconv'?"`` for the closest of *legal*, or ``""`` if none is close."""
    found = closest(name, legal)
    return f"; did you mean {found!r}?" if found else ""
