"""Derivations aware of the budget: what they allow, how they weigh it, and that none ends outside."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest

from budgetnet.derivation.decision import Chooser, Decision
from budgetnet.derivation.expand import Expansion
from budgetnet.errors import SearchError
from budgetnet.network.cost.types import Cost
from budgetnet.space.choosers import prior, replay
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.judge import Candidate, judge
from budgetnet.space.sampling import draw_fitting, strata
from budgetnet.space.within_budget import Band, derive_within_budget
from tests.space.spaces import FLAGSHIP, GRAMMARS, Derived, all_derivations, space_of
from tests.space.test_table import derived, middle, table_of


def through(table: Table, weighting: str = "prior", band: Band | None = None) -> list[Derived]:
    """All derivations that the table allows."""

    def run(choose: Chooser) -> Expansion:
        return derive_within_budget(table, choose, weighting=weighting, band=band)  # type: ignore[arg-type]

    return all_derivations(table.space, run)


def weights(entries: list[Derived], keep: Callable[[Cost], bool], *, uniform: bool) -> dict[tuple[int, ...], float]:
    """What the weights of the fitting derivations should be, by brute force."""
    fitting = [entry for entry in entries if entry.cost and keep(entry.cost)]
    total = sum(1.0 if uniform else entry.weight for entry in fitting)
    return {entry.indices: (1.0 if uniform else entry.weight) / total for entry in fitting}


@pytest.mark.parametrize("weighting", ["prior", "uniform"])
@pytest.mark.parametrize("name", GRAMMARS)
def test_exactly_the_fitting_derivations_with_exact_probabilities(name: str, weighting: str) -> None:
    """Under a bound on parameters, all that fits can be derived, nothing else, each with its probability."""
    bound = middle([entry.cost.params for entry in derived(name) if entry.cost])
    table = table_of(space_of(GRAMMARS[name], params=bound))
    expected = weights(derived(name), lambda cost: cost.params <= bound, uniform=weighting == "uniform")
    assert {entry.indices: entry.weight for entry in through(table, weighting)} == pytest.approx(expected)


@pytest.mark.parametrize("other", ["flops", "activations"])
@pytest.mark.parametrize("name", GRAMMARS)
def test_two_additive_bounds_are_joint(name: str, other: str) -> None:
    """Under bounds on parameters and on FLOPs or activations, exactly the derivations within both are allowed."""
    costs = [entry.cost for entry in derived(name) if entry.cost]
    params, second = middle([cost.params for cost in costs]), middle([getattr(cost, other) for cost in costs])
    table = table_of(space_of(GRAMMARS[name], params=params, **{other: second}))
    expected = {
        entry.indices
        for entry in derived(name)
        if entry.cost and entry.cost.params <= params and getattr(entry.cost, other) <= second
    }
    if not expected:
        with pytest.raises(SearchError, match="nothing in the grammar fits params ≤"):
            derive_within_budget(table, prior(random.Random(0)))
        return
    assert {entry.indices for entry in through(table)} == expected


@pytest.mark.parametrize("name", GRAMMARS)
def test_bounds_from_below_take_away_nothing_that_fits(name: str) -> None:
    """Under bounds on memory and depth, everything that fits stays possible (and something else may)."""
    costs = [entry.cost for entry in derived(name) if entry.cost]
    limits = {
        "params": max(cost.params for cost in costs),
        "peak_activation_bytes": middle([cost.peak_activation_bytes for cost in costs]),
        "depth": middle([cost.depth for cost in costs]),
    }
    table = table_of(space_of(GRAMMARS[name], **limits))
    expected = {
        entry.indices
        for entry in derived(name)
        if entry.cost and all(getattr(entry.cost, bound) <= limit for bound, limit in limits.items())
    }
    if expected:
        assert {entry.indices for entry in through(table)} >= expected


@pytest.mark.parametrize("name", GRAMMARS)
def test_an_inexact_table_still_knows_what_fits(name: str) -> None:
    """Without memory for arrays, exactly what fits the bound on parameters is allowed."""
    bound = middle([entry.cost.params for entry in derived(name) if entry.cost])
    table = tabulate(space_of(GRAMMARS[name], params=bound), memory=0)
    assert isinstance(table, Table)
    expected = weights(derived(name), lambda cost: cost.params <= bound, uniform=False)
    assert {entry.indices for entry in through(table)} == set(expected)


def test_bands_hold_what_lies_in_them() -> None:
    """A band allows exactly the derivations whose parameters lie in it, and strata cover what fits once."""
    costs = [entry.cost.params for entry in derived("repetition") if entry.cost]
    table = table_of(space_of(GRAMMARS["repetition"], params=max(costs)))
    bands = strata(table, 5)
    assert bands[0].low == min(costs)
    assert bands[-1].high == max(costs)
    seen: list[tuple[int, ...]] = []
    for band in bands:
        inside = weights(
            derived("repetition"), lambda cost, band=band: band.low <= cost.params <= band.high, uniform=True
        )
        assert {entry.indices: entry.weight for entry in through(table, "uniform", band)} == pytest.approx(inside)
        seen += inside
    assert len(seen) == len(set(seen)) == len(costs)


def test_draws_are_never_over_budget() -> None:
    """In the design's example under two bounds, every draw of every kind fits."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=60_000, flops=12_000_000)
    table = table_of(space)
    rng = random.Random(0)
    for weighting in ("prior", "uniform"):
        for _ in range(40):
            expansion = derive_within_budget(table, prior(rng), weighting=weighting)
            assert isinstance(judge(space, expansion), Candidate)
    for band in strata(table, 6):
        drawn = draw_fitting(table, rng, band=band)
        assert band.low <= drawn.cost.params <= band.high


@pytest.mark.parametrize("bounded", [("params",), ("params", "flops"), ("params", "peak_activation_bytes")])
def test_uniform_draws_are_uniform(bounded: tuple[str, ...]) -> None:
    """Pearson's statistic of 40 draws per fitting derivation stays below its 99.99 % quantile."""
    costs = [entry.cost for entry in derived("repetition") if entry.cost]
    limits = {bound: middle([getattr(cost, bound) for cost in costs]) for bound in bounded}
    table = table_of(space_of(GRAMMARS["repetition"], **limits))
    cells = sum(all(getattr(cost, bound) <= limit for bound, limit in limits.items()) for cost in costs)
    rng = random.Random(0)
    drawn = Counter(
        tuple(draw_fitting(table, rng, weighting="uniform").expansion.decisions.items()) for _ in range(40 * cells)
    )
    assert len(drawn) == cells > 5
    statistic = sum((count - 40) ** 2 / 40 for count in drawn.values())
    # Wilson and Hilferty's approximation of the chi-square quantile.
    freedom = cells - 1
    assert statistic < freedom * (1 - 2 / (9 * freedom) + 3.719 * (2 / (9 * freedom)) ** 0.5) ** 3


def test_where_exact_draws_fail_the_bounds_are_looked_ahead_for() -> None:
    """A bound that one network in thousands keeps is met all the same."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000, flops=5_300_000)
    drawn = draw_fitting(table_of(space), random.Random(0), weighting="uniform")
    assert drawn.cost.flops <= 5_300_000


def test_a_replay_that_fits_is_followed() -> None:
    """Recorded decisions of a network that fits are kept to the letter; of one that does not, as far as possible."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=100_000)
    table = table_of(space)
    rng = random.Random(1)

    def never(decision: Decision) -> int:
        raise AssertionError(f"{decision.name} was recorded")

    for _ in range(20):
        drawn = draw_fitting(table, rng)
        again = derive_within_budget(table, replay(drawn.expansion.decisions, never))
        assert again == drawn.expansion
    large = space.expand(lambda decision: len(decision.labels) - 1)
    fitted = derive_within_budget(table, replay(large.decisions, prior(rng)))
    assert isinstance(judge(space, fitted), Candidate)
    kept = [name for name, label in fitted.decisions.items() if large.decisions.get(name) == label]
    assert "stem.conv.channels" in kept


def test_nothing_fits() -> None:
    """An impossible budget is an error that names the smallest network."""
    table = table_of(space_of(GRAMMARS["alternatives"], params=30))
    with pytest.raises(
        SearchError,
        match=r"nothing in the grammar fits params ≤ 30: the smallest network has 59 params; raise the budget",
    ):
        draw_fitting(table, random.Random(0))


def test_a_band_needs_an_exact_table() -> None:
    """A table that cannot tell costs apart refuses bands and has no strata."""
    table = tabulate(space_of(GRAMMARS["alternatives"], params=100), memory=0)
    assert isinstance(table, Table)
    assert strata(table, 3) == []
    with pytest.raises(ValueError, match="bands need a table that tells costs apart"):
        draw_fitting(table, random.Random(0), band=Band(0, 90))
