"""Spaces from Python: a study's grammar before anything trains."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from budgetnet.api import cards  # noqa: F401 - lets notebooks show what is defined here
from budgetnet.api.studies import as_study
from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.space.space import Space

if TYPE_CHECKING:
    from budgetnet.explore.draw_networks import Draws
    from budgetnet.explore.findings import Exploration

__all__ = ["Space", "explore", "read_space", "sample"]


def read_space(study: Study | str | Path) -> Space:
    """Return the space of a study: its grammar on the images of its data set, under its budget.

    A notebook shows it as its exploration: how many networks there are, how many fit, and how large they are.

    Args:
        study: a study, or the path of its file.

    Raises:
        StudyError, LanguageError: the study file is wrong, located in it.
        DataError: a folder of images is not laid out as it should be.

    >>> import budgetnet as bn
    >>> bn.read_space("studies/quickstart.yaml").input_shape
    (1, 8, 8)
    """
    return space_of(as_study(study))


def explore(space: Space | Study | str | Path, *, draws: int = 1000, seed: int = 0, points: int = 0) -> Exploration:
    """Tell what fits a budget before anything trains, from networks drawn at random and, where possible, exactly.

    Args:
        space: a space, a study, or the path of a study file.
        draws: networks to draw, at least 1.
        seed: equal seeds give equal results.
        points: networks that fit to draw for figures, and with them histograms; 0 for neither.

    Returns:
        Shares as fractions, costs in parameters and FLOPs (one multiply-add = one FLOP).

    Raises:
        StudyError, LanguageError, DataError: see `read_space`.

    >>> import budgetnet as bn
    >>> found = bn.explore("studies/quickstart.yaml", draws=100)
    >>> 0 < found.fits.value <= 1
    True
    """
    from budgetnet.explore.explore import explore as explore_space

    looked_at = space if isinstance(space, Space) else read_space(space)
    return explore_space(looked_at, draws=draws, seed=seed, points=points)


def sample(
    study: Study | str | Path,
    number: int = 10,
    *,
    seed: int = 0,
    weighting: Literal["prior", "uniform"] = "prior",
    stratify: Literal["size", "depth"] | None = None,
    distinct: bool = False,
) -> Draws:
    """Draw networks that fit a study's budget.

    Args:
        study: a study, or the path of its file.
        number: how many, at least 1.
        seed: equal seeds draw equal networks.
        weighting: by the grammar's weights, or every fitting derivation alike.
        stratify: draw from bands of size or depth in turn.
        distinct: no network twice, by canonical hash.

    Returns:
        The draws; its ``networks`` are `Network` objects, its ``points`` their costs.

    Raises:
        RequestError: the space is too large for what was asked, or holds fewer distinct networks.
        SearchError: nothing fits.
        StudyError, LanguageError, DataError: see `read_space`.

    >>> import budgetnet as bn
    >>> drawn = bn.sample("studies/quickstart.yaml", 2, seed=1)
    >>> [bn.count(network).params for network in drawn.networks] == [point.params for point in drawn.points]
    True
    """
    from budgetnet.explore.draw_networks import draw_networks

    asked = as_study(study)
    return draw_networks(asked, number, seed=seed, weighting=weighting, stratify=stratify, distinct=distinct)
