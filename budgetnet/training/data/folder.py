"""Packing a folder of images: several threads decode every file once, directly into a file on disk."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from budgetnet.errors import DataError
from budgetnet.training.data.images import Dataset
from budgetnet.training.data.listing import image_files
from budgetnet.training.data.packed import Subset, open_packed, packing, store, writable
from budgetnet.training.data.sources import ImageFolder, class_folders, describe_source

__all__ = ["Progress", "load_folder", "part_files"]

Progress = Callable[[int, int], None]
"""Called with (images done, images in total), from one thread."""

_SIXTEEN_BIT = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_BRIGHTEST = 2**16 - 1
LIMIT_PIXELS = 64_000_000
"""Most pixels of an image; decoding a larger one would take more memory than its size in the data set is worth."""


def load_folder(folder: ImageFolder, directory: Path, progress: Progress | None = None) -> Dataset:
    """Return the data set in a folder of images, from its packed copy below *directory* if that is up to date.

    The copy is identified by the folder's path, its files' names, sizes and times, and the wanted size and channels; if
    any of them changes, the folder is packed again.

    Raises:
        DataError: the layout is wrong, an image is damaged, or images differ in size and none was given.
    """
    classes = class_folders(folder)
    files: dict[Subset, list[tuple[Path, int]]] = {
        "train": part_files(folder, "train", classes),
        "test": part_files(folder, "test", classes),
    }
    if not files["test"]:
        raise DataError(
            f"a data set needs test images, but {folder.path / 'test'} holds none that Pillow can read; "
            "put some there, in one folder per class"
        )
    target = directory / f"{folder.path.resolve().name or 'images'}-{_fingerprint(folder, files)}"
    packed = open_packed(target, str(folder.path))
    if packed is not None:
        return packed
    _pack(folder, classes, files, target, progress)
    packed = open_packed(target, str(folder.path))
    if packed is None:
        raise DataError(f"the packed data set in {target} has vanished; run again")
    return packed


def part_files(folder: ImageFolder, part: Subset, classes: tuple[str, ...]) -> list[tuple[Path, int]]:
    """Return the image files of one part with their labels, in the order in which they are packed."""
    places = [(folder.path / part / name, label) for label, name in enumerate(classes)]
    return [(path, label) for place, label in places if place.is_dir() for path in image_files(place)]


def _fingerprint(folder: ImageFolder, files: dict[Subset, list[tuple[Path, int]]]) -> str:
    """Return 16 hexadecimal digits that change whenever the packed copy would change."""
    digest = hashlib.sha256(json.dumps([str(folder.path.resolve()), folder.size, folder.channels]).encode())
    depth = len(folder.path.parts)
    for found in files.values():
        for path, label in found:
            facts = path.stat()
            line = f"{'/'.join(path.parts[depth:])}\0{label}\0{facts.st_size}\0{facts.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def _pack(
    folder: ImageFolder,
    classes: tuple[str, ...],
    files: dict[Subset, list[tuple[Path, int]]],
    target: Path,
    progress: Progress | None,
) -> None:
    """Decode all images into *target*."""
    shape = describe_source(folder).shape
    total = sum(len(found) for found in files.values())
    done = 0
    with packing(target, classes) as temporary, ThreadPoolExecutor(os.cpu_count()) as pool:
        for part, found in files.items():
            array = writable(temporary, part, (len(found), *shape))

            def decode(index: int, array: npt.NDArray[np.uint8] = array, found: list[tuple[Path, int]] = found) -> None:
                array[index] = _decode(found[index][0], folder, shape)

            try:
                for _ in pool.map(decode, range(len(found))):
                    done += 1
                    if progress is not None:
                        progress(done, total)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
            array.flush()  # type: ignore[attr-defined]
            store(temporary, part, np.array([label for _, label in found], dtype=np.int64))


def _decode(path: Path, folder: ImageFolder, shape: tuple[int, int, int]) -> npt.NDArray[np.uint8]:
    """Return one image as uint8 (C, H, W), upright, scaled and cropped if the folder has a size."""
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > LIMIT_PIXELS:
                raise DataError(
                    f"an image must have at most {LIMIT_PIXELS:,} pixels, but {path} has {opened.height}x"
                    f"{opened.width}; scale it down first"
                )
            image = ImageOps.exif_transpose(opened)
            if image.mode == "F":
                raise DataError(
                    f"an image must have whole numbers as pixels, but {path} has floating point ones, whose range is "
                    "not known; convert it to 8 or 16 bits"
                )
            if image.mode in _SIXTEEN_BIT:
                low, high = np.asarray(image).min(), np.asarray(image).max()
                if low < 0 or high > _BRIGHTEST:
                    raise DataError(
                        f"an image must have at most 16 bits a channel, but {path} has values from {low} to {high}; "
                        "convert it to 8 or 16 bits"
                    )
                # Pillow's own conversion clips 16-bit grey at 255 instead of scaling it.
                image = Image.fromarray(np.rint(np.asarray(image) / 257).clip(0, 255).astype(np.uint8))
            image = image.convert("RGB" if folder.channels == 3 else "L")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"the image {path} cannot be read ({error}); replace it or remove it") from error
    _, height, width = shape
    if folder.size is not None:
        image = ImageOps.fit(image, (width, height), method=Image.Resampling.BILINEAR)
    elif image.size != (width, height):
        raise DataError(
            f"all images must have one size unless a size is given, but {path} has {image.height}x{image.width} pixels "
            f"and the first image {height}x{width}; give a size, for example size: {min(height, width)}"
        )
    pixels = np.asarray(image, dtype=np.uint8)
    return pixels[np.newaxis] if folder.channels == 1 else pixels.transpose(2, 0, 1)
