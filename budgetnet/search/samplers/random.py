"""Random search: draws by the grammar's prior. A strong baseline on architecture spaces."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from budgetnet.records.trial import Record
from budgetnet.space.judge import Draw
from budgetnet.space.proposer import Proposer

__all__ = ["RandomSampler"]


@dataclass(frozen=True)
class RandomSampler:
    """See `budgetnet.search.samplers.base.Sampler`."""

    proposer: Proposer

    def draws(self, records: Sequence[Record], rng: random.Random) -> Iterator[Draw]:  # noqa: ARG002
        """Yield draws that do not depend on what is known."""
        while True:
            yield self.proposer.draw(rng)
