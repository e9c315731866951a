"""Packed data sets: uint8 ``.npy`` files in one directory, opened as memory maps.

Several worker processes that open the same directory share its pages instead of holding a copy each. A directory is
written under another name and renamed when complete, so a reader sees all of it or nothing, even if two processes
pack at the same time or one is interrupted.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from budgetnet.errors import DataError
from budgetnet.training.data.images import Dataset, Images, Normalisation, normalisation_of
from budgetnet.training.data.part_contents import PartContents, Subset, contents_of
from budgetnet.training.permissions import fresh_folder

__all__ = ["open_packed", "packing", "store", "writable"]

_PARTS: tuple[Subset, Subset] = ("train", "test")
_FORMAT = 1
_CHUNK = 4096


def open_packed(directory: Path, name: str) -> Dataset | None:
    """Return the data set packed in *directory*, or None if there is none (or one of an older format).

    The train images are mapped immediately, the test images when `Dataset.test` is called. A copy of an older version
    is counted here, and the numbers are added to it.

    Raises:
        DataError: the directory is damaged.
    """
    try:
        about: dict[str, Any] = json.loads((directory / "about.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise _damaged(directory, error) from error
    if about.get("format") != _FORMAT:
        return None
    normalisation = Normalisation(tuple(about["mean"]), tuple(about["std"]))
    if "contents" not in about:
        about["contents"] = _contents(directory, len(about["classes"]))
        with suppress(OSError):  # a copy that cannot be written to is counted each time
            _write_about(directory, about)
    channels, height, width = about["shape"]
    return Dataset(
        name=name,
        classes=tuple(about["classes"]),
        notes=tuple(about.get("notes", ())),
        shape=(channels, height, width),
        train=_open(directory, "train", normalisation),
        open_test=lambda: _open(directory, "test", normalisation),
        contents={part: PartContents.of(about["contents"][part]) for part in _PARTS},
    )


@contextmanager
def packing(
    directory: Path,
    classes: tuple[str, ...],
    *,
    conversion: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Iterator[Path]:
    """Yield a new directory to fill by `store` or `writable`; at the end of the block, rename it to *directory*.

    The train images' statistics are computed then. If another process was faster, its result is kept; if the block
    raises, nothing is left behind.

    Args:
        directory: the place of the packed data set.
        classes: class names; the position is the label.
        conversion: how files became pixels; None if there were no files.
        notes: statements about the files, which every later reader gets to see; read at the end of the block.

    Raises:
        DataError: the disk is full or not writable.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        temporary = fresh_folder(directory)
    except OSError as error:
        raise _unwritable(directory, error) from error
    try:
        yield temporary
        images = _map(temporary / "train_images.npy")
        normalisation = normalisation_of(torch.split(torch.from_numpy(images), _CHUNK))
        about = {
            "format": _FORMAT,
            "classes": classes,
            "shape": images.shape[1:],
            "mean": normalisation.mean,
            "std": normalisation.std,
            "conversion": conversion,
            "notes": list(notes),
            "contents": _contents(temporary, len(classes)),
        }
        _write_about(temporary, about)
        if not (directory / "about.json").exists() or open_packed(directory, "") is None:
            shutil.rmtree(directory, ignore_errors=True)
            temporary.rename(directory)
    except OSError as error:
        if not (directory / "about.json").exists():
            raise _unwritable(directory, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _contents(directory: Path, classes: int) -> dict[Subset, dict[str, Any]]:
    """Return the contents of both parts, as JSON holds them.

    Raises:
        DataError: the directory is damaged.
    """
    try:
        return {
            part: contents_of(
                _map(directory / f"{part}_images.npy"), np.load(directory / f"{part}_labels.npy"), classes
            ).document()
            for part in _PARTS
        }
    except (OSError, ValueError) as error:
        raise _damaged(directory, error) from error


def _write_about(directory: Path, about: Mapping[str, Any]) -> None:
    """Write the description of a packed data set, whole or not at all."""
    partial = directory / f".about.{os.getpid()}.partial"
    partial.write_text(json.dumps(about, indent=1), encoding="utf-8")
    partial.replace(directory / "about.json")


def writable(directory: Path, part: Subset, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """Return a new uint8 array (N, C, H, W) on disk, to be filled with the images of *part*."""
    path = directory / f"{part}_images.npy"
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)


def store(
    directory: Path, part: Subset, labels: npt.NDArray[np.int64], images: npt.NDArray[np.uint8] | None = None
) -> None:
    """Write the labels of *part*, and its images (N, C, H, W) unless they were written by `writable`."""
    np.save(directory / f"{part}_labels.npy", labels)
    if images is not None:
        np.save(directory / f"{part}_images.npy", np.ascontiguousarray(images))


def _open(directory: Path, part: Subset, normalisation: Normalisation) -> Images:
    """Map the images of *part* and read its labels."""
    try:
        images = _map(directory / f"{part}_images.npy")
        labels: npt.NDArray[np.int64] = np.load(directory / f"{part}_labels.npy")
        return Images(torch.from_numpy(images), torch.from_numpy(labels), None, normalisation)
    except (OSError, ValueError, DataError) as error:
        raise _damaged(directory, error) from error


def _map(path: Path) -> npt.NDArray[np.uint8]:
    """Open an ``.npy`` file as a private map: pages are shared until written to, and nothing here writes."""
    array: npt.NDArray[np.uint8] = np.load(path, mmap_mode="c")
    return array.view(np.ndarray)


def _damaged(directory: Path, error: Exception) -> DataError:
    return DataError(f"the packed data set in {directory} is damaged ({error}); delete that folder and run again")


def _unwritable(directory: Path, error: OSError) -> DataError:
    reason = error.strerror or os.strerror(error.errno) if error.errno else str(error)
    return DataError(
        f"the data set could not be packed into {directory} ({reason}); free some space, or set BUDGETNET_DATA to a "
        "directory that can be written to"
    )
