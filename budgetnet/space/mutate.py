"""Mutation: some decisions of a derivation changed, the rest kept by name, new ones drawn."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from budgetnet.derivation.decision import Answer, Chooser, Label
from budgetnet.space.choosers import prior, replay
from budgetnet.space.judge import Draw, Rejection

__all__ = ["mutate"]


def mutate(
    answers: Sequence[Answer], rng: random.Random, derive: Callable[[Chooser], Draw], *, changes: int = 1
) -> Draw:
    """Change decisions of a derivation to other allowed options and derive the network that follows.

    Decisions that the change creates are drawn by the prior; those that it removes are forgotten;
    all others keep their label where it is still on offer.

    Args:
        answers: of one complete derivation (`budgetnet.derivation.expand.Expansion.answers`).
        rng: decides what changes, and draws what is new.
        derive: derives a network with a chooser and judges it.
        changes: how many decisions change; fewer where the derivation has fewer that can.

    Returns:
        A candidate, or a rejection (also of a derivation that has nothing to change).
    """
    recorded = _changed(answers, rng, changes)
    if recorded is None:
        return Rejection("argument", "this network's derivation has no decision with a second option")
    return derive(replay(recorded, prior(rng)))


def _changed(answers: Sequence[Answer], rng: random.Random, changes: int) -> dict[str, Label] | None:
    """Return the labels with *changes* of them replaced by other allowed ones, or None if nothing can change.

    Which decision changes is drawn uniformly; what it changes to by the prior weights of its other options.
    """
    free = [position for position, answer in enumerate(answers) if sum(answer.decision.allowed) > 1]
    if not free:
        return None
    recorded = {decision.name: decision.labels[index] for decision, index in answers}
    for position in rng.sample(free, min(changes, len(free))):
        decision, taken = answers[position]
        others = [index for index, allowed in enumerate(decision.allowed) if allowed and index != taken]
        weights = [decision.weights[index] for index in others]
        index = rng.choices(others, weights)[0]
        recorded[decision.name] = decision.labels[index]
    return recorded
