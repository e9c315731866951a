"""Numbers of networks by FLOPs and other costs, against brute force."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetnet.space.counting.distribution import Distribution, cost_distribution, equal_bins
from budgetnet.space.counting.tabulate import TooLarge
from tests.space.spaces import FLAGSHIP, GRAMMARS, space_of
from tests.space.test_table import derived, middle


def spread(space, of="flops", **limits) -> Distribution:
    """The distribution, which must exist."""
    found = cost_distribution(space, of, **limits)
    assert isinstance(found, Distribution)
    return found


@pytest.mark.parametrize("of", ["flops", "params", "activations"])
@pytest.mark.parametrize("name", GRAMMARS)
def test_every_cost_is_counted_exactly(name: str, of: str) -> None:
    """With bins of one, each cost has the number and prior of its derivations within the bound on parameters."""
    fitting = [entry for entry in derived(name) if entry.cost]
    bound = middle([entry.cost.params for entry in fitting])
    fitting = [entry for entry in fitting if entry.cost.params <= bound]
    found = spread(space_of(GRAMMARS[name], params=bound), of, bins=10**9)
    assert (found.exact, found.precision, found.within, found.total) == (True, 0, "params", len(fitting))
    counted = Counter(getattr(entry.cost, of) for entry in fitting)
    assert {each.low: each.derivations for each in found.bins if each.derivations} == counted
    prior: Counter[int] = Counter()
    for entry in fitting:
        prior[getattr(entry.cost, of)] += entry.weight  # type: ignore[assignment]
    assert {each.low: each.prior for each in found.bins if each.derivations} == pytest.approx(dict(prior))


@given(
    least=st.integers(0, 1000), width=st.integers(0, 5000), count=st.integers(1, 60),
    edge=st.none() | st.integers(-100, 7000),
)  # fmt: skip
def test_a_bin_ends_at_the_edge(least: int, width: int, count: int, edge: int | None) -> None:
    """Equal bins cover all costs, at most one more than asked for, and one ends at an edge that lies among them."""
    most = least + width
    found = equal_bins(least, most, count, edge)
    assert (found[0].low, found[-1].high) == (least, most)
    assert all(one.high + 1 == other.low for one, other in pairwise(found))
    assert len({entry.high - entry.low for entry in found[1:-1]}) <= 1
    assert len(found) <= count + 1
    if edge is not None and least <= edge < most:
        assert edge in {entry.high for entry in found}


def test_without_a_bound_on_the_axis_all_are_counted() -> None:
    """FLOPs as the only bound take nothing away: the bins above it show what it would."""
    costs = [entry.cost.flops for entry in derived("repetition") if entry.cost]
    found = spread(space_of(GRAMMARS["repetition"], depth=100), bins=3, edge=costs[1])
    assert (found.within, found.total) == (None, len(costs))
    assert costs[1] in {each.high for each in found.bins}
    for each in found.bins:
        assert each.derivations == sum(each.low <= cost <= each.high for cost in costs)
    assert found.bins[0].low <= min(costs) <= found.bins[0].high
    assert found.bins[-1].high >= max(costs)


def test_rounding_says_how_far_it_may_be_off() -> None:
    """With few points totals stay exact, and no network is further from its place than the precision says."""
    costs = sorted(entry.cost.flops for entry in derived("ranges") if entry.cost)
    found = spread(space_of(GRAMMARS["ranges"], depth=100), bins=10**9, points=8)
    assert 0 < found.precision < max(costs)
    assert found.total == len(costs)
    placed = [each.low for each in found.bins for _ in range(each.derivations)]
    assert len(placed) == len(costs)
    assert all(abs(place - cost) <= found.precision for place, cost in zip(placed, costs, strict=True))


def test_too_much_joint_work_leaves_the_axis_aside() -> None:
    """Then networks of any size are counted, and the result says so."""
    space = space_of(GRAMMARS["repetition"], params=200)
    found = spread(space, work=3)
    assert found.within is None
    assert found.total == len([entry for entry in derived("repetition") if entry.cost])


def test_refusals() -> None:
    """Depth is not a sum, and too many states are not looked into."""
    with pytest.raises(ValueError, match="depth is not a sum over a network's parts"):
        cost_distribution(space_of(FLAGSHIP, params=100), "depth")
    small = cost_distribution(space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000), states=100)
    assert small == TooLarge("the space has more than 100 states within the budget, too many for a histogram")
