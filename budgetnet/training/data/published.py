"""Published data sets: downloaded and checked by torchvision, or shipped with scikit-learn, then packed."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from budgetnet.errors import DataError
from budgetnet.training.data.images import Dataset, Images
from budgetnet.training.data.known import KnownDataset
from budgetnet.training.data.packed import open_packed, packing, store
from budgetnet.training.data.part_contents import Subset
from budgetnet.training.data.sources import known
from budgetnet.training.data.split import split_validation

__all__ = ["load_published"]

_TIMEOUT_SECONDS = 60.0
_PARTS: tuple[Subset, Subset] = ("train", "test")


def load_published(name: str, directory: Path) -> Dataset:
    """Return a known data set, from its packed copy below *directory* if there is one.

    Args:
        name: A name in `DATASETS`.
        directory: ``directory/NAME`` holds the published files, ``directory/packed/NAME`` the packed copy.

    Raises:
        DataError: an unknown name, or the files could neither be found nor downloaded; the message says which files to
            put where.
    """
    entry = known(name)
    target = directory / "packed" / name
    packed = open_packed(target, name)
    if packed is not None:
        return packed
    raw = _digits() if entry.torchvision is None else _from_torchvision(name, entry, directory / name)
    with packing(target, entry.classes) as temporary:
        for part, (images, labels) in raw.items():
            store(temporary, part, labels, images)
    packed = open_packed(target, name)
    if packed is None:
        raise DataError(f"the packed data set in {target} has vanished; run again")
    return packed


_Raw = dict[Subset, tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]]


def _from_torchvision(name: str, entry: KnownDataset, folder: Path) -> _Raw:
    """Return both parts from torchvision, which checks the files' MD5 sums and downloads missing ones."""
    from torchvision import datasets  # type: ignore[import-untyped]  # half a second, not needed once the set is packed

    make: Any = getattr(datasets, str(entry.torchvision))
    raw: _Raw = {}
    try:
        with _timeout():
            for part in _PARTS:
                choice = {"split": part} if name == "svhn" else {"train": part == "train"}
                found = make(root=str(folder), download=True, **choice)
                images = np.asarray(found.data)
                if images.ndim == 3:
                    images = images[:, np.newaxis]
                elif images.shape[-1] == 3:
                    images = images.transpose(0, 3, 1, 2)
                labels = found.labels if name == "svhn" else found.targets
                raw[part] = images.astype(np.uint8, copy=False), np.asarray(labels, dtype=np.int64)
    except (OSError, RuntimeError, EOFError, http.client.HTTPException) as error:
        files = "\n".join(f"  {folder / file}" for file in entry.files)
        reason = str(error).strip() or type(error).__name__
        raise DataError(
            f"the data set {name} is not in {folder} and could not be downloaded ({reason});\n"
            f"get the following from {entry.source} and put each where it says, then run again; nothing is downloaded "
            f"if they are there:\n{files}\n"
            f"image folders work too: {folder / 'train'}/CLASS/ and {folder / 'test'}/CLASS/"
        ) from error
    return raw


@contextmanager
def _timeout() -> Iterator[None]:
    """Make a server that does not respond fail after a minute; by default Python waits without a limit."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _digits() -> _Raw:
    """Return scikit-learn's 1797 digits of 8x8 pixels, split 4 : 1 by class with seed 0; levels 0..16 become 0..255."""
    from sklearn.datasets import load_digits  # half a second, not needed once the set is packed

    found = load_digits()
    pixels = np.rint(found.images * (255 / 16)).astype(np.uint8)[:, np.newaxis]
    every = Images(torch.from_numpy(pixels), torch.from_numpy(found.target.astype(np.int64)))
    train, test = split_validation(every, size=360, seed=0)
    return {
        "train": (train.images.numpy(), train.labels.numpy()),
        "test": (test.images.numpy(), test.labels.numpy()),
    }
