"""What a calibration keeps: one JSON object a line, appended when a training ends, so that a kill loses what ran only.

The first line says what the file is about, each later one is a network or a training of one. A line counts once its
end is written: half a line, which a killed writer may leave, is cut off when the file is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, BinaryIO, Literal

from budgetnet.derivation.decision import Label
from budgetnet.errors import SearchError

__all__ = ["FILE", "Header", "Network", "Recorded", "Role", "Run", "Writer", "read_calibration"]

FILE = "calibration.jsonl"
"""Name of the file in a study's run folder."""
FORMAT = "budgetnet-calibration/1"

Role = Literal["brief", "full"]
"""brief: as a trial of the search is trained. full: as a finalist is, but judged on validation images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What all lines of a file have in common."""

    study: str
    seed: int
    """Of the draw of networks and of the trainings."""
    draw: str
    """How networks were drawn, in words."""
    settings: Mapping[str, Mapping[str, Any]]
    """What scores depend on; only files with equal settings go on."""
    started: str
    """ISO 8601, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network that was drawn."""

    index: int
    """From 0, in the order of the draw."""
    hash: str
    """Equal for networks that are the same, however they were derived."""
    arch: str
    """The network in one short line."""
    network: str
    """As grammar text; what can be built again."""
    decisions: Mapping[str, Label]
    params: int
    flops: int
    """Multiply-adds; one multiply-add counts as one."""
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One training of one network. Accuracies are fractions; the test images are never read."""

    index: int
    """The network's."""
    hash: str
    arch: str
    network: str
    params: int
    flops: int
    role: Role
    repeat: int
    """From 0; repeats differ in their seed."""
    schedule: int
    """Epochs of the whole schedule."""
    epochs: int
    """Epochs trained; fewer than `schedule` if training broke down."""
    seed: int
    """Of initial weights, order, augmentation and dropout."""
    train_losses: Sequence[float]
    train_accuracies: Sequence[float]
    validation_losses: Sequence[float]
    validation_accuracies: Sequence[float]
    diverged: str | None
    """Why training was given up."""
    seconds: float
    images: int
    """Images seen, over all epochs."""
    device: str
    precision: str
    threads: int
    workers: int
    """Trainings that ran at once on this machine."""
    recipe: Mapping[str, Any]
    environment: Mapping[str, Any]
    """Hardware, versions, command."""
    finished: str
    """ISO 8601, UTC."""

    @property
    def accuracy(self) -> float | None:
        """On the validation images, after the last epoch; None if not one epoch gave finite numbers."""
        return self.validation_accuracies[-1] if self.validation_accuracies else None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a file holds."""

    header: Header | None = None
    networks: tuple[Network, ...] = ()
    runs: tuple[Run, ...] = ()


_Line = Header | Network | Run
_KINDS: dict[str, type[_Line]] = {"calibration": Header, "network": Network, "run": Run}


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
        networks=tuple(line for line in lines if isinstance(line, Network)),
        runs=tuple(line for line in lines if isinstance(line, Run)),
    )


def _whole_lines(text: bytes) -> list[bytes]:
    return text[: text.rfind(b"\n") + 1].splitlines()


def _read(line: bytes, path: Path, number: int) -> _Line:
    try:
        document = json.loads(line)
        if not isinstance(document, dict):
            raise TypeError("not an object")
        kind = _KINDS[document.pop("kind")]
        if kind is Header and document.pop("format") != FORMAT:
            raise KeyError("format")
        # Fields that a later version added are passed over.
        return kind(**{field.name: document[field.name] for field in fields(kind)})
    except (ValueError, TypeError, KeyError) as error:
        raise _damaged(path, number, str(error) or "unreadable") from error


def _damaged(path: Path, number: int, what: str) -> SearchError:
    return SearchError(
        f"{path}:{number}: this is no line of a {FORMAT} file ({what}); move the file away to start anew, or delete "
        "the line to train again what it held"
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
            about = {"kind": kinds[type(line)]} | ({"format": FORMAT} if isinstance(line, Header) else {})
            text += json.dumps(about | asdict(line), ensure_ascii=False, allow_nan=False).encode() + b"\n"
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
            SearchError: the folder cannot be written to, or another process is at work on the file.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = path.open("ab+", buffering=0)
        except OSError as error:
            raise SearchError(
                f"the calibration cannot be kept in {path} ({error.strerror or error}); choose another folder with "
                "--out"
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
