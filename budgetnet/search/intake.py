"""From proposals to running trials: everything that happens to a candidate before it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from budgetnet.errors import BudgetnetError
from budgetnet.network.measure import measure
from budgetnet.network.printing import network_text, summary
from budgetnet.network.tree import Node
from budgetnet.search.ledger import Ledger, Running
from budgetnet.search.objective import violation
from budgetnet.search.propose import Duplicate, Proposal, parameters_of, propose, unanswered
from budgetnet.search.record import Record
from budgetnet.search.samplers.base import Sampler
from budgetnet.space.choosers import replay
from budgetnet.space.draw import Candidate, Rejection
from budgetnet.space.space import Space

__all__ = ["Intake"]

OnRecord = Callable[[Record], None]
"""Told of every trial that is recorded without being trained."""


@dataclass(frozen=True)
class Intake:
    """Proposes, counts and records candidates of one study."""

    space: Space
    ledger: Ledger
    sampler: Sampler
    seed: int
    salt: str = ""
    """See `budgetnet.search.propose.propose`."""

    def repeat(self) -> tuple[Running, Node] | None:
        """Take the first interrupted trial that waits to be trained again, if there is one."""
        trial = self.ledger.claim()
        if trial is None:
            return None
        return trial, self.space.expand(replay(trial.attributes["decisions"], unanswered)).network

    def new(
        self, records: Sequence[Record], on_record: OnRecord
    ) -> tuple[Running, Node] | Literal["exhausted", "refused"]:
        """Propose a network and record it as running.

        Args:
            records: every trial so far.
            on_record: see `OnRecord`.

        Returns:
            The trial and its network; ``"exhausted"`` if nothing is left that fits and is new; ``"refused"`` if the
            candidate must not be trained (it is recorded with the reason).

        Raises:
            SearchError: nothing fits the budget.
        """
        proposal = propose(self.sampler, self.space, records, seed=self.seed, salt=self.salt)
        for rejection, digest in proposal.rejected:
            on_record(self._record_rejection(rejection, digest))
        if proposal.duplicate is not None:
            on_record(self._record_duplicate(proposal.duplicate))
        if proposal.candidate is None:
            return "exhausted"
        trial = self._start(proposal.candidate, proposal)
        if isinstance(trial, Record):
            on_record(trial)
            return "refused"
        return trial, proposal.candidate.expansion.network

    def _start(self, candidate: Candidate, proposal: Proposal) -> Running | Record:
        """Record a candidate with fvcore's counts; as failed if it must not be trained."""
        found = parameters_of(self.space, candidate)
        attributes = {**_described(candidate, proposal.hash), "rejected_before": dict(proposal.dropped)}
        try:
            counted = measure(candidate.expansion.network, self.space.input_shape)
        except BudgetnetError as error:
            return self.ledger.add("failed", found, {**attributes, "reason": str(error)})
        closed = candidate.cost
        for name, ours, theirs in (
            ("parameters", closed.params, counted.params),
            ("FLOPs", closed.flops, counted.flops),
            ("activations", closed.activations, counted.activations),
        ):
            if ours != theirs:
                reason = f"the closed form counts {ours:,} {name}, fvcore {theirs:,}: please report this network"
                return self.ledger.add("failed", found, {**attributes, "reason": reason})
        return self.ledger.start(found, attributes)

    def _record_rejection(self, rejection: Rejection, digest: str) -> Record:
        return self.ledger.add(
            "over_budget",
            parameters_of(self.space, rejection),
            {**_described(rejection, digest), "reason": rejection.text},
            constraints=violation(self.space.budget, rejection),
        )

    def _record_duplicate(self, duplicate: Duplicate) -> Record:
        earlier = duplicate.earlier
        attributes = {
            **_described(duplicate.candidate, duplicate.hash),
            "duplicate_of": earlier.number,
            "reason": f"the same network as trial {earlier.number}",
            "curve": list(earlier.curve),
        }
        found = parameters_of(self.space, duplicate.candidate)
        return self.ledger.add("duplicate", found, attributes, accuracy=earlier.accuracy)


def _described(drawn: Candidate | Rejection, digest: str) -> dict[str, Any]:
    """The attributes that follow from a derivation."""
    assert drawn.expansion is not None
    assert drawn.cost is not None
    network = drawn.expansion.network
    return {
        "arch": summary(network),
        "network": network_text(network),
        "decisions": dict(drawn.expansion.decisions),
        "hash": digest,
        "params": drawn.cost.params,
        "flops": drawn.cost.flops,
        "activations": drawn.cost.activations,
        "peak_activation_bytes": drawn.cost.peak_activation_bytes,
        "depth": drawn.cost.depth,
        "receptive_field": drawn.cost.receptive_field,
    }
