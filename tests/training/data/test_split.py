"""The validation split: stratified, disjoint, seeded."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.errors import DataError
from budgetnet.training.data.images import Images
from budgetnet.training.data.split import split_validation


def labelled(labels: list[int]) -> Images:
    """Images of one pixel, all different, with the given labels."""
    count = len(labels)
    number = torch.arange(count)
    pixels = torch.stack([number % 256, number // 256, torch.zeros(count)], dim=1).to(torch.uint8)
    return Images(pixels.view(count, 3, 1, 1), torch.tensor(labels, dtype=torch.int64))


def identities(images: Images) -> list[int]:
    """Which of the images of `labelled` these are."""
    flat = images.images.view(len(images), 3).long()
    return (flat[:, 0] + 256 * flat[:, 1]).tolist()


@settings(deadline=None, max_examples=60)
@given(
    labels=st.lists(st.integers(0, 4), min_size=4, max_size=300),
    share=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**31),
)
def test_split_is_disjoint_complete_and_stratified(labels: list[int], share: float, seed: int) -> None:
    """Every image lands on exactly one side with its label, and class shares are kept to less than one image."""
    size = min(max(1, round(share * len(labels))), len(labels) - 1)
    train, validation = split_validation(labelled(labels), size=size, seed=seed)
    assert len(validation) == size
    assert sorted(identities(train) + identities(validation)) == list(range(len(labels)))
    for side in (train, validation):
        assert side.labels.tolist() == [labels[i] for i in identities(side)]
    for label in set(labels):
        exact = size * labels.count(label) / len(labels)
        assert abs(validation.labels.tolist().count(label) - exact) < 1


def test_seed_decides_and_is_the_same_in_another_process() -> None:
    """The same seed chooses the same images, also in a fresh interpreter; another seed chooses others."""
    images = labelled([i % 5 for i in range(500)])
    first = split_validation(images, fraction=0.2, seed=3)[1]
    assert identities(first) == identities(split_validation(images, fraction=0.2, seed=3)[1])
    assert identities(first) != identities(split_validation(images, fraction=0.2, seed=4)[1])
    program = (
        "import hashlib, torch\n"
        "from budgetnet.training.data.images import Images\n"
        "from budgetnet.training.data.split import split_validation\n"
        "images = Images(torch.zeros(500, 1, 1, 1, dtype=torch.uint8), torch.arange(500) % 5)\n"
        "rows = split_validation(images, fraction=0.2, seed=3)[1].rows\n"
        "print(hashlib.sha256(str(rows.tolist()).encode()).hexdigest())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == hashlib.sha256(str(identities(first)).encode()).hexdigest()


def test_illegal_splits_are_refused() -> None:
    """Exactly one of fraction and size, inside its range, and neither side empty."""
    images = labelled([0, 1] * 10)
    with pytest.raises(DataError, match="either a fraction or a size, but got fraction=None and size=None"):
        split_validation(images, seed=0)
    with pytest.raises(DataError, match=r"either a fraction or a size, but got fraction=0.1 and size=3"):
        split_validation(images, fraction=0.1, size=3, seed=0)
    with pytest.raises(DataError, match=r"must be above 0 and below 1, but got 1.5"):
        split_validation(images, fraction=1.5, seed=0)
    with pytest.raises(DataError, match="but 20 of 20 images were asked for; choose another size"):
        split_validation(images, size=20, seed=0)
    with pytest.raises(DataError, match="but 0 of 20 images were asked for; choose another size"):
        split_validation(images, fraction=0.01, seed=0)
