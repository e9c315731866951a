"""Derivations for samplers: within the budget from the start where the space allows a table, else judged at the end."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cached_property

from budgetnet.derivation.decision import Answer, Chooser, Label
from budgetnet.space import judge, within_budget
from budgetnet.space.choosers import prior, replay
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.judge import Draw
from budgetnet.space.mutate import mutate
from budgetnet.space.space import Space

__all__ = ["Proposer"]

LIMIT_MEMORY = 1 << 30
"""Bytes that the table over the space may take."""


class Proposer:
    """Derives networks of one space, with any chooser.

    With a table, a decision offers only options from which some completion still fits, so under a bound on parameters,
    or on parameters and FLOPs, no draw is wasted and the search does not collapse to shallow networks. Spaces too large
    for one are drawn from as they are.
    """

    def __init__(self, space: Space, *, aware: bool = True) -> None:
        """Make no table yet: a search that is complete needs none.

        Args:
            space: what to derive from.
            aware: False does without a table in any case.
        """
        self.space = space
        self._aware = aware
        self._parents: dict[tuple[tuple[str, type, Label], ...], tuple[Answer, ...]] = {}
        """Derivations that were mutated before: evolution comes back to a few networks again and again."""

    @cached_property
    def table(self) -> Table | None:
        """The table over the space; None if it would be too large."""
        if not self._aware or not self.space.budget.bounds():
            return None
        found = tabulate(self.space, memory=LIMIT_MEMORY)
        return found if isinstance(found, Table) else None

    def derive(self, choose: Chooser) -> Draw:
        """Derive one network and judge it.

        Raises:
            SearchError: nothing in the space fits the budget; the message says how small the smallest network is.
        """
        table = self.table
        if table is None:
            return judge.derive(self.space, choose)
        return judge.attempt(self.space, lambda: within_budget.derive_within_budget(table, choose))

    def draw(self, rng: random.Random) -> Draw:
        """Derive one network by the grammar's prior, given the budget."""
        return self.derive(prior(rng))

    def mutate(self, decisions: Mapping[str, Label], rng: random.Random, changes: int = 1) -> Draw:
        """Change some decisions of a derivation and keep the rest by name; what is new is drawn.

        Where the changed network would not fit with all the rest, later decisions give way, too.
        """
        key = tuple((name, type(label), label) for name, label in decisions.items())
        answers = self._parents.get(key)
        if answers is None:
            again = self.derive(replay(decisions, prior(rng)))
            if again.expansion is None:
                return again
            answers = again.expansion.answers
            if key == tuple((answer.decision.name, type(answer.label), answer.label) for answer in answers):
                self._parents[key] = answers  # nothing of it was drawn
        return mutate(answers, rng, self.derive, changes=changes)
