"""Generations of a study: a changed grammar or budget begins a new one, in the same database, and keeps the others.

The study's own name is that of the current generation in the database; generation 2 of ``tiny`` is kept as ``tiny#2``
once a third one has begun. Trials have the same numbers in all generations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from budgetnet.errors import RequestError
from budgetnet.text import counted

__all__ = ["GENERATION", "Generation", "earlier_name"]

GENERATION = "generation"
"""The attribute of a study in the database that says which generation it is; the first has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of a study."""

    number: int = 1
    """From 1."""
    begun: str = ""
    """Time of its beginning, ISO 8601, UTC; empty for the first."""
    changes: tuple[str, ...] = ()
    """Settings that were changed, a line each: ``budget.params: 6,000 → 5,000``."""
    taken_over: int = 0
    """Trained networks of earlier generations that this one's grammar derives and its budget allows."""
    left_out: int = 0
    """Trained networks of earlier generations that it does not."""
    full: int = 0
    """Full trainings that were taken over with their networks."""

    def document(self) -> dict[str, Any]:
        """Return it as the database and JSON hold it."""
        return {**asdict(self), "changes": list(self.changes)}

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Self:
        """Return the generation that a study's attributes tell of; the first one if they tell of none."""
        held = attributes.get(GENERATION)
        if not isinstance(held, Mapping) or not isinstance(held.get("number"), int):
            return cls()
        known = {name: held[name] for name in cls.__dataclass_fields__ if name in held}
        return cls(**{**known, "changes": tuple(map(str, held.get("changes", ())))})

    @property
    def text(self) -> str:
        """``generation 2: 12 of 14 trained networks were taken over, with 3 full trainings``."""
        total = self.taken_over + self.left_out
        were = "was" if total == 1 else "were"
        with_full = f", with {counted(self.full, 'full training')}" if self.full else ""
        return (
            f"generation {self.number}: {self.taken_over} of {counted(total, 'trained network')} {were} taken "
            f"over{with_full}"
        )

    @property
    def lines(self) -> list[str]:
        """Return what people are told: what was taken over, and what has changed; nothing for the first generation."""
        return [] if self.number == 1 else [f"{self.text}; what has changed:", *(f"  {one}" for one in self.changes)]

    def check_asked(self, asked: int, study: str) -> None:
        """Refuse a generation that a study has not had.

        Raises:
            RequestError: it has not.
        """
        if not 1 <= asked <= self.number:
            held = "generation 1 only" if self.number == 1 else f"the generations 1 to {self.number}"
            raise RequestError(f"--generation must be one of the study's, but got {asked}: {study} has {held}")


def earlier_name(study: str, number: int) -> str:
    """Return the name under which the database keeps a generation that is over."""
    return f"{study}#{number}"
