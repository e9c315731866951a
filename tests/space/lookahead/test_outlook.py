"""The outlook against brute force: what it allows, what it counts, and that no draw is over the budget."""

from __future__ import annotations

import random
from math import exp, log
from statistics import fmean

import pytest

from budgetnet.derivation.decision import Chooser
from budgetnet.derivation.expand import Expansion
from budgetnet.errors import SearchError
from budgetnet.space.choosers import prior
from budgetnet.space.judge import Candidate, judge
from budgetnet.space.lookahead.chance import log_chance
from budgetnet.space.lookahead.outlook import Outlook
from budgetnet.space.space import Space
from budgetnet.space.within_budget import derive_by_outlook
from tests.space.spaces import GRAMMARS, all_derivations, space_of
from tests.space.test_table import derived, middle

UNLIKE = {
    "anew in tied",
    "both tied at several widths",
    "tied",
    "tied and out of place",
    "tied at several sizes",
    "tied at several widths",
    "tied cell at several widths",
    "tied in anew",
    "tied in tied at several widths",
    "tied in tied",
    "tied with arguments by width",
}
"""Grammars in which copies of a tied part are not alike, so that they cannot be counted part by part."""

STAGES = """
network = stage(8..64:8) stage(8..64:8) maxpool(2) stage(8..64:8) stage(8..64:8) gap linear(classes)
stage(c) = block(c){1..3}
block(c) = conv(3|5, c) | dwconv(3|5) conv(1, c) | skip(conv(3|5, c))
"""
TREE = "network = conv(3, 16) tree gap linear(classes)\ntree = conv(3, in) | parallel(tree, tree) | skip(tree)"


def allowed_by(space: Space, work: int = 100_000) -> set[tuple[int, ...]]:
    """All derivations that an outlook allows; none where nothing fits."""
    outlook = Outlook(space, work=work)

    def run(choose: Chooser) -> Expansion:
        return derive_by_outlook(outlook, choose)[0]

    try:
        return {entry.indices for entry in all_derivations(space, run)}
    except SearchError:
        return set()


@pytest.mark.parametrize("name", GRAMMARS)
def test_exactly_the_fitting_derivations_are_allowed(name: str) -> None:
    """Under a bound on parameters all that fits can be derived and nothing else; so it is under two bounds."""
    costs = [entry.cost for entry in derived(name) if entry.cost]
    params, flops = middle([cost.params for cost in costs]), middle([cost.flops for cost in costs])
    for bounds in ({"params": params}, {"flops": flops}, {"params": params, "flops": flops}):
        expected = {
            entry.indices
            for entry in derived(name)
            if entry.cost and all(getattr(entry.cost, bound) <= limit for bound, limit in bounds.items())
        }
        assert allowed_by(space_of(GRAMMARS[name], **bounds)) == expected


@pytest.mark.parametrize("name", ["tied", "parallel concat", "recursion", "shared", "graph of two inputs"])
def test_without_looking_into_parts_a_search_finds_what_fits(name: str) -> None:
    """Where nothing is known in advance, exactly the fitting derivations are allowed all the same."""
    params = middle([entry.cost.params for entry in derived(name) if entry.cost])
    expected = {entry.indices for entry in derived(name) if entry.cost and entry.cost.params <= params}
    assert allowed_by(space_of(GRAMMARS[name], params=params), work=0) == expected


@pytest.mark.parametrize("name", GRAMMARS)
def test_counts_and_moments_equal_brute_force(name: str) -> None:
    """The number of derivations, their prior probability, least and mean costs are those of an enumeration."""
    space = space_of(GRAMMARS[name], params=10**6, flops=10**9, depth=100, peak_activation_bytes=10**9)
    outlook = Outlook(space)
    complete = [(entry.weight, entry.cost) for entry in derived(name) if entry.cost]
    least = outlook.least
    assert least["params"] <= min(cost.params for _, cost in complete)
    assert least["depth"] <= min(cost.depth for _, cost in complete)
    assert least["peak_activation_bytes"] <= min(cost.peak_activation_bytes for _, cost in complete)
    if name in UNLIKE or space.machine.passes_parts:
        assert outlook.derivations is None
        return
    assert outlook.derivations == len(complete)
    start = outlook.states.start
    prospect = outlook.states.ahead(start[0]).prospect
    assert prospect is not None
    assert prospect.mass == pytest.approx(sum(weight for weight, _ in complete))
    for place, bound in enumerate(("params", "flops")):
        costs = [(weight / prospect.mass, getattr(cost, bound)) for weight, cost in complete]
        mean = sum(weight * cost for weight, cost in costs)
        assert least[bound] == min(cost for _, cost in costs)  # type: ignore[index]
        assert prospect.mean[place] + start[1][place] == pytest.approx(mean)
        assert prospect.variance[place] == pytest.approx(
            sum(weight * (cost - mean) ** 2 for weight, cost in costs), abs=1e-6 * mean**2
        )


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        (STAGES, {"params": 60_000, "flops": 9_000_000}),
        (STAGES, {"flops": 5_000_000}),
        (TREE, {"params": 20_000, "flops": 30_000_000}),
        (TREE, {"params": 2_970}),
    ],
)
def test_every_draw_fits_where_no_table_can_be_made(text: str, bounds: dict[str, int]) -> None:
    """In spaces with too many states for a table, all draws are within one bound or two, from the first on."""
    space = space_of(text, shape=(3, 32, 32), classes=10, **bounds)
    outlook = Outlook(space)
    rng = random.Random(0)
    for _ in range(20):
        assert isinstance(judge(space, derive_by_outlook(outlook, prior(rng))[0]), Candidate)


def test_odds_make_estimates_unbiased() -> None:
    """The mean of the odds over draws is the prior probability of what fits, and of 1 / drawn the number that fits."""
    entries = [entry for entry in derived("repetition") if entry.cost]
    params = middle([entry.cost.params for entry in entries if entry.cost])
    fitting = [entry.weight for entry in entries if entry.cost and entry.cost.params <= params]
    outlook = Outlook(space_of(GRAMMARS["repetition"], params=params))
    rng = random.Random(1)
    ways = [derive_by_outlook(outlook, prior(rng))[1] for _ in range(600)]
    assert fmean(exp(way.log_odds) for way in ways) == pytest.approx(sum(fitting), rel=0.1)
    assert fmean(exp(-way.log_drawn) for way in ways) == pytest.approx(len(fitting), rel=0.1)


def test_nothing_fits() -> None:
    """An impossible budget is an error that names the least there is."""
    outlook = Outlook(space_of(STAGES, shape=(3, 32, 32), classes=10, params=300, flops=10**9))
    message = "nothing in the grammar fits params ≤ 300, flops ≤ 1,000,000,000: no network has fewer than"
    with pytest.raises(SearchError, match=message):
        derive_by_outlook(outlook, prior(random.Random(0)))


def test_chances_are_those_of_a_gamma_distribution() -> None:
    """Exponential and constant costs are exact, and far from the mean the logarithm still tells rooms apart."""
    assert exp(log_chance(5, 6, 1, 7)) == pytest.approx(1 - exp(-2))
    assert log_chance(5, 5, 0, 5) == 0.0
    assert log_chance(5, 9, 2, 4) < log(1e-300)
    assert log_chance(0, 1000, 100, 1e6) == 0.0
    far = [log_chance(0, 1000, 100, room) for room in (0, 1, 10, 100, 900)]
    assert far == sorted(far)
    assert len(set(far)) == 5
