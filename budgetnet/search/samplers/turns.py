"""Several budgets in one search: they take turns, each with a sampler of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from budgetnet.records.trial import Record
from budgetnet.search.samplers.base import Sampler
from budgetnet.space.judge import Draw

__all__ = ["BudgetTurns"]

LIMIT_TURN = 200
"""Draws of one budget in a row, none of them taken, after which the next budget has its turn."""


@dataclass(frozen=True)
class BudgetTurns:
    """See `budgetnet.search.samplers.base.Sampler`."""

    samplers: Sequence[tuple[int, Sampler]]
    """Each budget's number of parameters and sampler."""

    def draws(self, records: Sequence[Record], rng: random.Random) -> Iterator[Draw]:
        """Yield draws of the budget whose turn it is, which learns from the networks that fit it."""
        first = sum(record.redo_of is None for record in records) % len(self.samplers)
        turns = [*self.samplers[first:], *self.samplers[:first]]
        streams = [sampler.draws(_fitting(records, limit), rng) for limit, sampler in turns]
        for stream in cycle(streams):
            yield from islice(stream, LIMIT_TURN)


def _fitting(records: Sequence[Record], limit: int) -> list[Record]:
    return [record for record in records if record.params is None or record.params <= limit]
