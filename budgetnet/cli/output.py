"""Output of commands: results go to stdout, messages to stderr, so that a pipe carries only results."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from itertools import islice
from typing import TYPE_CHECKING, Any, TextIO

import typer

from budgetnet.text import PAGE_WIDTH, fitted

if TYPE_CHECKING:
    from budgetnet.api.pages.printout import Printout

__all__ = ["SAY_THROUGH", "page_width", "put", "say", "tell", "tell_json"]


_LEAST = 40
"""Columns below which text is not broken any further."""
_JOINED = 10_000
"""Pieces of JSON that are joined at a time."""

SAY_THROUGH: ContextVar[Callable[[str], object] | None] = ContextVar("SAY_THROUGH", default=None)
"""Receiver of messages while a live picture is on the terminal, which they would disturb; None at other times."""


def say(text: str) -> None:
    """Write a message (progress, warning, error) to stderr; above the live picture, if there is one."""
    through = SAY_THROUGH.get()
    if through is None:
        typer.echo("\n".join(fitted(text.split("\n"), _terminal_columns(sys.stderr))), err=True)
    else:
        through(text)


def tell(text: str | Iterable[str]) -> None:
    """Write data to stdout: a text, or lines."""
    lines = text.split("\n") if isinstance(text, str) else text
    typer.echo("\n".join(fitted(lines, PAGE_WIDTH.get())))


def page_width() -> int | None:
    """Return the columns of the terminal that stdout is (``COLUMNS`` overrules it); None for a file or a pipe."""
    if "COLUMNS" in os.environ:
        return max(_LEAST, shutil.get_terminal_size().columns)
    return _terminal_columns(sys.stdout)


def _terminal_columns(stream: TextIO) -> int | None:
    try:
        return max(_LEAST, os.get_terminal_size(stream.fileno()).columns)
    except (OSError, ValueError):  # a file, a pipe, or text in memory
        return None


def tell_json(document: Any) -> None:
    """Write one JSON document to stdout; a value that JSON cannot hold (NaN, infinity) is an error."""
    chunks = json.JSONEncoder(indent=2, ensure_ascii=False, allow_nan=False).iterencode(document)
    # Joined now and then: the encoder gives a text for every value, and a long list has a million of them.
    typer.echo("".join(iter(lambda: "".join(islice(chunks, _JOINED)), "")))


def put(answer: Printout, *, as_json: bool) -> None:
    """Print a command's answer, and end with its exit code: 1 if a check failed, 130 if it was interrupted."""
    if as_json:
        from budgetnet.api.schemas.commands import schema_name

        tell_json({"schema": schema_name(answer.command), **answer.document})
    elif answer.lines:
        tell(answer.lines)
    for note in answer.notes:
        say(note)
    if answer.interrupted:
        say("interrupted; everything is kept, start again to continue")
        raise typer.Exit(130)
    if not answer.ok:
        raise typer.Exit(1)
