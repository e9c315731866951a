"""Confusions, calibration and mistakes, against hand counting."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from budgetnet.training.data.images import Images, Normalisation
from budgetnet.training.data.load import ImageFolder, load_dataset, names_of_test_images
from budgetnet.training.evaluate import evaluate
from budgetnet.training.test_report import BINS, Mistake, Reading, confused, summed

TABLES = st.integers(2, 5).flatmap(
    lambda size: st.lists(st.lists(st.integers(0, 9), min_size=size, max_size=size), min_size=size, max_size=size)
)


class Given(nn.Module):
    """Answers with logits that are written into the first pixels of each image, in sixteenths."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (N, K)."""
        return images[:, 0, 0, : self.classes] * 255 / 16


def answers(levels: list[list[int]], labels: list[int]) -> Images:
    """Images that make `Given` answer with these levels."""
    pixels = torch.tensor(levels, dtype=torch.uint8).view(len(levels), 1, 1, -1)
    return Images(pixels, torch.tensor(labels), None, Normalisation((0.0,), (1.0,)))


def test_mistakes_are_the_surest_first() -> None:
    """As many as asked for, with both probabilities; right answers are none, however sure."""
    some = answers([[255, 0, 0], [64, 0, 0], [0, 128, 0], [0, 0, 32]], [0, 1, 0, 1])
    found = evaluate(Given(3), some, device="cpu", mistakes=2, batch=3)
    assert [(m.image, m.true, m.predicted) for m in found.mistakes] == [(2, 0, 1), (1, 1, 0)]
    surest = torch.tensor([0.0, 8.0, 0.0]).softmax(0)
    assert found.mistakes[0].confidence == pytest.approx(float(surest[1]), rel=1e-6)
    assert found.mistakes[0].true_probability == pytest.approx(float(surest[0]), rel=1e-6)
    assert [m.image for m in evaluate(Given(3), some, device="cpu", mistakes=9).mistakes] == [2, 1, 3]


def test_nothing_is_kept_unless_asked_for() -> None:
    """Validation after every epoch needs no mistakes."""
    found = evaluate(Given(2), answers([[16, 0]], [1]), device="cpu")
    assert (found.mistakes, found.calibration_error) == ((), None)


def test_calibration_error_by_hand() -> None:
    """Two bins: four answers at p with one right, one answer near 1 that is right."""
    levels = [[16, 0]] * 4 + [[255, 0]]
    p, q = (float(torch.tensor([level / 16, 0.0]).softmax(0)[0]) for level in (16, 255))
    found = evaluate(Given(2), answers(levels, [0, 1, 1, 1, 0]), device="cpu", mistakes=1)
    assert found.calibration_error == pytest.approx((4 * abs(0.25 - p) + abs(1 - q)) / 5, abs=1e-6)


@given(st.lists(st.tuples(st.lists(st.integers(0, 255), min_size=3, max_size=3), st.integers(0, 2)), min_size=1))
@settings(deadline=None, max_examples=50)
def test_any_answers_agree_with_a_plain_reading(rows: list[tuple[list[int], int]]) -> None:
    """Batches change nothing; mistakes and calibration follow from the probabilities one image at a time."""
    some = answers([levels for levels, _ in rows], [label for _, label in rows])
    found = evaluate(Given(3), some, device="cpu", mistakes=len(rows), batch=4)
    assert len(found.mistakes) == sum(sum(row) - row[k] for k, row in enumerate(found.confusion))
    assert [m.confidence for m in found.mistakes] == sorted((m.confidence for m in found.mistakes), reverse=True)
    bins: dict[int, list[float]] = {}
    for levels, label in rows:
        probabilities = (torch.tensor(levels) / 16).softmax(0)
        place = int(probabilities.argmax())
        sure = float(probabilities[place])
        bins.setdefault(min(int(np.ceil(sure * BINS)), BINS), []).append((place == label) - sure)
    expected = sum(abs(sum(gaps)) for gaps in bins.values()) / len(rows)
    assert found.calibration_error == pytest.approx(expected, abs=1e-3 + 1.5 / len(rows) * _near_an_edge(rows))


def _near_an_edge(rows: list[tuple[list[int], int]]) -> int:
    """Answers so near the edge between two bins that rounding decides."""
    sure = [float((torch.tensor(levels) / 16).softmax(0).max()) * BINS for levels, _ in rows]
    return sum(abs(value - round(value)) < 1e-4 for value in sure if value < BINS - 1e-3)


def test_a_network_without_numbers_has_no_calibration() -> None:
    """NaN is neither sure nor unsure, and JSON does not hold it."""

    class Broken(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            return images.new_full((len(images), 2), float("nan"))

    found = evaluate(Broken(), answers([[1, 2]], [1]), device="cpu", mistakes=3)
    assert (found.calibration_error, found.mistakes) == (None, ())


@given(TABLES, st.integers(0, 6))
@settings(deadline=None)
def test_confused_pairs(table: list[list[int]], top: int) -> None:
    """The highest counts off the diagonal, never more than there are."""
    found = confused(table, top)
    wrong = sorted((cell for a, row in enumerate(table) for b, cell in enumerate(row) if a != b and cell), reverse=True)
    assert [pair.count for pair in found] == wrong[:top]
    assert all(pair.share == pair.count / sum(table[pair.true]) for pair in found)
    assert summed([table, table]) == tuple(tuple(2 * cell for cell in row) for row in table)


def test_tables_of_different_sizes_have_no_sum() -> None:
    """Counts are never dropped silently."""
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is longer"):
        summed([[[1]], [[1, 2], [3, 4]]])


def test_a_reading_survives_json() -> None:
    """As JSON and back, it is equal."""
    mistake = Mistake(image=3, true=0, predicted=1, confidence=0.9, true_probability=0.1)
    reading = Reading(
        classes=("a", "b"),
        per_class=(0.5, None),
        confusion=((1, 1), (0, 0)),
        calibration_error=None,
        mistakes=(mistake,),
    )
    assert Reading.of(json.loads(json.dumps(asdict(reading)))) == reading


def test_test_images_keep_their_names(tmp_path: Path) -> None:
    """Names come in the order of the packed images, relative to the folder; a published set has none."""
    for part, name, level in (("train", "cat", 1), ("train", "dog", 2), ("test", "dog", 4), ("test", "cat", 3)):
        (tmp_path / part / name).mkdir(parents=True)
        Image.fromarray(np.full((4, 4, 3), level, dtype=np.uint8)).save(tmp_path / part / name / f"{level}.png")
    folder = ImageFolder(tmp_path)
    names = names_of_test_images(folder)
    assert names == ("test/cat/3.png", "test/dog/4.png")
    read = load_dataset(folder, data_dir=tmp_path / "packed").test()
    assert [int(image.max()) for image in read.images] == [3, 4]
    assert names_of_test_images("digits", data_dir=tmp_path) is None
