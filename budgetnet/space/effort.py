"""Limits of the work on one space, in seconds and bytes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Effort"]

_STATES_PER_SECOND = 5_000
"""With its share of the table that is made of them."""
_PART_STEPS_PER_SECOND = 30_000


@dataclass(frozen=True, slots=True)
class Effort:
    """The most that counting a space may take.

    Seconds are counted as work, at a price per state or step measured on one core of an AMD EPYC: equal limits give
    equal results on every machine, faster or slower.
    """

    seconds: float = 6.0
    """For the states of a table, and again for looking into parts where there are too many states."""
    memory: int = 768 << 20
    """Bytes of a table's arrays."""

    @property
    def states(self) -> int:
        """Number of states that may be looked into; many options count as further states."""
        return max(1, int(self.seconds * _STATES_PER_SECOND))

    @property
    def part_steps(self) -> int:
        """Number of steps that looking into parts may take."""
        return max(1, int(self.seconds * _PART_STEPS_PER_SECOND))
