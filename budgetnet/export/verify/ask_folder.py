"""Runs the folder's check in a process of its own, where budgetnet cannot be imported."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from budgetnet.errors import ExportError
from budgetnet.export.verify import folder_check

__all__ = ["FolderCheck", "ask_folder", "write_check"]

_SCRIPT = Path(folder_check.__file__)

TIMEOUT = 600
"""Seconds that the process may take, most of them for loading libraries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCheck:
    """One check of a folder."""

    check: str
    """A file, or what was checked."""
    holds: bool | None
    """None: it could not be made here."""
    text: str
    """Its result in words, or the reason."""
    difference: float | None = None
    """Largest difference between numbers, where numbers were compared."""

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"check": self.check, "holds": self.holds, "text": self.text, "difference": self.difference}


def write_check(folder: Path, *, pte: bool, pictures: bool) -> None:
    """Put the check into a folder, as ``verify.py``, with the files that its formats need.

    Args:
        folder: the folder.
        pte: it holds an ExecuTorch program.
        pictures: it stores a picture before and after its conversion.
    """
    shutil.copyfile(_SCRIPT, folder / "verify.py")
    for name in (*(["run_pte.py"] if pte else []), *(["convert_picture.py"] if pictures else [])):
        shutil.copyfile(_SCRIPT.with_name(name), folder / name)


def ask_folder(folder: Path, *, manifest: bool = True) -> tuple[FolderCheck, ...]:
    """Return the checks of a folder, in their order; only the last one may fail.

    The script is the one of this package, not the folder's own copy. It runs the folder's ``network.py``.

    Args:
        folder: the exported folder.
        manifest: compare the files with the manifest, too.

    Raises:
        ExportError: the process failed or took too long.
    """
    # -P: nothing of the script's own folder can be imported by accident.
    command = [sys.executable, "-P", str(_SCRIPT), str(folder.absolute()), "--json"]
    # As many threads as here, so that sums are taken in the same order.
    command += ["--threads", str(torch.get_num_threads()), *([] if manifest else ["--without-manifest"])]
    with tempfile.TemporaryDirectory(prefix="budgetnet-check-") as place:
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter and script
                command, capture_output=True, text=True, cwd=place, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise ExportError(f"{folder} was not checked within {TIMEOUT} s; run its verify.py by hand") from error
    try:
        found = json.loads(done.stdout)["checks"]
    except (ValueError, KeyError) as error:
        said = done.stderr.strip().splitlines()
        raise ExportError(
            f"the check of {folder} did not end ({said[-1] if said else 'no message'}); run its verify.py by hand"
        ) from error
    return tuple(FolderCheck(**check) for check in found)
