"""The exact table against brute force on small spaces that use every construct."""

from __future__ import annotations

import random
from collections import Counter
from functools import cache

import pytest

from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, tabulate
from budgetnet.space.sampling import draw_fitting
from budgetnet.space.space import Space
from tests.space.spaces import FLAGSHIP, GRAMMARS, Derived, all_derivations, space_of


@cache
def derived(name: str) -> list[Derived]:
    """All derivations of one of the small grammars."""
    return all_derivations(space_of(GRAMMARS[name]))


def table_of(space: Space) -> Table:
    """The table, which must exist."""
    table = tabulate(space)
    assert isinstance(table, Table)
    return table


def middle(numbers: list[int]) -> int:
    """A bound that some keep and, where they differ, some break."""
    return sorted(numbers)[len(numbers) // 2]


@pytest.mark.parametrize("name", GRAMMARS)
def test_counts_costs_and_prior_equal_brute_force(name: str) -> None:
    """Derivations, those that fit, their costs one by one, and where the prior ends are exact."""
    all_of_them = derived(name)
    costs = [entry.cost.params for entry in all_of_them if entry.cost]
    for bound in (max(costs), middle(costs), min(costs), max(min(costs) - 1, 1)):
        table = table_of(space_of(GRAMMARS[name], params=bound))
        fitting = Counter(cost for cost in costs if cost <= bound)
        assert table.derivations == len(costs)
        assert table.fitting == fitting.total()
        assert table.smallest == min(costs)
        prior = {
            "fits": sum(entry.weight for entry in all_of_them if entry.cost and entry.cost.params <= bound),
            "over": sum(entry.weight for entry in all_of_them if entry.cost and entry.cost.params > bound),
            "shape": sum(entry.weight for entry in all_of_them if entry.failure == "shape"),
            "argument": sum(entry.weight for entry in all_of_them if entry.failure == "argument"),
        }
        assert table.prior == pytest.approx(prior)
        for cost in set(costs):
            number, mass = table.between(cost, cost)
            assert number == fitting[cost]
            exact = sum(entry.weight for entry in all_of_them if entry.cost and entry.cost.params == cost <= bound)
            assert mass == pytest.approx(exact)


@pytest.mark.parametrize("name", GRAMMARS)
@pytest.mark.parametrize("axis", ["flops", "activations"])
def test_other_axes(name: str, axis: str) -> None:
    """Without a bound on parameters, FLOPs or activations are followed exactly."""
    costs = [getattr(entry.cost, axis) for entry in derived(name) if entry.cost]
    table = table_of(space_of(GRAMMARS[name], **{axis: middle(costs)}))
    assert table.axis == axis
    assert table.fitting == sum(cost <= middle(costs) for cost in costs)
    assert table.smallest == min(costs)


def test_no_bound_at_all() -> None:
    """Without a budget everything fits, and is counted."""
    table = table_of(space_of(GRAMMARS["graph"]))
    assert table.axis is None
    assert table.fitting == table.derivations == len(derived("graph"))


def test_flagship_count_is_an_exact_integer() -> None:
    """The design's example holds 55,360,189,331,436,600 derivations; the closed form gives the same by hand."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000)
    table = table_of(space)
    # A block is regular (2), dilated (3), separable (2) or a skip of one or two regular ones (2 + 4); a stage
    # has one to three blocks and one of two ways down, at each of its widths.
    blocks = 2 + 3 + 2 + 6
    stage = (blocks + blocks**2 + blocks**3) * 2
    assert table.derivations == 3 * (2 * stage + (2 * stage) ** 2) * (3 * stage + (3 * stage) ** 2)
    assert table.fitting == 438_099_447_056_603


def test_tied_cells_do_not_multiply_states() -> None:
    """Cells of six edges with five options, as in NAS-Bench-201, are counted without their 15,625 copies."""
    text = """
    network = conv(3, 4) tied(cell){3} conv(3, 6, stride=2) tied(cell){1..3} gap linear(classes)
    cell = graph { h1 = op(x); h2 = op(x) + op(h1); h3 = op(x) + op(h1) + op(h2); return h3 }
    op = zero | identity | conv(1, in) | conv(3, in) | avgpool(3, 1, 1)
    """
    table = table_of(space_of(text, params=3000))
    assert table.derivations == 15_625 * 15_625 * 3
    assert table.states < 50
    drawn = draw_fitting(table, random.Random(0), weighting="uniform")
    assert drawn.cost.params <= 3000


def test_tied_parts_that_change_their_shape_are_derived_copy_by_copy() -> None:
    """Where the first copy widens, its cost is not that of the others; one such part leaves the others counted."""
    text = "network = tied(conv(3|1, 4|8)){2..3} tied(dwconv(3|5|7) act(relu|gelu)){3} gap linear(classes)"
    space = space_of(text)
    entries = all_derivations(space)
    bound = middle([entry.cost.params for entry in entries if entry.cost])
    table = table_of(space_of(text, params=bound))
    assert table.derivations == len(entries) == 4 * 2 * 6
    assert table.fitting == sum(entry.cost.params <= bound for entry in entries if entry.cost)
    assert table.states < 60


def test_tied_parts_above_the_budget_are_checked_too() -> None:
    """A first copy that narrows is dear, the others are cheap; that is seen even where states are left out."""
    text = "network = conv(1, 64) tied(conv(3, 4) dwconv(3|5)){1..3} conv(3, 8..256:8) conv(1, 4|8) gap linear(classes)"
    entries = all_derivations(space_of(text))
    costs = [entry.cost.params for entry in entries if entry.cost]
    three = min(entry.cost.params for entry in entries if entry.cost and next(iter(entry.decisions.values())) == 3)
    fitting = sum(cost <= three for cost in costs)
    found = [tabulate(space_of(text, params=three), states=limit) for limit in range(1, 60)]
    assert isinstance(found[0], TooLarge)
    assert all(table.fitting == fitting for table in found if isinstance(table, Table))
    assert any(table.derivations is None for table in found if isinstance(table, Table))


def test_states_above_the_budget_may_be_left_out() -> None:
    """With room for few states, what fits is still exact and the total is open."""
    text = "network = conv(3, 8..512:8){1..4} gap linear(classes)"
    whole = table_of(space_of(text, params=1500))
    small = tabulate(space_of(text, params=1500), states=whole.states * 3 // 4)
    assert isinstance(small, Table)
    assert small.derivations is None
    assert small.fitting == whole.fitting
    assert small.prior["fits"] == pytest.approx(whole.prior["fits"])


def test_too_many_states_are_refused() -> None:
    """Where the states within the budget are too many, there is a reason instead of a table."""
    refused = tabulate(space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000), states=100)
    assert isinstance(refused, TooLarge)
    assert refused.text == "the space has more than 100 states within the budget, too many for a table"


def test_too_little_memory_gives_an_inexact_table() -> None:
    """Without room for arrays, totals and what fits are still known; costs are rounded."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000)
    lean = tabulate(space, memory=1000)
    assert isinstance(lean, Table)
    assert not lean.exact
    assert lean.fitting is None
    assert lean.fitting_between is not None
    assert lean.fitting_between[0] <= table_of(space).fitting <= lean.fitting_between[1]
    whole = table_of(space)
    assert (lean.derivations, lean.smallest) == (whole.derivations, whole.smallest)
    assert lean.prior["complete"] == pytest.approx(1.0)
