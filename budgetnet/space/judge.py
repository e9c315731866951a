"""One draw from a space: a candidate that fits the budget, or the reason why there is none."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from budgetnet.derivation.decision import Chooser
from budgetnet.derivation.expand import Expansion
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.network.cost.types import Cost
from budgetnet.space.choosers import prior
from budgetnet.space.space import Space

__all__ = ["Candidate", "Draw", "Rejection", "attempt", "derive", "draw", "judge"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network that fits the budget, by the closed form."""

    expansion: Expansion
    cost: Cost


@dataclass(frozen=True, slots=True)
class Rejection:
    """A derivation that gives no candidate."""

    reason: str
    """The bound that broke (``params``, ``flops``, ``activations``, ``peak_activation_bytes``, ``depth``), or
    ``shape`` or ``argument`` where the derivation gives no network."""
    text: str
    """One readable sentence: ``213,440 parameters, 6.7 % over 200,000``."""
    expansion: Expansion | None = None
    """None where the derivation could not be completed."""
    cost: Cost | None = None
    """None where there is no network to count."""


Draw = Candidate | Rejection


def draw(space: Space, rng: random.Random) -> Draw:
    """Derive one network by the grammar's prior and judge it."""
    return derive(space, prior(rng))


def derive(space: Space, choose: Chooser) -> Draw:
    """Derive one network with any chooser and judge it."""
    return attempt(space, lambda: space.expand(choose))


def attempt(space: Space, make: Callable[[], Expansion]) -> Draw:
    """Judge what *make* derives; a derivation that gives no network is a rejection as well."""
    try:
        expansion = make()
    except ShapeError as error:
        return Rejection("shape", str(error))
    except LanguageError as error:
        return Rejection("argument", str(error))
    return judge(space, expansion)


def judge(space: Space, expansion: Expansion) -> Draw:
    """Count a network by the closed form and compare it with the budget."""
    counted = space.cost(expansion.network)
    excess = space.budget.excess(counted)
    if excess is None:
        return Candidate(expansion, counted)
    return Rejection(excess.bound, str(excess), expansion, counted)
