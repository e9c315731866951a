"""Small data that the training room's tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


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
