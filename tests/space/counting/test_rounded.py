"""Tables that round costs: bounds hold the true numbers, and what fits is still known exactly."""

from __future__ import annotations

import random

import pytest

from budgetnet.derivation.decision import Chooser
from budgetnet.derivation.expand import Expansion
from budgetnet.space.choosers import prior
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import rounded_text, tabulate
from budgetnet.space.judge import Candidate, judge
from budgetnet.space.proposer import Proposer
from budgetnet.space.space import Space
from budgetnet.space.ticker import telling
from budgetnet.space.within_budget import derive_within_budget
from tests.space.spaces import FLAGSHIP, GRAMMARS, all_derivations, space_of
from tests.space.test_table import derived, middle


def rounded(space: Space, memory: int) -> Table:
    """The table of a space in so little memory."""
    table = tabulate(space, memory=memory)
    assert isinstance(table, Table)
    return table


@pytest.mark.parametrize("memory", [1, 1500])
@pytest.mark.parametrize(
    "name", ["alternatives", "repetition", "ranges", "shared", "parallel concat", "tied cell at several widths"]
)
def test_bounds_hold_the_true_numbers(name: str, memory: int) -> None:
    """As many fit as the bounds say, and a network is overestimated by no more than what is said."""
    costs = [(entry.cost.flops, entry.weight) for entry in derived(name) if entry.cost]
    bound = middle([flops for flops, _ in costs])
    table = rounded(space_of(GRAMMARS[name], flops=bound), memory)
    assert table.fitting_between is not None
    assert table.fits_between is not None
    low, high = table.fitting_between
    within = sum(flops <= bound for flops, _ in costs)
    near = sum(flops <= bound + table.rounding for flops, _ in costs)
    surely = sum(flops <= bound - table.rounding for flops, _ in costs)
    assert surely <= low <= within <= high <= near
    share = sum(weight for flops, weight in costs if flops <= bound)
    assert table.fits_between[0] - 1e-9 <= share <= table.fits_between[1] + 1e-9


@pytest.mark.parametrize("name", ["ranges", "optional", "tied", "graph", "arithmetic", "tied cell at several widths"])
def test_exactly_the_fitting_derivations_are_allowed(name: str) -> None:
    """However coarse the grid, all that fits can be drawn and nothing else, under one bound and under two."""
    entries = [entry for entry in derived(name) if entry.cost]
    params, flops = middle([entry.cost.params for entry in entries]), middle([entry.cost.flops for entry in entries])
    space = space_of(GRAMMARS[name], flops=flops)
    table = rounded(space, 1)

    def run(choose: Chooser) -> Expansion:
        return derive_within_budget(table, choose)

    expected = {entry.indices for entry in entries if entry.cost.flops <= flops}
    assert {entry.indices for entry in all_derivations(space, run)} == expected
    both = space_of(GRAMMARS[name], params=params, flops=flops)
    narrow, rng = rounded(both, 1), random.Random(0)
    target, costs = narrow.start
    if narrow.fits(target, (narrow.bound - costs[0], *costs[1:]), (flops,)):  # rounding may hide the few that do
        drawn = [derive_within_budget(narrow, prior(rng)) for _ in range(30)]
        assert all(isinstance(judge(both, expansion), Candidate) for expansion in drawn)


def test_a_search_says_by_how_much_costs_are_rounded() -> None:
    """FLOPs alone as the budget: draws fit, and the message and the bounds say what rounding does."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, flops=100_000_000)
    proposer, rng, heard = Proposer(space), random.Random(0), list[str]()
    with telling(heard.append):
        table = proposer.ahead
    assert isinstance(table, Table)
    assert not table.exact
    assert heard[-1] == f"{rounded_text(table)}; draws fit, in proportions right to within that"
    assert heard[-1].startswith(f"flops of a network are rounded up by at most {table.rounding:,} (0.0")
    assert table.fitting_between is not None
    low, high = table.fitting_between
    assert low < high < 1.001 * low
    assert all(isinstance(proposer.draw(rng), Candidate) for _ in range(20))
