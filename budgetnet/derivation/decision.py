"""Decisions of a derivation: the options at a site of the grammar, and the option taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from budgetnet.ops.signature import Scalar

__all__ = ["Answer", "Chooser", "Decision", "Label"]

Label = Scalar
"""The name of an option in records."""


class Decision(NamedTuple):
    """An open decision, as a chooser sees it."""

    name: str
    """Unique within a derivation and stable across derivations: ``stage#2[0].block[1].kind``."""
    kind: Literal["alternative", "count", "optional", "value"]
    labels: tuple[Label, ...]
    """Names of the options in records."""
    weights: tuple[float, ...]
    """Prior probabilities; they sum to 1."""
    allowed: tuple[bool, ...]
    """False for options that recursion cannot finish or, for a budget-aware chooser, that cannot fit the budget."""
    stable: bool
    """True if this name has these labels in every derivation (bounds computed from parameters may not)."""


class Answer(NamedTuple):
    """A decision and the option that was taken."""

    decision: Decision
    taken: int
    """Index of the option."""

    @property
    def label(self) -> Label:
        """The option's name in records."""
        return self.decision.labels[self.taken]


Chooser = Callable[[Decision], int]
"""Answers a decision with the index of an allowed option."""
