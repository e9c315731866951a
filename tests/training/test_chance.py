"""Whether answers are better than chance: by accuracy, and by balanced accuracy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from budgetnet.training.chance import Answers
from budgetnet.training.data.images import Images
from budgetnet.training.fit import fit
from budgetnet.training.recipe.recipe import Recipe

TWO_HUNDRED_TO_ONE = [200, 1]


def answers(truth: list[int], hits: list[int], given: list[int]) -> Answers:
    """Answers with the accuracy that follows from the counts."""
    return Answers(accuracy=sum(hits) / sum(truth), truth=truth, hits=hits, given=given)


@pytest.mark.parametrize(
    ("found", "at_chance"),
    [
        (answers([100, 100], [100, 0], [200, 0]), True),  # always the same class
        (answers([100, 100], [55, 52], [103, 97]), True),  # within two standard errors
        (answers([100, 100], [60, 60], [100, 100]), False),
        (answers(TWO_HUNDRED_TO_ONE, [200, 0], [201, 0]), True),
        (answers(TWO_HUNDRED_TO_ONE, [200, 1], [200, 1]), False),  # perfect, which accuracy alone cannot tell
        (answers(TWO_HUNDRED_TO_ONE, [100, 1], [100, 101]), True),  # a lucky guess
        (answers([2000, 10], [1900, 8], [1902, 108]), False),  # fewer hits than always the first, but it has learned
        (answers([50, 50, 0], [40, 40, 0], [45, 45, 10]), False),  # a class without images counts for nothing
    ],
)
def test_answers_are_judged_by_accuracy_and_by_balanced_accuracy(found, at_chance):
    """Better than chance is what beats the most frequent class, or tells the classes apart."""
    assert found.at_chance is at_chance


def test_answers_come_from_a_table_of_counts():
    """Rows are true classes, columns predicted ones; the text has all four numbers."""
    found = Answers.of_confusion(0.75, [[2, 1], [0, 1]])
    assert (found.truth, found.hits, found.given) == ([3, 1], [2, 1], [2, 2])
    assert found.text == "75.00 % (most frequent class: 75.00 %), balanced 83.33 % (chance: 50.00 %)"


def test_random_answers_are_seldom_better_than_chance():
    """Answers that do not depend on the image pass for better in few of many draws, whatever the shares."""
    generator = np.random.default_rng(0)
    for shares in ([0.5, 0.5], [0.9, 0.1], [0.98, 0.01, 0.01], [0.1] * 10):
        labels = generator.choice(len(shares), 500, p=shares)
        better = 0
        for _ in range(200):
            given = generator.permutation(labels)
            table = np.zeros((len(shares), len(shares)), int)
            np.add.at(table, (labels, given), 1)
            better += not Answers.of_confusion(float((given == labels).mean()), table.tolist()).at_chance
        assert better <= 16, shares


def lopsided(frequent: int, rare: int) -> Images:
    """Dark images, and some bright ones of the second class."""
    number = frequent + rare
    pixels = torch.randint(0, 60, (number, 1, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pixels[frequent:] += 180
    return Images(pixels, torch.tensor([0] * frequent + [1] * rare))


@pytest.mark.parametrize("mixup", [0.0, 0.2])
@pytest.mark.parametrize(
    ("numbers", "lr", "reason"),
    [
        ((200, 1), 0.5, None),
        ((200, 1), 1e-9, None),  # always the first class, which is what these data teach first
        ((150, 50), 0.5, None),
        ((150, 50), 1e-9, "75.00 % (most frequent class: 75.00 %), balanced 50.00 % (chance: 50.00 %)."),
    ],
)
def test_nearly_all_images_of_one_class_are_not_the_networks_fault(numbers, lr, reason, mixup):
    """With 200 images to 1 nothing is given up; with 3 to 1 what only answers the more frequent class is."""
    images = lopsided(*numbers)
    recipe = Recipe(epochs=6, batch=20, lr=lr, flip="none", shift=0, mixup=mixup, precision="float32")
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    with torch.no_grad():
        model[1].weight.fill_(0)
        model[1].bias.copy_(torch.tensor([1.0, 0.0]))
    curve = fit(model, images, images, recipe, seed=0, device="cpu")
    said = "After epoch 2 of 6 the network was still no better than chance on validation images: "
    assert curve.diverged == (reason and said + reason)
    assert len(curve.epochs) == (2 if reason else 6)
