"""The folder that an export makes: its files' names, its manifest, and how it appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from budgetnet.errors import ExportError, RequestError
from budgetnet.export.codegen.standalone import PLUGINS, WEIGHTS
from budgetnet.files.places import check_utf8_place
from budgetnet.text import ESCAPES, some_of
from budgetnet.training.permissions import fresh_folder

__all__ = [
    "CONFIG",
    "FILES",
    "FOLDER_FORMAT",
    "INT8",
    "MANIFEST",
    "ONNX",
    "PTE",
    "SAMPLES",
    "appearing_folder",
    "check_export_place",
    "read_json",
    "write_json",
    "write_manifest",
]

FOLDER_FORMAT = "budgetnet-export/1"
"""Format of the folder; `config.json` and the manifest state it."""
CONFIG = "config.json"
SAMPLES = "samples.safetensors"
"""Stored images and the logits of every format."""
MANIFEST = "manifest.json"
ONNX = "model.onnx"
INT8 = "model.int8.onnx"
PTE = "model.pte"

FILES = ("README.md", CONFIG, WEIGHTS, "network.py", "network.yaml", "recipe.json", "record.json", SAMPLES, "verify.py")
"""Files of every export, besides the manifest, the formats that were asked for and a study's plug-in files."""

_SOMETIMES = ("model.pt2", ONNX, INT8, PTE, "run_pte.py", "convert_picture.py", MANIFEST, PLUGINS, "__pycache__")
_EARLIER = ("weights.safetensors",)
"""Files that version 0.1 wrote under other names."""


def write_json(path: Path, document: Any) -> None:
    """Write one JSON document; a value that JSON cannot hold (NaN, infinity) is an error."""
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8", errors=ESCAPES)


def read_json(path: Path) -> Any:
    """Return a JSON document of an exported folder.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RequestError(f"{path} cannot be read ({error}); is {path.parent} an exported folder?") from error


def write_manifest(folder: Path) -> None:
    """Write the sizes in bytes and SHA-256 sums of all files in *folder*."""
    files = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and name != MANIFEST and "__pycache__" not in file.parts:
            content = file.read_bytes()
            files[name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_json(folder / MANIFEST, {"format": FOLDER_FORMAT, "files": files})


def check_export_place(folder: Path) -> None:
    """Refuse a place where something other than an earlier export would be in the way.

    Raises:
        RequestError: something is, or the name is a single file's.
    """
    if folder.suffix in (".onnx", ".pt2", ".pte", ".safetensors", ".py", ".zip"):
        wanted = folder.suffix.removeprefix(".")
        hint = f" --format {wanted}" if wanted in ("onnx", "pt2", "pte") else ""
        raise RequestError(
            f"--out must be a folder, but got {folder}, which looks like one file; write --out "
            f"{folder.with_suffix('')}{hint} and take the file from there"
        )
    check_utf8_place(folder)
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise RequestError(f"{folder} is not a folder; choose another place with --out")
    if not folder.exists():
        return
    ours = (*FILES, *_SOMETIMES, *_EARLIER)
    foreign = sorted(entry.name for entry in folder.iterdir() if entry.name not in ours)
    if (folder / PLUGINS).is_dir():
        foreign += sorted(
            f"{PLUGINS}/{entry.name}"
            for entry in (folder / PLUGINS).iterdir()
            if entry.suffix != ".py" and entry.name != "__pycache__"
        )
    if foreign:
        raise RequestError(
            f"{folder} holds files that are not part of an export ({some_of(foreign, 3)}) "
            "and was not changed; choose another folder with --out"
        )


@contextmanager
def appearing_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes *folder* when all went well, and vanishes otherwise.

    Raises:
        RequestError: the place cannot be written to.
        ExportError: the disk is full, or a file is in the way.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        place = fresh_folder(folder)
    except OSError as error:
        raise RequestError(f"{folder.parent} cannot be written to ({error.strerror}); choose another --out") from error
    try:
        yield place
        shutil.rmtree(place / "__pycache__", ignore_errors=True)
        if folder.exists():
            old = place.with_name(f"{place.name}.old")
            folder.rename(old)
            place.rename(folder)
            shutil.rmtree(old, ignore_errors=True)
        else:
            place.rename(folder)
    except OSError as error:
        raise ExportError(
            f"{folder} cannot be written ({error.strerror or error}); make room, then export again"
        ) from error
    finally:
        if place.exists():
            shutil.rmtree(place, ignore_errors=True)
