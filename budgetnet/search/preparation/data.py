"""The images of a study, opened before anything is trained, and told of."""

from __future__ import annotations

from collections.abc import Callable

from budgetnet.errors import DataError
from budgetnet.files.study import Study
from budgetnet.search.events import DataDescribed, Packing
from budgetnet.training.data.facts import data_facts
from budgetnet.training.data.identity import DataIdentity, data_identity
from budgetnet.training.data.load import load_dataset

__all__ = ["ImagesListener", "StudyImages", "open_images"]

ImagesListener = Callable[[Packing | DataDescribed], object]
"""Receives what happens before a training."""


class StudyImages:
    """The images of a study; if they cannot be opened, that is an error once something is to be trained on them."""

    def __init__(self, study: Study, listen: ImagesListener) -> None:
        """Open them, which may take the time to pack them."""
        self.identity: DataIdentity | None = None
        self._error: DataError | None = None
        try:
            self.identity = open_images(study, listen)
        except DataError as error:
            self._error = error

    def require(self) -> None:
        """Refuse to train without images.

        Raises:
            DataError: they are missing or damaged.
        """
        if self._error is not None:
            raise self._error


def open_images(study: Study, listen: ImagesListener) -> DataIdentity:
    """Pack a study's images, if they are not packed yet, tell of them, and return their identity.

    Raises:
        DataError: they are missing or damaged.
    """
    dataset = load_dataset(study.dataset, progress=_every_tenth(listen))
    listen(DataDescribed(data_facts(dataset, validation=study.validation, seed=study.search.seed)))
    return data_identity(dataset)


def _every_tenth(listen: ImagesListener) -> Callable[[int, int], None]:
    """Report the packing of images ten times, not once per image."""
    told = -1

    def step(done: int, total: int) -> None:
        nonlocal told
        tenth = 10 * done // max(total, 1)
        if tenth != told:
            told = tenth
            listen(Packing(done, total))

    return step
