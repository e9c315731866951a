"""Options that several commands share, and the readings that typer's own types lack."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

__all__ = [
    "DataDir",
    "Device",
    "Json",
    "Network",
    "Run",
    "Storage",
    "StudyFile",
    "epoch_numbers",
    "image_shape",
    "use_data_directory",
    "worker_number",
]

StudyFile = Annotated[Path, typer.Argument(metavar="STUDY", help="A study file (YAML).", show_default=False)]
Network = Annotated[
    str,
    typer.Argument(metavar="NETWORK", help="A network file, STUDY:best or STUDY:17.", show_default=False),
]
Storage = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The database, e.g. postgresql://…  [default: study.db in the run folder]"),
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


def worker_number(text: str) -> int | None:
    """Read ``--workers``: a whole number from 1, or ``auto`` (None)."""
    if text == "auto":
        return None
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= 1024:
        raise typer.BadParameter(f"must be auto or a whole number from 1 to 1024, but got {text!r}")
    return int(text)


def epoch_numbers(text: str) -> tuple[int, ...]:
    """Read ``--epochs-brief``: whole numbers from 1 with commas between them."""
    if not re.fullmatch(r"\s*[0-9]{1,5}(\s*,\s*[0-9]{1,5})*\s*", text) or 0 in map(int, text.split(",")):
        raise typer.BadParameter(f"must be numbers of epochs from 1 with commas, for example 1,2,4, but got {text!r}")
    return tuple(int(number) for number in text.split(","))


def image_shape(text: str | None) -> tuple[int, int, int] | None:
    """Read ``--input``: channels, height and width, ``3x32x32``."""
    if text is None:
        return None
    sides = re.fullmatch(r"([0-9]{1,5})[x×,]([0-9]{1,5})[x×,]([0-9]{1,5})", text.strip().lower())
    if sides is None or "0" in {side.lstrip("0") or "0" for side in sides.groups()}:
        raise typer.BadParameter(f"must be CHANNELSxHEIGHTxWIDTH, for example 3x32x32, but got {text!r}")
    channels, height, width = (int(side) for side in sides.groups())
    return channels, height, width


def use_data_directory(folder: Path | None) -> None:
    """Let this process and its workers find data sets in *folder*.

    Raises:
        RequestError: it is a file.
    """
    import os

    from budgetnet.errors import RequestError
    from budgetnet.training.data.sources import DATA_VARIABLE

    if folder is None:
        return
    if folder.exists() and not folder.is_dir():
        raise RequestError(f"--data-dir must be a folder, but {folder} is a file")
    os.environ[DATA_VARIABLE] = str(folder.expanduser().absolute())
