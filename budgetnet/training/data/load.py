"""`load`: any data set by name or folder, as tensors. Re-exports the names that callers need."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from budgetnet.errors import DataError
from budgetnet.training.data.folder import Progress, load_folder, part_files
from budgetnet.training.data.images import Dataset, Images, Normalisation
from budgetnet.training.data.published import load_published
from budgetnet.training.data.sources import (
    Description,
    ImageFolder,
    Source,
    class_folders,
    data_directory,
    describe,
    image_copy,
)
from budgetnet.training.data.split import split_validation

__all__ = [
    "Dataset",
    "Description",
    "ImageFolder",
    "Images",
    "Normalisation",
    "Progress",
    "Source",
    "describe",
    "load",
    "names_of_test_images",
    "split_validation",
]


def load(source: Source, *, data_dir: Path | None = None, progress: Progress | None = None) -> Dataset:
    """Return a data set, packed into ``.npy`` files on first use and memory-mapped from then on.

    A published set may also be in the data directory as image files, ``NAME/train/CLASS/…`` and ``NAME/test/CLASS/…``
    (a common form of CIFAR-10). Those are then used, nothing is downloaded, and the data set's name says so, since
    a JPEG is not exactly the published image.

    Args:
        source: A name in `known.DATASETS` or an `ImageFolder`.
        data_dir: Folder of the files; by default $BUDGETNET_DATA, else ~/.cache/budgetnet.
        progress: Called with the number of decoded images while a folder is packed.

    Raises:
        DataError: unknown name, failed download, wrong layout or damaged image; no partial files are left behind.
    """
    directory = data_directory(data_dir)
    match source:
        case str():
            copy = image_copy(source, directory)
            if copy is not None:
                return replace(load_folder(copy, directory / "packed", progress), name=f"{source} (image files)")
            return load_published(source, directory)
        case ImageFolder():
            return load_folder(source, directory / "packed", progress)
        case _:
            raise DataError(f"a data set must be a name or an ImageFolder, but got {source!r}")


def names_of_test_images(source: Source, *, data_dir: Path | None = None) -> tuple[str, ...] | None:
    """Return the test images' files in the images' order, relative to the data set's folder, without opening them.

    None if the images are not files (a published set in its own format).

    Raises:
        DataError: an unknown name, or a folder that is not laid out as `ImageFolder` says.
    """
    folder = source if isinstance(source, ImageFolder) else image_copy(source, data_directory(data_dir))
    if folder is None:
        return None
    found = part_files(folder, "test", class_folders(folder))
    return tuple(path.relative_to(folder.path).as_posix() for path, _ in found)
