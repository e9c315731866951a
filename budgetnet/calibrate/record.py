"""The file of a calibration: one JSON object per line, appended when a training ends, so a kill loses only what ran.

The first line says what the file is about, each later one is a network or a training of one. A line counts once its
end is written: half a line, which a killed writer may leave, is cut off when the file is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO

from budgetnet.derivation.decision import Label
from budgetnet.errors import RequestError, SearchError
from budgetnet.records.training_run import TrainingRun
from budgetnet.text import ESCAPES

__all__ = [
    "CALIBRATION_FILE",
    "CalibratedNetwork",
    "CalibrationRun",
    "Header",
    "Recorded",
    "Role",
    "Writer",
    "read_calibration",
]

CALIBRATION_FILE = "calibration.jsonl"
"""Name of the file in a study's run folder."""
CALIBRATION_FORMAT = "budgetnet-calibration/1"

Role = str
"""``brief``: as a trial of the search is trained. ``full``: as a finalist is, but judged on validation images.
In a comparison of recipes: the recipe's name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Everything that all lines of a file have in common."""

    study: str
    seed: int
    """Seed of the draw of networks and of the trainings."""
    draw: str
    """The way networks were drawn, in words."""
    settings: Mapping[str, Mapping[str, Any]]
    """Settings that scores depend on; only a file with equal settings goes on."""
    started: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibratedNetwork:
    """A network that was drawn."""

    index: int
    """From 0, in the order of the draw."""
    hash: str
    """Equal for networks that are the same, however they were derived."""
    arch: str
    """The network in one short line."""
    network: str
    """The network as grammar text, from which it can be built again."""
    decisions: Mapping[str, Label]
    params: int
    flops: int
    """Multiply-adds; one multiply-add counts as one."""
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationRun(TrainingRun):
    """One training of one network. It is judged on validation images; the test images are never read."""

    index: int
    """The network's."""
    hash: str
    arch: str
    network: str
    params: int
    flops: int
    role: Role
    schedule: int
    """Epochs of the whole schedule; more than `epochs` if training broke down."""

    def line(self) -> dict[str, Any]:
        """Return the training as a line of the file holds it."""
        return self.document({name: name for name in _RUN_KEYS})


_RUN_KEYS = (
    "index", "hash", "arch", "network", "params", "flops", "role", "repeat", "schedule", "epochs", "seed",
    "train_losses", "train_accuracies", "validation_losses", "validation_accuracies", "diverged", "seconds", "images",
    "device", "precision", "threads", "workers", "recipe", "environment", "finished",
)  # fmt: skip
"""Fields of a training that a line holds, in its order."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Contents of a file."""

    header: Header | None = None
    networks: tuple[CalibratedNetwork, ...] = ()
    runs: tuple[CalibrationRun, ...] = ()


_Line = Header | CalibratedNetwork | CalibrationRun
_KINDS: dict[str, type[_Line]] = {"calibration": Header, "network": CalibratedNetwork, "run": CalibrationRun}


def read_calibration(path: Path) -> Recorded:
    """Return what a file holds; nothing where there is none.

    Raises:
        SearchError: it cannot be read, or is no such file.
    """
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return Recorded()
    except OSError as error:
        raise SearchError(f"{path} cannot be read ({error.strerror}); choose another folder with --out") from error
    lines = [_read(line, path, number) for number, line in enumerate(_whole_lines(text), start=1)]
    header = lines[0] if lines else None
    if lines and not isinstance(header, Header):
        raise _damaged(path, 1, "the first line must say what the file is about")
    assert header is None or isinstance(header, Header)
    return Recorded(
        header=header,
        networks=tuple(line for line in lines if isinstance(line, CalibratedNetwork)),
        runs=tuple(line for line in lines if isinstance(line, CalibrationRun)),
    )


def _whole_lines(text: bytes) -> list[bytes]:
    return text[: text.rfind(b"\n") + 1].splitlines()


def _read(line: bytes, path: Path, number: int) -> _Line:
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        kind = _KINDS[document.pop("kind")]
        if kind is Header and document.pop("format") != CALIBRATION_FORMAT:
            raise KeyError("format")
        # Fields that a later version added are ignored.
        names = _RUN_KEYS if kind is CalibrationRun else [field.name for field in fields(kind)]
        values: dict[str, Any] = {name: document[name] for name in names}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        return kind(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, number, str(error) or "unreadable") from error


def _damaged(path: Path, number: int, what: str) -> SearchError:
    return SearchError(
        f"{path}:{number}: this is not a line of a {CALIBRATION_FORMAT} file ({what}); move the file away to start "
        "over, or delete the line to train again what it held"
    )


class Writer:
    """Appends lines, each of them on disk before the next thing happens."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, *lines: _Line) -> None:
        """Append lines, all or none of them as far as a kill is concerned."""
        kinds = {kind: name for name, kind in _KINDS.items()}
        text = b""
        for line in lines:
            about = {"kind": kinds[type(line)]} | ({"format": CALIBRATION_FORMAT} if isinstance(line, Header) else {})
            held = line.line() if isinstance(line, CalibrationRun) else asdict(line)
            text += json.dumps(about | held, ensure_ascii=False, allow_nan=False).encode(errors=ESCAPES) + b"\n"
        try:
            self._file.write(text)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise SearchError(
                f"{self._file.name} cannot be written to ({error.strerror}); make room, then start again: the "
                "calibration goes on"
            ) from error

    @classmethod
    @contextmanager
    def opened(cls, path: Path) -> Iterator[Writer]:
        """Open a file for one process alone, cut off half a line at its end, and close it in the end.

        Raises:
            RequestError: the folder cannot be written to.
            SearchError: another process is at work on the file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab+", buffering=0)
        except OSError as error:
            raise RequestError(
                f"the record cannot be kept in {path} ({error.strerror or error}); choose another folder with --out"
            ) from error
        with file:
            _lock(file, path)
            file.seek(0)
            text = file.read()
            whole = text.rfind(b"\n") + 1
            if whole < len(text):
                file.truncate(whole)
            file.seek(0, os.SEEK_END)
            yield cls(file)


def _lock(file: Any, path: Path) -> None:
    """Keep the file for this process until it is closed; a killed process holds nothing."""
    with suppress(ImportError):  # not on Windows, where two processes must not calibrate one study at once
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SearchError(
                f"another process is at work on {path}; wait for it, or choose another folder with --out"
            ) from error
