"""A study's space: its grammar on the images of its data set. Loads neither optuna nor torch."""

from __future__ import annotations

from budgetnet.search.study import Study
from budgetnet.space.space import Space
from budgetnet.training.sources import describe

__all__ = ["space_of"]


def space_of(study: Study) -> Space:
    """Return the search space of a study: its grammar on the shape and classes of its data set.

    Raises:
        DataError: a folder of images is not laid out as it should be.
    """
    images = describe(study.dataset)
    forms = study.plugins.forms
    return Space(study.grammar, study.vocabulary, images.shape, len(images.classes), study.budget, forms)
