"""From draws to one candidate: what is recorded, what is only counted, and when there is nothing left."""

from __future__ import annotations

import random

import pytest

from budgetnet.errors import SearchError
from budgetnet.files.spaces import space_of
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.objective import violation
from budgetnet.records.trial import Record
from budgetnet.search.propose import RECORDED_REJECTIONS, propose
from budgetnet.search.samplers.random import RandomSampler
from budgetnet.space.judge import Rejection
from budgetnet.space.proposer import Proposer

SAME_TWICE = """\
network = conv(3, 8) (identity | conv(1, 8){0..0} | conv(1, 8)) gap linear(classes)
"""
"""Three derivations, two networks."""


def as_record(number: int, proposal, **values) -> Record:
    """A proposal's candidate as a trial."""
    return Record(
        number=number,
        hash=proposal.hash,
        decisions=proposal.candidate.expansion.decisions,
        **{"outcome": "completed", "accuracy": 0.5, "curve": (0.5,), **values},
    )


def test_candidate_fits_and_is_new(space):
    """Proposal after proposal, networks differ and fit."""
    sampler = RandomSampler(Proposer(space))
    records: list[Record] = []
    for number in range(20):
        proposal = propose(sampler, space, records, seed=0)
        assert space.budget.excess(proposal.candidate.cost) is None
        assert proposal.hash not in {record.hash for record in records}
        records.append(as_record(number, proposal))


def test_proposals_go_on_as_if_never_stopped(space):
    """The next proposal follows from the records and the seed, not from the sampler's past."""
    sampler = RandomSampler(Proposer(space))
    one = propose(sampler, space, [], seed=0)
    records = [as_record(0, one)]
    two = propose(sampler, space, records, seed=0)
    again = propose(RandomSampler(Proposer(space)), space, records, seed=0)
    assert again.candidate == two.candidate
    assert propose(sampler, space, records, seed=1).candidate != two.candidate
    assert propose(sampler, space, records, seed=0, salt="other process").candidate != two.candidate


def test_first_rejections_are_recorded_and_the_rest_counted(make_study):
    """Of the draws over budget the first few distinct networks are kept whole, the others as numbers."""
    space = space_of(make_study(budget="{params: 700}"))
    proposal = propose(RandomSampler(Proposer(space, aware=False)), space, [], seed=1)
    assert len(proposal.rejected) == RECORDED_REJECTIONS
    assert proposal.dropped["params"] > 0
    assert len({digest for _, digest in proposal.rejected}) == RECORDED_REJECTIONS
    for rejection, digest in proposal.rejected:
        assert canonical_hash(rejection.expansion.network) == digest
        assert violation(space.budget, rejection)["params"] > 0
    known = [Record(number=0, outcome="over_budget", hash=digest) for _, digest in proposal.rejected]
    again = propose(RandomSampler(Proposer(space, aware=False)), space, known, seed=1)
    assert not {digest for _, digest in again.rejected} & {record.hash for record in known}


def test_duplicate_takes_the_earlier_score(make_study):
    """Another derivation of a completed network is handed over to be recorded, once; then the space is exhausted."""
    space = space_of(make_study(SAME_TWICE))
    sampler = RandomSampler(Proposer(space))
    records: list[Record] = []
    proposals = []
    for number in range(2):
        proposals.append(propose(sampler, space, records, seed=0))
        records.append(as_record(number, proposals[-1], accuracy=0.1 + number))
    last = propose(sampler, space, records, seed=0, attempts=60)
    assert last.candidate is None
    found = [proposal.duplicate for proposal in (*proposals, last) if proposal.duplicate is not None]
    assert len(found) == 1
    assert found[0].earlier.hash == found[0].hash
    assert found[0].candidate.expansion.decisions != found[0].earlier.decisions
    assert last.dropped["duplicate"] >= 58


@pytest.mark.parametrize(("outcome", "blocked"), [("running", True), ("failed", True), ("interrupted", False)])
def test_what_is_being_tried_is_not_tried_again(make_study, outcome, blocked):
    """Networks in training, failed or in line are not proposed; an interrupted one is, unless it is in line again."""
    space = space_of(make_study("network = conv(3, 8) gap linear(classes)"))
    sampler = RandomSampler(Proposer(space))
    one = propose(sampler, space, [], seed=0)
    again = propose(sampler, space, [as_record(0, one, outcome=outcome, accuracy=None)], seed=0, attempts=5)
    assert (again.candidate is None) == blocked
    assert again.duplicate is None


def test_grammar_without_networks_is_explained(make_study):
    """If no derivation is a network at all, an example of why is shown."""
    space = space_of(make_study("network = conv(3, 8) (maxpool(2)){4..5} gap linear(classes)"))
    with pytest.raises(SearchError, match=r"(?s)no derivation gives a network, for example: .*maxpool"):
        propose(RandomSampler(Proposer(space, aware=False)), space, [], seed=0, attempts=20)
    with pytest.raises(SearchError, match="nothing in the grammar fits"):
        propose(RandomSampler(Proposer(space)), space, [], seed=0)


def test_violation_measures_every_broken_bound(make_study):
    """The violation is the logarithm of cost over limit, for each bound that is broken and no other."""
    space = space_of(make_study(budget="{params: 10, flops: 1G}"))
    rejection = Proposer(space, aware=False).draw(random.Random(0))
    assert isinstance(rejection, Rejection)
    found = violation(space.budget, rejection)
    assert list(found) == ["params"]
    assert 10 ** found["params"] == pytest.approx(rejection.cost.params / 10)
