"""Facts that are said before training: shares of classes, missing images, images of a single colour."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from budgetnet.training.data.facts import data_facts
from budgetnet.training.data.load import Dataset, ImageFolder, load_dataset


def make_folder(root: Path, numbers: dict[str, tuple[int, int]], level: int | None = None) -> ImageFolder:
    """A folder of noisy images, of one colour if *level* is given; by class, train and test images."""
    generator = np.random.default_rng(0)
    for name, pair in numbers.items():
        for part, number in zip(("train", "test"), pair, strict=True):
            place = root / part / name
            place.mkdir(parents=True, exist_ok=True)
            for index in range(number):
                pixels = generator.integers(0, 255, (4, 4, 3)) if level is None else np.full((4, 4, 3), level)
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{index}.png")
    return ImageFolder(root)


def test_shares_conversion_and_what_is_left_out_are_told(tmp_path: Path) -> None:
    """Classes stand with their shares, the most frequent first; what was not taken is said."""
    folder = make_folder(tmp_path / "photos", {"cat": (5, 2), "dog": (15, 3)})
    (tmp_path / "photos" / "train" / "cat" / "x.heic").write_bytes(b"")
    (tmp_path / "photos" / "train" / "dog" / "gone.png").symlink_to("nowhere.png")
    (tmp_path / "photos" / "train" / "dog" / "lost.png").symlink_to("nowhere.png")
    facts = data_facts(load_dataset(folder, data_dir=tmp_path / "data"), validation=0.2)
    assert facts.lines == (
        f"data {tmp_path / 'photos'}: 20 train images (4 of them for validation), 5 for testing; RGB, not scaled",
        "classes: 2, by train images: dog 15 (75.0 %), cat 5 (25.0 %)",
        "not taken: 2 dangling links, 1 .heic",
    )
    assert (facts.train, facts.validation, facts.test) == ((5, 15), (1, 3), (2, 3))
    json.dumps(facts.document(), allow_nan=False)
    assert facts.document()["conversion"] == {"size": None, "channels": 3}


def test_many_classes_are_told_in_short(tmp_path: Path, digits: Dataset) -> None:
    """Of more than a dozen classes the extremes are named; equal numbers are said once."""
    numbers = {f"class-{number:02}": (number + 2, 1) for number in range(14)}
    facts = data_facts(load_dataset(make_folder(tmp_path / "many", numbers), data_dir=tmp_path / "data"))
    assert facts.lines[1] == ("classes: 14, by train images from class-13 15 (12.6 %) to class-00 2 (1.7 %); median 8")
    assert facts.validation is None
    even = make_folder(tmp_path / "even", {"a": (3, 1), "b": (3, 1)})
    told = data_facts(load_dataset(even, data_dir=tmp_path / "data")).lines
    assert told[1] == "classes: 2 (a, b), 3 train images each"
    assert data_facts(digits).lines[0] == "data digits: 1,437 train images, 360 for testing; 1×8×8"


def test_what_makes_scores_misleading_is_said_first(tmp_path: Path) -> None:
    """A class without validation or test images, images of one colour, and a class that has nearly all images."""
    folder = make_folder(tmp_path / "photos", {"cat": (200, 4), "dog": (1, 0)})
    make_folder(tmp_path / "photos", {"cat": (0, 1)}, level=7)
    facts = data_facts(load_dataset(folder, data_dir=tmp_path / "data"), validation=0.1)
    assert facts.warnings == (
        "the class dog has no validation image; add some, or hold out a larger share (validation: …)",
        "the class dog has no test image; add some, or its accuracy stays unknown",
        "1 test image has a single colour; look at the files",
        "99.5 % of the train images are of the class cat: a network that always answers it has this accuracy, so "
        "accuracies say little; look at the accuracy of each class",
    )
    assert facts.lines[-1].startswith("warning: 99.5 %")


def test_no_image_left_to_train_on_is_said(tmp_path: Path) -> None:
    """A class whose only image is held out has nothing to be learned from."""
    folder = make_folder(tmp_path / "photos", {"cat": (1, 1), "dog": (1, 1), "emu": (8, 1)})
    warnings = data_facts(load_dataset(folder, data_dir=tmp_path / "data"), validation=0.7).warnings
    said = "2 classes have no image left to train on (cat, dog); add some, or hold out a smaller share (validation: …)"
    assert said in warnings


def test_older_packed_copies_are_counted_when_they_are_opened(tmp_path: Path) -> None:
    """A copy that an older version packed lacks the numbers; they are added to it, and are the same."""
    folder = make_folder(tmp_path / "photos", {"cat": (5, 2), "dog": (3, 2)})
    first = load_dataset(folder, data_dir=tmp_path / "data")
    about = next((tmp_path / "data" / "packed").glob("*/about.json"))
    document = json.loads(about.read_text())
    del document["contents"]
    about.write_text(json.dumps(document))
    assert load_dataset(folder, data_dir=tmp_path / "data").contents == first.contents
    assert json.loads(about.read_text())["contents"]["train"]["images"] == [5, 3]
    assert [path.name for path in about.parent.iterdir() if path.name.startswith(".")] == []


def test_the_digest_follows_from_pixels_and_labels_alone(tmp_path: Path) -> None:
    """Names, times and places of files do not count; a pixel, a label and an image more do."""
    folder = make_folder(tmp_path / "photos", {"cat": (5, 2), "dog": (3, 2)})
    first = load_dataset(folder, data_dir=tmp_path / "data").contents
    moved = tmp_path / "elsewhere"
    shutil.copytree(folder.path, moved)
    (moved / "train" / "cat" / "4.png").rename(moved / "train" / "cat" / "40.png")
    assert load_dataset(ImageFolder(moved), data_dir=tmp_path / "other").contents == first
    (moved / "train" / "cat" / "40.png").rename(moved / "train" / "dog" / "40.png")
    changed = load_dataset(ImageFolder(moved), data_dir=tmp_path / "other").contents
    assert changed["train"].digest != first["train"].digest
    assert changed["test"] == first["test"]
    Image.new("RGB", (4, 4), (1, 2, 3)).save(moved / "test" / "dog" / "0.png")
    assert load_dataset(ImageFolder(moved), data_dir=tmp_path / "other").contents["test"] != first["test"]
