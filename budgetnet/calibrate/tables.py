"""The files that a calibration leaves beside its record: its table, as text and as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

from budgetnet.calibrate.document import calibration_document
from budgetnet.calibrate.judge import Judgement
from budgetnet.calibrate.text import calibration_text
from budgetnet.errors import SearchError
from budgetnet.text import ESCAPES

__all__ = ["write_tables"]


def write_tables(judged: Judgement) -> None:
    """Write ``calibration.txt`` and ``calibration.json`` into the run folder, whole or not at all.

    Raises:
        SearchError: a file cannot be written.
    """
    folder = judged.calibrated.folder
    document = json.dumps(calibration_document(judged), indent=2, ensure_ascii=False, allow_nan=False)
    _write(folder / "calibration.txt", "\n".join(calibration_text(judged)) + "\n")
    _write(folder / "calibration.json", document + "\n")


def _write(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8", errors=ESCAPES)
        partial.replace(path)
    except OSError as error:
        raise SearchError(f"{path} cannot be written ({error.strerror}); choose another folder with --out") from error
