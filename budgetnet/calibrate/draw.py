"""The networks of a campaign, drawn as a random search draws them."""

from __future__ import annotations

import random

from budgetnet.calibrate.record import CalibratedNetwork, Recorded
from budgetnet.calibrate.tasks import CampaignPlan
from budgetnet.errors import SearchError
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.network.text import network_text, summary
from budgetnet.space import judge
from budgetnet.space.judge import Candidate, Rejection
from budgetnet.space.proposer import Proposer
from budgetnet.space.sampling import draw_fitting
from budgetnet.space.space import Space

__all__ = ["DRAW", "draw_for_calibration"]

DRAW_ATTEMPTS = 1000
"""Draws for one network before the space is taken to be exhausted."""
DRAW = "by the grammar's own weights, given that the network fits the budget; each network once"


def draw_for_calibration(space: Space, plan: CampaignPlan, recorded: Recorded) -> list[CalibratedNetwork]:
    """Return the networks of a plan: those recorded, in their order, and as many new ones as are missing.

    They are drawn as random search draws, so they are what a search sees first, and each is drawn with a
    randomness of its own: a larger calibration begins with the smaller one's networks.

    Raises:
        SearchError: too few networks fit.
    """
    networks = list(recorded.networks[: plan.networks])
    if len(networks) == plan.networks:
        return networks
    known = {network.hash for network in networks}
    proposer = Proposer(space)
    while len(networks) < plan.networks:
        rng = random.Random(f"{plan.seed}:calibration:{len(networks)}")  # noqa: S311 - no secret
        found = _new(proposer, rng, known)
        if found is None:
            break
        known.add(found[1])
        networks.append(_described(len(networks), *found))
    if len(networks) < plan.least:
        raise SearchError(
            f"only {len(networks)} different networks were found that fit, but a {plan.campaign} needs at least "
            f"{plan.least}; widen the grammar or raise the budget"
        )
    return networks


def _new(proposer: Proposer, rng: random.Random, known: set[str]) -> tuple[Candidate, str] | None:
    """A network that fits and is not known, with its hash; None if none was found."""
    ahead = proposer.ahead
    for _ in range(DRAW_ATTEMPTS):
        found = judge.draw(proposer.space, rng) if ahead is None else draw_fitting(ahead, rng)
        if isinstance(found, Rejection):
            continue
        digest = canonical_hash(found.expansion.network)
        if digest not in known:
            return found, digest
    return None


def _described(index: int, candidate: Candidate, digest: str) -> CalibratedNetwork:
    network = candidate.expansion.network
    return CalibratedNetwork(
        index=index,
        hash=digest,
        arch=summary(network),
        network=network_text(network),
        decisions=candidate.expansion.decisions,
        params=candidate.cost.params,
        flops=candidate.cost.flops,
        depth=candidate.cost.depth,
    )
