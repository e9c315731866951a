"""Two channels: data goes to stdout, talk to stderr, so that a pipe carries data alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer

__all__ = ["say", "tell", "tell_json"]


def say(text: str) -> None:
    """Write talk (progress, warnings, errors) to stderr."""
    typer.echo(text, err=True)


def tell(text: str | Iterable[str]) -> None:
    """Write data to stdout: a text, or lines."""
    typer.echo(text if isinstance(text, str) else "\n".join(text))


def tell_json(document: Any) -> None:
    """Write one JSON document to stdout; a value that JSON cannot hold (NaN, infinity) is an error."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
