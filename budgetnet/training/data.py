"""`load`: any data set by name or folder, as tensors. The names that users of this room need are importable here."""

from __future__ import annotations

from pathlib import Path

from budgetnet.errors import DataError
from budgetnet.training.folder import Progress, load_folder
from budgetnet.training.images import Dataset, Images, Normalisation
from budgetnet.training.published import load_published
from budgetnet.training.sources import Description, ImageFolder, Source, data_directory, describe
from budgetnet.training.split import split_validation

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
    "split_validation",
]


def load(source: Source, *, data_dir: Path | None = None, progress: Progress | None = None) -> Dataset:
    """Return a data set, packed into ``.npy`` files on first use and memory-mapped from then on.

    Args:
        source: A name in `datasets_table.DATASETS` or an `ImageFolder`.
        data_dir: Where files are kept; by default $BUDGETNET_DATA, else ~/.cache/budgetnet.
        progress: Told how many images of a folder are decoded, while it is packed.

    Raises:
        DataError: unknown name, failed download, wrong layout or damaged image; nothing half-done is left behind.
    """
    directory = data_directory(data_dir)
    match source:
        case str():
            return load_published(source, directory)
        case ImageFolder():
            return load_folder(source, directory / "packed", progress)
        case _:
            raise DataError(f"A data set is a name or an ImageFolder, but got {source!r}.")
