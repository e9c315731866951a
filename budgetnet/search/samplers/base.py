"""The form of every sampler: a function from what is known to an endless stream of derivations."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Protocol

from budgetnet.records.trial import Record
from budgetnet.space.judge import Draw

__all__ = ["STARTUP", "Sampler"]

STARTUP = 10
"""Trained networks that are drawn at random before a sampler learns from them (fewer in short studies)."""


class Sampler(Protocol):
    """Proposes networks. Keeps nothing between proposals, so a resumed study proposes as if it had never stopped."""

    def draws(self, records: Sequence[Record], rng: random.Random) -> Iterator[Draw]:
        """Yield derivations for one trial until the caller takes one.

        Args:
            records: every trial so far, in the order of their numbers, running ones included.
            rng: the only source of randomness: equal records and equal states give equal draws.

        Yields:
            Candidates, and rejections (which the caller counts). Asking for the next one refuses the last one.
        """
        ...
