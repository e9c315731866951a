"""From a sampler's draws to one network worth training: it fits, it is new, and what was dropped is counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import get_args

from budgetnet.errors import SearchError
from budgetnet.files.study import Study
from budgetnet.network.budget import Bound
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.loading.settled import SettledTrials
from budgetnet.records.objective import violation
from budgetnet.records.trial import Record
from budgetnet.search.samplers.base import STARTUP, Sampler
from budgetnet.search.samplers.evolution import EvolutionSampler
from budgetnet.search.samplers.random import RandomSampler
from budgetnet.search.samplers.tpe import TpeSampler
from budgetnet.search.samplers.turns import BudgetTurns
from budgetnet.space.judge import Candidate, Rejection
from budgetnet.space.proposer import Proposer
from budgetnet.space.space import Space

__all__ = [
    "ATTEMPTS",
    "RECORDED_REJECTIONS",
    "Duplicate",
    "Proposal",
    "TriedNetworks",
    "make_sampler",
    "propose",
]

ATTEMPTS = 2000
"""Draws for one trial before the search gives up."""
RECORDED_REJECTIONS = 3
"""Rejected derivations per trial that are recorded as trials of their own; the rest are only counted."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Another derivation of a network that has been trained."""

    candidate: Candidate
    hash: str
    earlier: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Outcome of the search for one candidate."""

    candidate: Candidate | None
    """None: in `ATTEMPTS` draws there was none that is new, but there were some that fit: the space is exhausted."""
    hash: str = ""
    rejected: tuple[tuple[Rejection, str], ...] = ()
    """To be recorded: the first complete derivations that broke the budget, with their hashes."""
    duplicate: Duplicate | None = None
    """To be recorded: the first draw that was a known network under another derivation."""
    dropped: Counter[str] = field(default_factory=Counter)
    """All other draws, by reason."""


def make_sampler(study: Study, space: Space) -> Sampler:
    """Return the sampler that a study asks for; short studies learn earlier."""
    if not study.tighter:
        return _sampler_within(study, space)
    spaces = [space, *(replace(space, budget=budget) for budget in study.tighter)]
    samplers = [_sampler_within(study, tighter) for tighter in spaces]
    return BudgetTurns(list(zip(study.limits, samplers, strict=True)))


def _sampler_within(study: Study, space: Space) -> Sampler:
    startup = min(STARTUP, max(3, study.search.trials // (4 * study.answers)))
    proposer = Proposer(space)
    match study.search.sampler:
        case "random" | "model":  # the model decides by itself (`budgetnet.search.director`)
            return RandomSampler(proposer)
        case "tpe":
            return TpeSampler(proposer, study.goal, study.target, startup)
        case "evolution":
            return EvolutionSampler(proposer, study.goal, study.target, startup)


def propose(
    sampler: Sampler,
    space: Space,
    records: Sequence[Record],
    *,
    seed: int,
    salt: str = "",
    attempts: int = ATTEMPTS,
    known: TriedNetworks | None = None,
) -> Proposal:
    """Draw until a network fits and is new.

    The randomness follows from *seed* and the number of trials (repetitions of interrupted ones aside), so a study
    that goes on proposes what it would have proposed had it never stopped.

    Args:
        sampler: where draws come from.
        space: what they are drawn from.
        records: every trial so far.
        seed: the study's.
        salt: differs between processes that search the same study, so that they do not begin with the same networks.
        attempts: draws before giving up.
        known: what the trials say of networks, if that is known already.

    Raises:
        SearchError: in all attempts nothing fitted; the message says how far off the nearest was.
    """
    if known is None:
        known = TriedNetworks()
        known.update(records)
    rng = random.Random(f"{seed}:proposal:{known.proposals}:{salt}")  # noqa: S311
    too_large: set[str] = set()
    rejected: list[tuple[Rejection, str]] = []
    duplicate: Duplicate | None = None
    dropped: Counter[str] = Counter()
    nearest: Rejection | None = None
    fitted = 0
    draws = sampler.draws(records, rng)
    for _ in range(attempts):
        found = next(draws)
        if isinstance(found, Rejection):
            nearest = _nearer(space, nearest, found)
            digest = "" if found.expansion is None else canonical_hash(found.expansion.network)
            new = digest and digest not in too_large and not known.too_large(digest)
            if new and len(rejected) < RECORDED_REJECTIONS:
                too_large.add(digest)
                rejected.append((found, digest))
            else:
                dropped[found.reason] += 1
            continue
        fitted += 1
        digest = canonical_hash(found.expansion.network)
        earlier = known.trial(digest)
        if earlier is None:
            return Proposal(
                candidate=found, hash=digest, rejected=tuple(rejected), duplicate=duplicate, dropped=dropped
            )
        if duplicate is None and earlier.scored and not _derived(records, digest, found):
            duplicate = Duplicate(found, digest, earlier)
        else:
            dropped["duplicate"] += 1
    if not fitted:
        raise SearchError(
            _nothing_fits(attempts, nearest, Counter(rejection.reason for rejection, _ in rejected) + dropped)
        )
    return Proposal(candidate=None, rejected=tuple(rejected), duplicate=duplicate, dropped=dropped)


class TriedNetworks:
    """The networks not to be trained again: tried, being tried, queued (as interrupted ones are), or known elsewhere.

    Whatever was tried here is not tried again, however it ended: of a network that was stopped early, diverged or
    failed there is no score to take over, so another derivation of it is only dropped. Trials that have ended are
    looked at once.
    """

    def __init__(self) -> None:
        """Know of no trial."""
        self._settled = SettledTrials()
        self._ended = _Tried()
        self._later = _Tried()

    def update(self, records: Sequence[Record]) -> None:
        """Take in all trials of the study, given by number."""
        seen = self._settled.look(records)
        if seen.again:
            self._ended = _Tried()
        self._ended.take(seen.ended)
        self._later = _Tried()
        self._later.take(seen.later)

    @property
    def proposals(self) -> int:
        """Return the number of trials that are no repetitions."""
        return self._ended.proposals + self._later.proposals

    def trial(self, digest: str) -> Record | None:
        """Return the first trial that tried a network, known by its canonical hash; None if none did."""
        return self._ended.trials.get(digest) or self._later.trials.get(digest)

    def too_large(self, digest: str) -> bool:
        """Tell whether a network was recorded as over budget."""
        return digest in self._ended.too_large or digest in self._later.too_large


@dataclass
class _Tried:
    """Networks of some trials, and how they ended."""

    proposals: int = 0
    trials: dict[str, Record] = field(default_factory=dict)
    too_large: set[str] = field(default_factory=set)

    def take(self, records: Iterable[Record]) -> None:
        for record in records:
            self.proposals += record.redo_of is None
            if record.outcome == "over_budget":
                self.too_large.add(record.hash)
            elif record.outcome == "interrupted" or (record.outcome == "duplicate" and not record.copied_from):
                continue
            elif record.hash:
                self.trials.setdefault(record.hash, record)


def _derived(records: Sequence[Record], digest: str, found: Candidate) -> bool:
    """Tell whether a network was already proposed by the same decisions."""
    decisions = found.expansion.decisions
    return any(record.hash == digest and record.decisions == decisions for record in records)


def _nearer(space: Space, nearest: Rejection | None, found: Rejection) -> Rejection:
    """The one that is least over its worst bound; complete derivations before broken ones."""
    if nearest is None or nearest.cost is None:
        return found
    if found.cost is None:
        return nearest
    worst = [max(violation(space.budget, rejection).values(), default=0.0) for rejection in (nearest, found)]
    return found if worst[1] < worst[0] else nearest


def _failing(reason: str) -> str:
    """Say why a draw does not fit: a bound of the budget, or a derivation that gives no network."""
    return f"over the bound on {reason}" if reason in get_args(Bound) else f"without a network ({reason})"


def _nothing_fits(attempts: int, nearest: Rejection | None, reasons: Counter[str]) -> str:
    counted = ", ".join(f"{count:,} {_failing(reason)}" for reason, count in reasons.most_common())
    head = f"none of {attempts:,} draws fits the budget: {counted}"
    if nearest is None:
        return f"{head}; widen the grammar"
    if nearest.cost is None:
        return f"{head}; no derivation gives a network, for example: {nearest.text}"
    return (
        f"{head}; the nearest had {nearest.text}; raise the budget, or give the grammar smaller choices "
        "(fewer channels, fewer repetitions, cheaper blocks)"
    )
