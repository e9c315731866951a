"""Candidates for the model to choose from: networks that fit the budget and were not trained yet.

Each decision of a search brings a small batch: draws by the grammar's weights, a few drawn uniformly, and mutations of
the best networks by then. The batches of the latest decisions stay on offer, so that there are many candidates and few
new ones to derive. A batch follows from the study's seed, its number, and the trainings before it: a search that goes
on derives the same batches again.
"""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.trial import Record
from budgetnet.search.model.features import features_of
from budgetnet.search.model.matrix import Matrix
from budgetnet.search.model.policy import Offered, PolicyTraining
from budgetnet.space.counting.table import Table
from budgetnet.space.judge import Candidate, Draw
from budgetnet.space.proposer import Proposer
from budgetnet.space.sampling import draw_fitting

__all__ = ["Offers"]

PLAIN = 6
"""Draws by the grammar's weights in a batch."""
UNIFORM = 2
"""Draws in which every network that fits is as likely as any other, where a table allows it."""
MUTANTS = 4
"""Mutations of the best networks by then."""
FRESH_MUTANTS = 3
"""Mutations of what the model likes best at this moment; they are not kept."""
BATCHES = 12
"""Batches on offer at once."""
ELITE = 8
FURTHER_CHANGE = 0.25
"""Chance of each further change in the same mutation."""
REFERENCE = 100
"""Plain draws by which features are standardised."""
ATTEMPTS_EACH = 20
"""Draws per candidate that may not fit, where the space can only be drawn from without looking ahead."""


@dataclass(frozen=True)
class _Batch:
    plain: tuple[str, ...]
    others: tuple[str, ...]


@dataclass
class Offers:
    """Makes candidates and knows them by their canonical hashes."""

    proposers: Sequence[Proposer]
    """That of the study's budget first; others, of tighter ones, take turns with it."""
    matrix: Matrix
    """Receives the features of every candidate."""
    seed: int
    salt: str = ""
    """Differs between processes that search the same study."""
    mutate: int = 1
    """The first so many proposers also mutate, in turns."""
    dropped: Counter[str] = field(default_factory=Counter)
    """Draws that did not fit, by reason, since this was last emptied."""
    candidates: dict[str, Candidate] = field(default_factory=dict)
    """Networks on offer, by key."""
    _batches: dict[int, _Batch] = field(default_factory=dict)

    def reference(self) -> list[str]:
        """Return plain draws of the study, by which features are standardised throughout it."""
        rng = random.Random(f"{self.seed}:reference")  # noqa: S311
        return list(dict.fromkeys(self._some(REFERENCE, lambda: self.proposers[0].draw(rng))))

    def offer(
        self,
        trainings: Sequence[PolicyTraining],
        records: Mapping[str, Record],
        favourites: Sequence[str],
    ) -> Offered:
        """Return candidates for the next decision.

        Args:
            trainings: all so far.
            records: a trial of each network that has one; these are not offered.
            favourites: networks that the model likes best, best first.
        """
        number = len(trainings)
        numbers = range(max(0, number - BATCHES + 1), number + 1)
        self._forget(numbers)
        for wanted in numbers:
            if wanted not in self._batches:
                self._batches[wanted] = self._batch(wanted, trainings[:wanted], records)
        rng = self._rng("fresh", number)
        known = [records[key] for key in favourites if key in records]
        fresh = self._some(FRESH_MUTANTS, lambda: self._mutant(known, rng, number)) if known else []
        plain = [key for batch in self._batches.values() for key in batch.plain if key not in records]
        others = [key for batch in self._batches.values() for key in batch.others if key not in records]
        others += [key for key in fresh if key not in records]
        plain = list(dict.fromkeys(plain))
        return Offered(plain, [key for key in dict.fromkeys(others) if key not in set(plain)])

    def _forget(self, numbers: range) -> None:
        """Drop batches that are no longer on offer, and their networks."""
        self._batches = {number: batch for number, batch in self._batches.items() if number in numbers}
        kept = {key for batch in self._batches.values() for key in (*batch.plain, *batch.others)}
        self.candidates = {key: found for key, found in self.candidates.items() if key in kept}

    def _batch(self, number: int, before: Sequence[PolicyTraining], records: Mapping[str, Record]) -> _Batch:
        rng = self._rng("batch", number)
        turn = itertools.count(number)
        plain = self._some(PLAIN, lambda: self.proposers[next(turn) % len(self.proposers)].draw(rng))
        others: list[str] = []
        ahead = self.proposers[number % len(self.proposers)].ahead
        if isinstance(ahead, Table) and ahead.exact:
            others += self._some(UNIFORM, lambda: draw_fitting(ahead, rng, weighting="uniform"))
        elite = [records[key] for key in _elite(before) if key in records]
        if elite:
            others += self._some(MUTANTS, lambda: self._mutant(elite, rng, number))
        return _Batch(tuple(plain), tuple(others))

    def _rng(self, what: str, number: int) -> random.Random:
        return random.Random(f"{self.seed}:{what}:{number}:{self.salt}")  # noqa: S311

    def _mutant(self, parents: Sequence[Record], rng: random.Random, number: int) -> Draw:
        parent = parents[min(rng.randrange(len(parents)), rng.randrange(len(parents)))]
        changes = 1
        while rng.random() < FURTHER_CHANGE:
            changes += 1
        return self.proposers[number % self.mutate].mutate(parent.decisions, rng, changes)

    def _some(self, count: int, draw: Callable[[], Draw]) -> list[str]:
        """Return the keys of candidates that a function draws; what does not fit is counted."""
        found: list[str] = []
        for _ in range(count * ATTEMPTS_EACH):
            drawn = draw()
            if isinstance(drawn, Candidate):
                found.append(self._keep(drawn))
                if len(found) == count:
                    break
            else:
                self.dropped[drawn.reason] += 1
        return found

    def _keep(self, drawn: Candidate) -> str:
        key = canonical_hash(drawn.expansion.network)
        if key not in self.candidates:
            self.candidates[key] = drawn
        if key not in self.matrix:
            space = self.proposers[0].space
            features = features_of(
                drawn.expansion.network,
                space.input_shape,
                decisions=drawn.expansion.decisions,
                custom=space.custom,
                counted=drawn.cost,
            )
            self.matrix.add(key, features)
        return key


def _elite(before: Sequence[PolicyTraining]) -> list[str]:
    """Return the networks of the highest full, and of the highest brief, accuracies in turn, best first."""
    ranked = [
        sorted(
            (one for one in before if one.brief == brief and one.accuracy is not None),
            key=lambda one: -(one.accuracy or 0.0),
        )
        for brief in (False, True)
    ]
    found: dict[str, None] = {}
    for place in range(ELITE):
        for side in ranked:
            if place < len(side):
                found.setdefault(side[place].key)
    return list(found)[:ELITE]
