"""From proposals to running trials: everything that happens to a candidate before it trains."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from budgetnet.errors import BudgetnetError
from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins
from budgetnet.network.nodes import Node
from budgetnet.network.text import network_text, summary
from budgetnet.network.torch.measure import measure_nodes
from budgetnet.records.ledger import Ledger, Running
from budgetnet.records.objective import violation
from budgetnet.records.other_studies import EarlierTrial, OtherStudies
from budgetnet.records.parameters import parameters
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.trial import TRAINED, Record
from budgetnet.search.known_networks import Start
from budgetnet.search.preparation.latency import LatencyJudge
from budgetnet.search.propose import Duplicate, TriedNetworks, propose
from budgetnet.search.samplers.base import Sampler
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.judge import Candidate, Rejection
from budgetnet.space.space import Space

__all__ = ["CandidateSource"]

MOST_COPIES = 50
"""Scores in a row that are taken over from other studies before the search checks its clock and signals again."""

Started = tuple[Running, Node] | Literal["refused", "copied"]
"""A trial that trains and its network; ``refused``: it must not be trained; ``copied``: its score is known, or
another process trains it."""
TAKEN = 0.2
"""Seconds to wait for another process to record the network that this one has proposed, too."""
IN_HAND = (*TRAINED, "failed", "running", "waiting")
"""Outcomes of trials whose network no other trial may train."""

OnRecord = Callable[[Record], None]
"""Told of every trial that is recorded without being trained."""


@dataclass(frozen=True)
class CandidateSource:
    """Proposes, counts and records candidates of one study."""

    space: Space
    ledger: Ledger
    sampler: Sampler
    seed: int
    salt: str = ""
    """See `budgetnet.search.propose.propose`."""
    plugins: Plugins = NO_PLUGINS
    """The study's own primitives."""
    starts: tuple[Start, ...] = ()
    """Known networks, tried before any is drawn."""
    other_studies: OtherStudies | None = None
    """Other studies whose scores are taken over; None takes over none."""
    claims: Claims | None = None
    """Settles which process trains a network that several propose at once; None if there is one process."""
    latency: LatencyJudge | None = None
    """Measures candidates; None where the budget does not bound latency."""
    _tried: TriedNetworks = field(default_factory=TriedNetworks, init=False, compare=False, repr=False)

    def repeat(self) -> tuple[Running, Node] | None:
        """Take the first interrupted trial that waits to be trained again, if there is one."""
        trial = self.ledger.claim()
        if trial is None:
            return None
        return trial, self.space.expand(replay(trial.attributes["decisions"], unanswered)).network

    def new(
        self, records: Sequence[Record], on_record: OnRecord
    ) -> tuple[Running, Node] | Literal["exhausted", "refused"]:
        """Propose a network, known ones first, and record it as running.

        Args:
            records: every trial so far.
            on_record: see `OnRecord`.

        Returns:
            The trial and its network; ``"exhausted"`` if nothing is left that fits and is new; ``"refused"`` if the
            candidate must not be trained (it is recorded with the reason). What another study has completed is
            recorded as a duplicate on the way, and the next network is proposed with that known.

        Raises:
            SearchError: nothing fits the budget.
        """
        for _ in range(MOST_COPIES):
            found = self.start(records, on_record) or self._drawn(records, on_record)
            if found != "copied":
                return found
            records = self.ledger.records()
        return "refused"

    def start(self, records: Sequence[Record], on_record: OnRecord) -> Started | None:
        """Record the next of the networks that the search starts from; None if all have been tried."""
        if not self.starts:
            return None
        known = {record.hash for record in records}
        start = next((start for start in self.starts if start.hash not in known), None)
        return None if start is None else self._known(start, on_record)

    def begin(self, candidate: Candidate, digest: str, dropped: Mapping[str, int], on_record: OnRecord) -> Started:
        """Record a candidate that was chosen elsewhere.

        Args:
            candidate: the network.
            digest: its canonical hash.
            dropped: draws that were dropped on the way to it, by reason.
            on_record: see `OnRecord`.
        """
        described = {**self._described(candidate, digest), "rejected_before": dict(dropped)}
        return self._start(candidate, described, on_record)

    def _drawn(
        self, records: Sequence[Record], on_record: OnRecord
    ) -> tuple[Running, Node] | Literal["exhausted", "refused", "copied"]:
        """Propose a network and record it, and what was dropped on the way."""
        self._tried.update(records)
        proposal = propose(self.sampler, self.space, records, seed=self.seed, salt=self.salt, known=self._tried)
        for rejection, digest in proposal.rejected:
            on_record(self._record_rejection(rejection, digest))
        if proposal.duplicate is not None:
            on_record(self._record_duplicate(proposal.duplicate))
        if proposal.candidate is None:
            return "exhausted"
        return self.begin(proposal.candidate, proposal.hash, proposal.dropped, on_record)

    def _known(self, start: Start, on_record: OnRecord) -> Started:
        """Record a known network as running, or as over budget."""
        if isinstance(start.drawn, Rejection):
            on_record(self._record_rejection(start.drawn, start.hash, origin=start.origin))
            return "refused"
        return self._start(start.drawn, {**self._described(start.drawn, start.hash), "origin": start.origin}, on_record)

    def _start(self, candidate: Candidate, attributes: dict[str, Any], on_record: OnRecord) -> Started:
        """Record a candidate: as a duplicate if another study has its score, as running, or as failed.

        It is over budget if it takes too long here, and failed if fvcore's counts are not the closed form's. What
        another process records now is left to it.
        """
        with self._claimed(attributes["hash"]) as ours:
            if ours:
                return self._begun(candidate, attributes, on_record)
        time.sleep(TAKEN)
        return "copied"

    @contextmanager
    def _claimed(self, digest: str) -> Iterator[bool]:
        """Keep other processes from recording a network inside the block; yield False if one of them does or did."""
        what = f"network:{digest}"
        if self.claims is None:
            yield True
        elif not self.claims.take(what):
            yield False
        else:
            try:
                records = self.ledger.records()  # another process may have been faster since the proposal
                yield not any(record.hash == digest and record.outcome in IN_HAND for record in records)
            finally:
                self.claims.release(what)

    def _begun(self, candidate: Candidate, attributes: dict[str, Any], on_record: OnRecord) -> Started:
        found = parameters(candidate.expansion.answers)
        if self.latency is not None:
            measured = self.latency.measure(candidate.expansion.network)
            attributes = {**attributes, **measured.attributes()}
            slow = self.latency.excess(measured)
            if slow is not None:
                over = {"latency": math.log10(measured.seconds / self.latency.limit)}
                on_record(self.ledger.add("over_budget", found, {**attributes, "reason": slow}, constraints=over))
                return "refused"
        earlier = None if self.other_studies is None else self.other_studies.completed(attributes["hash"])
        if earlier is not None:
            copied = {**attributes, **_copied(earlier)}
            on_record(self.ledger.add("duplicate", found, copied, accuracy=earlier.record.accuracy))
            return "copied"
        reason = self._wrong_count(candidate)
        if reason is not None:
            on_record(self.ledger.add("failed", found, {**attributes, "reason": reason}))
            return "refused"
        return self.ledger.start(found, attributes), candidate.expansion.network

    def _wrong_count(self, candidate: Candidate) -> str | None:
        """Why a candidate must not be trained; None if its counts are right."""
        network, shape = candidate.expansion.network, self.space.input_shape
        try:
            counted = measure_nodes(network, shape, custom=self.plugins.modules)
        except BudgetnetError as error:
            return self.plugins.disagreement(network, shape) or str(error)
        closed = candidate.cost
        for name, ours, theirs in (
            ("parameters", closed.params, counted.params),
            ("FLOPs", closed.flops, counted.flops),
            ("activations", closed.activations, counted.activations),
        ):
            if ours != theirs:
                return self.plugins.disagreement(network, shape) or (
                    f"the closed form counts {ours:,} {name}, fvcore {theirs:,}: please report this network"
                )
        return None

    def _record_rejection(self, rejection: Rejection, digest: str, **more: str) -> Record:
        assert rejection.expansion is not None
        return self.ledger.add(
            "over_budget",
            parameters(rejection.expansion.answers),
            {**self._described(rejection, digest), "reason": rejection.text, **more},
            constraints=violation(self.space.budget, rejection),
        )

    def _record_duplicate(self, duplicate: Duplicate) -> Record:
        earlier = duplicate.earlier
        attributes = {
            **self._described(duplicate.candidate, duplicate.hash),
            "duplicate_of": earlier.number,
            "reason": f"the same network as trial {earlier.number}",
            "curve": list(earlier.curve),
        }
        found = parameters(duplicate.candidate.expansion.answers)
        return self.ledger.add("duplicate", found, attributes, accuracy=earlier.accuracy)

    def _described(self, drawn: Candidate | Rejection, digest: str) -> dict[str, Any]:
        """The attributes that follow from a derivation."""
        assert drawn.expansion is not None
        assert drawn.cost is not None
        network = drawn.expansion.network
        note = self.plugins.of(network).note
        return {
            "arch": summary(network),
            "network": network_text(network),
            "decisions": drawn.expansion.decisions,
            "hash": digest,
            "params": drawn.cost.params,
            "flops": drawn.cost.flops,
            "activations": drawn.cost.activations,
            "peak_activation_bytes": drawn.cost.peak_activation_bytes,
            "depth": drawn.cost.depth,
            "receptive_field": drawn.cost.receptive_field,
            "flash": drawn.cost.flash,
            "ram": drawn.cost.ram,
            **({"note": note} if note else {}),
        }


def _copied(earlier: EarlierTrial) -> dict[str, Any]:
    """List what is taken over from a trial of another study."""
    record = earlier.record
    taken = {
        "copied_from": earlier.address,
        "reason": f"the same network as trial {record.number} of the study {earlier.study}, trained alike",
        "curve": list(record.curve),
        "epochs": record.epochs,
    }
    return taken if record.seed is None else {**taken, "seed": record.seed}
