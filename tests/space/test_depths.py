"""Tables that tell depths apart: against brute force, and draws stratified by depth."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from budgetnet.errors import SearchError
from budgetnet.space.counting.depths import depth_shares, tabulate_depths
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import TooLarge, tabulate
from budgetnet.space.sampling import draw_fitting, draw_stratified, strata
from budgetnet.space.within_budget import Band, derive_within_budget
from tests.space.spaces import FLAGSHIP, GRAMMARS, all_derivations, space_of
from tests.space.test_table import derived, middle, table_of

CHAINS = [name for name in GRAMMARS if not any(word in GRAMMARS[name] for word in ("parallel", "split", "graph"))]
"""Grammars in which the main path is the longest."""


def depths_of(space) -> Table:
    """The table, which must exist."""
    table = tabulate_depths(space)
    assert isinstance(table, Table)
    return table


@pytest.mark.parametrize("name", GRAMMARS)
def test_totals_are_those_of_the_plain_table(name: str) -> None:
    """Telling depths apart changes no number, and no option."""
    bound = middle([entry.cost.params for entry in derived(name) if entry.cost])
    plain, split = (make(space_of(GRAMMARS[name], params=bound)) for make in (table_of, depths_of))
    assert (split.fitting, split.smallest) == (plain.fitting, plain.smallest)
    assert split.prior["fits"] == pytest.approx(plain.prior["fits"])
    through = all_derivations(split.space, lambda choose: derive_within_budget(split, choose))
    assert {entry.indices[1:] for entry in through} == {
        entry.indices for entry in derived(name) if entry.cost and entry.cost.params <= bound
    }


@pytest.mark.parametrize("weighting", ["prior", "uniform"])
@pytest.mark.parametrize("name", CHAINS)
def test_shares_of_depths_equal_brute_force(name: str, weighting: str) -> None:
    """Of all that fits, exactly so much has each depth."""
    bound = middle([entry.cost.params for entry in derived(name) if entry.cost])
    expected: Counter[int] = Counter()
    for entry in derived(name):
        if entry.cost and entry.cost.params <= bound:
            expected[entry.cost.depth] += 1.0 if weighting == "uniform" else entry.weight  # type: ignore[assignment]
    total = sum(expected.values())
    found = depth_shares(depths_of(space_of(GRAMMARS[name], params=bound)), weighting)  # type: ignore[arg-type]
    assert {depth: share for depth, share in found.items() if share} == pytest.approx(
        {depth: weight / total for depth, weight in expected.items()}
    )


def test_strata_of_depths_hold_what_lies_in_them() -> None:
    """Bands of depths cover what fits once, and each gives exactly its own derivations."""
    table = depths_of(space_of(GRAMMARS["repetition"], params=10_000))
    bands = strata(table, 2, along="depth")
    assert bands == [Band(2, 2, "depth"), Band(3, 4, "depth")]
    for band in bands:
        inside = {
            entry.indices for entry in derived("repetition") if entry.cost and band.low <= entry.cost.depth <= band.high
        }
        through = all_derivations(table.space, lambda choose, band=band: derive_within_budget(table, choose, band=band))
        assert {entry.indices[1:] for entry in through} == inside


def test_stratified_draws_reach_all_depths() -> None:
    """In the language's example every depth is drawn as often as any other, though the prior hardly gives the ends."""
    space = space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=60_000, flops=12_000_000, depth=9)
    table = depths_of(space)
    drawn = draw_stratified(table, random.Random(0), 12, along="depth", bands=20)
    assert Counter(candidate.cost.depth for candidate in drawn) == dict.fromkeys(range(4, 10), 2)
    assert all(space.budget.excess(candidate.cost) is None for candidate in drawn)


def test_stratified_draws_by_size() -> None:
    """Sizes are spread evenly with a plain table, too."""
    table = table_of(space_of(GRAMMARS["repetition"], params=400))
    drawn = draw_stratified(table, random.Random(0), 8, bands=4)
    cut = strata(table, 4)
    assert all(band.low <= found.cost.params <= band.high for band, found in zip(cut * 2, drawn, strict=True))


def test_depth_is_judged_by_the_closed_form() -> None:
    """Where the main path is not the longest, draws keep to their band all the same."""
    text = "network = parallel(conv(1, 4), conv(3|5, 4){1..3}, join=add) gap linear(classes)"
    table = depths_of(space_of(text, params=100_000))
    assert table.depths == (2,)
    drawn = draw_fitting(table, random.Random(0), band=Band(2, 2, "depth"))
    assert drawn.cost.depth == 2


def test_what_cannot_be_told_apart_is_refused() -> None:
    """Plain tables know no depths, and impossible bands and too many states have their messages."""
    space = space_of(GRAMMARS["repetition"], params=400)
    plain = table_of(space)
    with pytest.raises(ValueError, match="bands of depths need a table that tells depths apart"):
        derive_within_budget(plain, lambda _: 0, band=Band(2, 2, "depth"))
    with pytest.raises(ValueError, match="shares of depths need an exact table"):
        depth_shares(plain)
    with pytest.raises(SearchError, match="cannot tell networks apart by depth: draw without strata"):
        draw_stratified(plain, random.Random(0), 2, along="depth")
    with pytest.raises(SearchError, match="nothing in the grammar fits params ≤ 400, depth from 7 to 9"):
        draw_fitting(depths_of(space), random.Random(0), band=Band(7, 9, "depth"))
    lean = tabulate(space, memory=0)
    assert isinstance(lean, Table)
    with pytest.raises(SearchError, match="cannot tell networks apart by size"):
        draw_stratified(lean, random.Random(0), 2)
    large = tabulate_depths(space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000), states=2000)
    assert large == TooLarge("split by depth, the space has 13,940 states, too many for a table")
