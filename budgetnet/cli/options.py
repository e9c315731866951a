"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from budgetnet.errors import RequestError

__all__ = [
    "DataDir",
    "Device",
    "Json",
    "NetworkArgument",
    "Run",
    "Storage",
    "StudyFile",
    "image_shape",
]

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (YAML).", show_default=False)]
NetworkArgument = Annotated[
    str,
    typer.Argument(metavar="NETWORK", help="A network file, STUDY:best or STUDY:17.", show_default=False),
]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Database, e.g. postgresql+psycopg://…  [default: study.db in the run folder]"),
]
Run = Annotated[
    Path | None,
    typer.Option("--run", metavar="DIR", help="The study's run folder.  [default: runs/NAME]", show_default=False),
]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1 … or mps.")]
DataDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where data sets are kept.  [default: $BUDGETNET_DATA or ~/.cache/budgetnet]"),
]
Json = Annotated[bool, typer.Option("--json", help="Write one JSON document to stdout; shares are fractions.")]


_MOST_DIGITS = 5
"""Digits of a side of an image."""


def image_shape(text: str | None) -> tuple[int, int, int] | None:
    """Read ``--input``: channels, height and width, ``3x32x32``.

    Raises:
        RequestError: it is something else.
    """
    if text is None:
        return None
    if re.fullmatch(r"[0-9]+([x×,][0-9]+){2}", text.strip().lower()):
        largest = max(map(len, re.split("[x×,]", text.strip())))
        if largest > _MOST_DIGITS:
            raise RequestError(f"--input is too large: a side has at most 99,999 pixels or channels, but got {text!r}")
    sides = re.fullmatch(r"([0-9]{1,5})[x×,]([0-9]{1,5})[x×,]([0-9]{1,5})", text.strip().lower())
    if sides is None or "0" in {side.lstrip("0") or "0" for side in sides.groups()}:
        raise RequestError(
            f"--input must be CHANNELSxHEIGHTxWIDTH, but got {text!r}; write for example --input 3x32x32"
        )
    channels, height, width = (int(side) for side in sides.groups())
    return channels, height, width
