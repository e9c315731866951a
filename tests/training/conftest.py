"""Small data that the training room's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from budgetnet.training.data import Dataset, load


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run every test on one thread, so that timings and sums do not depend on the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Scikit-learn's digits, packed once."""
    return load("digits", data_dir=tmp_path_factory.mktemp("data"))


@pytest.fixture
def image_folder(tmp_path: Path) -> Path:
    """A folder with two classes, six train and two test images each, 8 rows by 6 columns, of different formats."""
    generator = np.random.default_rng(0)
    root = tmp_path / "pictures"
    suffixes = ("png", "jpg", "bmp", "gif", "webp", "tiff")
    for part, count in (("train", 6), ("test", 2)):
        for level, name in ((40, "dark"), (200, "light")):
            place = root / part / name
            place.mkdir(parents=True)
            for index in range(count):
                pixels = generator.integers(level - 20, level + 20, (8, 6, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.{suffixes[index]}")
    return root
