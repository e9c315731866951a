"""A study's space: its grammar on the images of its data set. Loads neither optuna nor torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from budgetnet.derivation.decision import Label
from budgetnet.derivation.expand import expand
from budgetnet.derivation.origins import OriginMachine
from budgetnet.errors import BudgetnetError
from budgetnet.files.study import Study
from budgetnet.network.nodes import Node
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.effort import Effort
from budgetnet.space.lint.lint import lint
from budgetnet.space.space import Space
from budgetnet.training.data.sources import describe_source

__all__ = ["checked_space", "origins_of", "space_of"]


def space_of(study: Study) -> Space:
    """Return the search space of a study: its grammar on the shape and classes of its data set.

    Raises:
        DataError: a folder of images is not laid out as it should be.
    """
    images = describe_source(study.dataset)
    forms = study.plugins.forms
    effort = Effort(study.search.count_seconds, study.search.count_memory)
    return Space(study.grammar, study.vocabulary, images.shape, len(images.classes), study.budget, forms, effort)


def checked_space(study: Study, *, say: Callable[[str], object]) -> Space:
    """Return the same space, after passing warnings about it to *say*.

    Raises:
        DataError: see `space_of`.
        StudyError: no network of the space fits the budget, or the tightest of several, so none can be drawn.
    """
    space = space_of(study)
    for warning in lint(space, refuse=True):
        say(f"warning: {warning.text}")
    for budget in study.tighter[-1:]:
        lint(replace(space, budget=budget), refuse=True)
    return space


def origins_of(study: Study, decisions: Mapping[str, Label], network: Node) -> tuple[str, ...]:
    """Derive a recorded network again to learn which rule made what (`budgetnet.derivation.origins`).

    Returns nothing if the study's grammar does not derive it so.

    Raises:
        DataError: see `space_of`.
    """
    space = space_of(study)
    try:
        again = expand(
            space.grammar,
            input_shape=space.input_shape,
            classes=space.classes,
            vocabulary=space.vocabulary,
            choose=replay(decisions, unanswered),
            machine=space.make_machine(OriginMachine),
        )
    except BudgetnetError:
        return ()
    return again.origins if again.network == network else ()
