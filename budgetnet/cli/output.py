"""Two channels: data goes to stdout, talk to stderr, so that a pipe carries data alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from budgetnet.api.pages import Answer

__all__ = ["put", "say", "tell", "tell_json"]


def say(text: str) -> None:
    """Write talk (progress, warnings, errors) to stderr."""
    typer.echo(text, err=True)


def tell(text: str | Iterable[str]) -> None:
    """Write data to stdout: a text, or lines."""
    typer.echo(text if isinstance(text, str) else "\n".join(text))


def tell_json(document: Any) -> None:
    """Write one JSON document to stdout; a value that JSON cannot hold (NaN, infinity) is an error."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))


def put(answer: Answer, *, as_json: bool) -> None:
    """Print a command's answer, and end with its exit code: 1 if a check failed, 130 if it was interrupted."""
    if as_json:
        tell_json(answer.document)
    elif answer.lines:
        tell(answer.lines)
    for note in answer.notes:
        say(note)
    if answer.interrupted:
        say("interrupted; everything is kept, start again to go on")
        raise typer.Exit(130)
    if not answer.ok:
        raise typer.Exit(1)
