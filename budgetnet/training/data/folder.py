"""Packing a folder of images: several threads decode every file once, directly into a file on disk."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from budgetnet.errors import DataError
from budgetnet.text import counted
from budgetnet.training.data.decode import decode
from budgetnet.training.data.images import Dataset
from budgetnet.training.data.listing import left_out_text, list_images
from budgetnet.training.data.packed import open_packed, packing, store, writable
from budgetnet.training.data.part_contents import Subset
from budgetnet.training.data.sources import ImageFolder, class_folders, describe_source

__all__ = ["Progress", "load_folder", "part_files"]

Progress = Callable[[int, int], None]
"""Called with (images done, images in total), from one thread."""

_PARTS: tuple[Subset, Subset] = ("train", "test")
_MOST_PROBLEMS = 20
"""Images that cannot be used and are named, before the rest is counted."""


@dataclass(slots=True)
class _Files:
    """The image files of a data set, and what is not taken."""

    parts: dict[Subset, list[tuple[Path, int]]] = field(default_factory=dict)
    """Files with their labels, in the order in which they are packed."""
    left_out: Counter[str] = field(default_factory=Counter)


def load_folder(folder: ImageFolder, directory: Path, progress: Progress | None = None) -> Dataset:
    """Return the data set in a folder of images, from its packed copy below *directory* if that is up to date.

    The copy is identified by the folder's path, its files' names, sizes and times, and the conversion; if any of them
    changes, the folder is packed again.

    Raises:
        DataError: the layout is wrong, images cannot be used, or they differ in size and none was given.
    """
    classes = class_folders(folder)
    files = _files(folder, classes)
    if not files.parts["test"]:
        raise DataError(
            f"a data set needs test images, but {folder.path / 'test'} holds none that Pillow can read; "
            "put some there, in one folder per class"
        )
    target = directory / f"{folder.path.resolve().name or 'images'}-{_fingerprint(folder, files)}"
    packed = open_packed(target, str(folder.path))
    if packed is None:
        _pack(folder, classes, files, target, progress)
        packed = open_packed(target, str(folder.path))
    if packed is None:
        raise DataError(f"the packed data set in {target} has vanished; run again")
    left_out = left_out_text(files.left_out)
    return replace(packed, conversion=folder.conversion, notes=(*([left_out] if left_out else []), *packed.notes))


def part_files(folder: ImageFolder, part: Subset, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Return the image files of one part with their labels, in the order in which they are packed."""
    return _part(folder, part, classes, Counter())


def _files(folder: ImageFolder, classes: tuple[str, ...]) -> _Files:
    found = _Files()
    for part in _PARTS:
        found.parts[part] = _part(folder, part, classes, found.left_out)
        found.left_out["file outside of the class folders"] += sum(
            not path.is_dir() and not path.name.startswith(".") for path in (folder.path / part).iterdir()
        )
    return found


def _part(
    folder: ImageFolder, part: Subset, classes: tuple[str, ...], left_out: Counter[str]
) -> list[tuple[Path, int]]:
    found: list[tuple[Path, int]] = []
    for label, name in enumerate(classes):
        place = folder.path / part / name
        if place.is_dir():
            listing = list_images(place)
            found += [(path, label) for path in listing.files]
            left_out.update(listing.left_out)
    return found


def _fingerprint(folder: ImageFolder, files: _Files) -> str:
    """Return 16 hexadecimal digits that change whenever the packed copy would change."""
    told: list[Any] = [str(folder.path.resolve()), folder.size, folder.channels]
    choices = folder.conversion.choices()
    told += [choices] if choices else []  # nothing is added where older copies stay valid
    digest = hashlib.sha256(json.dumps(told).encode())
    depth = len(folder.path.parts)
    for found in files.parts.values():
        for path, label in found:
            facts = path.stat()
            line = f"{'/'.join(path.parts[depth:])}\0{label}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _pack(
    folder: ImageFolder, classes: tuple[str, ...], files: _Files, target: Path, progress: Progress | None
) -> None:
    """Decode all images into *target*.

    Raises:
        DataError: some cannot be used; all of them were tried, and the message names them.
    """
    shape = describe_source(folder).shape
    total = sum(len(found) for found in files.parts.values())
    done, animated = 0, 0
    problems: list[str] = []
    notes: list[str] = []
    with (
        packing(target, classes, conversion=folder.conversion.document(), notes=notes) as temporary,
        warnings.catch_warnings(),
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # images beyond our own limit are refused
        for part, found in files.parts.items():
            array = writable(temporary, part, (len(found), *shape))

            def one(
                index: int, array: npt.NDArray[np.uint8] = array, found: list[tuple[Path, int]] = found
            ) -> tuple[str, int]:
                try:
                    decoded = decode(found[index][0], folder.conversion)
                    _check_size(found[index][0], decoded.pixels, shape)
                except DataError as error:
                    return str(error), 0
                array[index] = decoded.pixels
                return "", decoded.frames

            try:
                for problem, frames in pool.map(one, range(len(found))):
                    done += 1
                    animated += frames > 1
                    problems += [problem] if problem else []
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            array.flush()  # type: ignore[attr-defined]
            store(temporary, part, np.array([label for _, label in found], dtype=np.int64))
        if problems:
            raise DataError(_problems_text(problems, total))
        if animated:
            notes.append(f"{counted(animated, 'image')} with several frames: the first one is taken")


def _check_size(path: Path, pixels: npt.NDArray[np.uint8], shape: tuple[int, int, int]) -> None:
    """Refuse an image of another size than the first one.

    Raises:
        DataError: it is one.
    """
    if pixels.shape != shape:
        _, height, width = shape
        raise DataError(
            f"all images must have one size unless a size is given, but {path} has "
            f"{pixels.shape[1]}x{pixels.shape[2]} pixels and the first image {height}x{width}; give a size, for "
            f"example size: {min(height, width)}"
        )


def _problems_text(problems: list[str], total: int) -> str:
    """Return one message about all images that cannot be used; a single one speaks for itself."""
    if len(problems) == 1:
        return problems[0]
    shown = problems[:_MOST_PROBLEMS]
    left = len(problems) - len(shown)
    more = [f"and {left:,} more"] if left else []
    return "\n  ".join([f"{len(problems):,} of {counted(total, 'image')} cannot be used:", *shown, *more])
