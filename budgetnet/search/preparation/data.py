"""The images of a study, before anything is trained: packed, and described."""

from __future__ import annotations

from collections.abc import Callable

from budgetnet.files.study import Study
from budgetnet.search.events import DataDescribed, Packing
from budgetnet.training.data.facts import data_facts
from budgetnet.training.data.load import load_dataset

__all__ = ["prepare_data"]


def prepare_data(study: Study, listen: Callable[[Packing | DataDescribed], object]) -> None:
    """Pack a study's images, if they are not packed yet, and tell of them before anything is trained.

    Raises:
        DataError: the data set is missing or damaged.
    """
    dataset = load_dataset(study.dataset, progress=_every_tenth(listen))
    listen(DataDescribed(data_facts(dataset, validation=study.validation, seed=study.search.seed)))


def _every_tenth(listen: Callable[[Packing], object]) -> Callable[[int, int], None]:
    """Report the packing of images ten times, not once per image."""
    told = -1

    def step(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth != told:
            told = tenth
            listen(Packing(done, total))

    return step
