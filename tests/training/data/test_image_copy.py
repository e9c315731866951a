"""A published data set that lies in the data directory as image files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from budgetnet.errors import DataError
from budgetnet.training.data.known import DATASETS
from budgetnet.training.data.load import load_dataset


def lay_out(folder: Path, classes: tuple[str, ...]) -> None:
    """Write one small image per class and part."""
    for part in ("train", "test"):
        for label, name in enumerate(classes):
            place = folder / part / name
            place.mkdir(parents=True)
            Image.fromarray(np.full((32, 32, 3), 20 * label, dtype=np.uint8)).save(place / "0.png")


def test_image_files_stand_in_for_the_published_set(tmp_path: Path) -> None:
    """They are read instead of downloading, and the data set's name says that it is not the original."""
    lay_out(tmp_path / "cifar10", DATASETS["cifar10"].classes)
    data = load_dataset("cifar10", data_dir=tmp_path)
    assert data.name == "cifar10 (image files)"
    assert data.classes == DATASETS["cifar10"].classes
    assert data.train.images[3].unique().tolist() == [60]


def test_other_classes_are_refused(tmp_path: Path) -> None:
    """Folders that are not the published classes are a mistake, not a data set of that name."""
    lay_out(tmp_path / "cifar10", ("cat", "dog"))
    with pytest.raises(DataError, match=r"must hold the 10 classes of cifar10 \(airplane, .*but holds cat, dog"):
        load_dataset("cifar10", data_dir=tmp_path)
