"""Evolution: one decision of a good network changed, the rest replayed by name.

After Real et al., "Regularized evolution for image classifier architecture search" (arXiv 1802.01548), with two
changes for searches of tens and not of thousands of trials: parents come from the best of what is known, and only
the oldest beyond a large number retire. On NAS-Bench-101 at 150 evaluations, mutating the incumbent is the cheap gain
over random search and TPE (local search, White et al., arXiv 2005.02960).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from budgetnet.files.study import Goal
from budgetnet.records.ranking import distinct, ranked
from budgetnet.records.trial import Record
from budgetnet.search.samplers.base import STARTUP
from budgetnet.space.judge import Draw
from budgetnet.space.proposer import Proposer

__all__ = ["EvolutionSampler"]

PARENTS = 10
"""Size of the elite that parents come from."""
TOURNAMENT = 3
"""Drawn from the elite; the best of them is the parent."""
MEMORY = 100
"""Trained networks that may be parents; older ones retire, so that no lucky score leads forever."""
FRESH = 0.1
"""Share of draws from the prior, which keep the search from getting stuck around one network."""
SECOND_CHANGE = 0.25
"""Chance of each further change in the same mutation."""
PATIENCE = 50
"""Unsuccessful draws after which mutations change one more decision."""


@dataclass(frozen=True)
class EvolutionSampler:
    """See `budgetnet.search.samplers.base.Sampler`."""

    proposer: Proposer
    goal: Goal = "accuracy"
    target: float | None = None
    startup: int = STARTUP

    def draws(self, records: Sequence[Record], rng: random.Random) -> Iterator[Draw]:
        """Yield draws from the prior until enough is known, then mutations of the elite."""
        elite = self.elite(records)
        drawn = 0
        while True:
            if not elite or rng.random() < FRESH:
                yield self.proposer.draw(rng)
            else:
                # The elite is sorted, so the smallest of a few random ranks is the tournament's winner.
                parent = elite[min(rng.randrange(len(elite)) for _ in range(TOURNAMENT))]
                changes = 1 + drawn // PATIENCE
                while rng.random() < SECOND_CHANGE:
                    changes += 1
                yield self.proposer.mutate(parent.decisions, rng, changes)
            drawn += 1

    def elite(self, records: Sequence[Record]) -> list[Record]:
        """Return the possible parents, best first; none as long as too little is known."""
        latest = (one for one in reversed(records) if (one.trained or one.scored) and one.decisions)
        trained = list(islice(latest, MEMORY))[::-1]
        if len(trained) < self.startup:
            return []
        return distinct(ranked(trained, self.goal, self.target))[:PARENTS]
