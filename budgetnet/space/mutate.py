"""Mutation: some recorded decisions changed, the rest kept by name, new ones drawn."""

from __future__ import annotations

import random
from collections.abc import Mapping

from budgetnet.derivation.expand import Decision, Expansion, Label
from budgetnet.errors import LanguageError, ShapeError
from budgetnet.space.choosers import prior, replay
from budgetnet.space.judge import Draw, Rejection, derive
from budgetnet.space.space import Space

__all__ = ["changed", "mutate", "offers"]


def mutate(space: Space, decisions: Mapping[str, Label], rng: random.Random, changes: int = 1) -> Draw:
    """Change *changes* recorded decisions to other allowed options and derive the network that follows.

    Decisions that the change brings into being are drawn by the prior; those it removes are forgotten;
    all others keep their label where it is still on offer.

    Args:
        space: whose budget the result is held against.
        decisions: of one complete derivation, by name.
        rng: decides what changes, and draws what is new.
        changes: how many decisions change; fewer where the derivation has fewer that can.

    Returns:
        A candidate, or a rejection (also of a derivation that has nothing to change).
    """
    try:
        known = offers(space, decisions, rng)
    except ShapeError as error:
        return Rejection("shape", str(error))
    except LanguageError as error:
        return Rejection("argument", str(error))
    recorded = changed(known, rng, changes)
    if recorded is None:
        return Rejection("argument", "this network's derivation has no decision with a second option")
    return derive(space, replay(recorded, prior(rng)))


def offers(space: Space, decisions: Mapping[str, Label], rng: random.Random) -> list[tuple[Decision, int]]:
    """Replay a derivation and return each decision it meets with the index that was taken.

    Raises:
        ShapeError, LanguageError: the decisions do not derive a network (any more).
    """
    met: list[tuple[Decision, int]] = []
    choose = replay(decisions, prior(rng))

    def record(decision: Decision) -> int:
        index = choose(decision)
        met.append((decision, index))
        return index

    expansion: Expansion = space.expand(record)
    assert len(expansion.decisions) == len(met)
    return met


def changed(met: list[tuple[Decision, int]], rng: random.Random, changes: int = 1) -> dict[str, Label] | None:
    """Return the labels with *changes* of them replaced by other allowed ones, or None if nothing can change.

    Which decision changes is drawn uniformly; what it changes to by the prior weights of its other options.
    """
    free = [position for position, (decision, _) in enumerate(met) if sum(decision.allowed) > 1]
    if not free:
        return None
    recorded = {decision.name: decision.labels[index] for decision, index in met}
    for position in rng.sample(free, min(changes, len(free))):
        decision, taken = met[position]
        others = [index for index, allowed in enumerate(decision.allowed) if allowed and index != taken]
        weights = [decision.weights[index] for index in others]
        index = rng.choices(others, weights)[0]
        recorded[decision.name] = decision.labels[index]
    return recorded
