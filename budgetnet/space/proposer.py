"""Derivations for samplers, within the budget from the first decision on."""

from __future__ import annotations

import random
from collections.abc import Mapping
from functools import cached_property

from budgetnet.derivation.decision import Answer, Chooser, Label
from budgetnet.space import judge, within_budget
from budgetnet.space.choosers import prior, replay
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import rounded_text, tabulate
from budgetnet.space.judge import Draw
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.mutate import mutate
from budgetnet.space.space import Space
from budgetnet.space.ticker import announce

__all__ = ["Proposer"]


class Proposer:
    """Derives networks of one space, with any chooser.

    A decision offers only options from which some completion still fits, so under a bound on parameters, FLOPs or
    both no draw is wasted and the search does not collapse to shallow networks. A table over the space knows how likely
    each option is among all that fits; where the space is too large for one, an outlook estimates it.
    """

    def __init__(self, space: Space, *, aware: bool = True, states: int | None = None) -> None:
        """Explore nothing yet: a search that is already complete needs neither table nor outlook.

        Args:
            space: what to derive from.
            aware: False draws by the grammar alone.
            states: limit of the table, see `budgetnet.space.counting.tabulate.tabulate`.
        """
        self.space = space
        self._aware = aware
        self._states = states
        self._parents: dict[tuple[tuple[str, type, Label], ...], tuple[Answer, ...]] = {}
        """Derivations that were mutated before: evolution comes back to a few networks again and again."""

    @cached_property
    def ahead(self) -> Table | Outlook | None:
        """The table over the space, or an outlook where it would be too large; None where nothing bounds the space.

        Whoever listens is told what is not exact (`budgetnet.space.ticker.telling`).
        """
        if not self._aware or not self.space.budget.bounds():
            return None
        found = tabulate(self.space, states=self._states)
        if isinstance(found, Table):
            if found.axis is not None and not found.exact:
                announce(f"{rounded_text(found)}; draws fit, in proportions right to within that")
            return found
        announce(f"{found.text}; draws fit, in proportions near the grammar's")
        return Outlook(self.space)

    def derive(self, choose: Chooser) -> Draw:
        """Derive one network and judge it.

        Raises:
            SearchError: nothing in the space fits the budget; the message says how small the smallest network is.
        """
        ahead = self.ahead
        match ahead:
            case None:
                return judge.derive(self.space, choose)
            case Outlook():
                return judge.attempt(self.space, lambda: within_budget.derive_by_outlook(ahead, choose)[0])
            case _:
                return judge.attempt(self.space, lambda: within_budget.derive_within_budget(ahead, choose))

    def draw(self, rng: random.Random) -> Draw:
        """Derive one network by the grammar's prior, given the budget."""
        return self.derive(prior(rng))

    def mutate(self, decisions: Mapping[str, Label], rng: random.Random, changes: int = 1) -> Draw:
        """Change some decisions of a derivation and keep the rest by name; new decisions are drawn.

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
