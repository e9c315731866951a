"""Bounds on flash and RAM against brute force: flash is exact in a table, RAM is bounded from below."""

from __future__ import annotations

import pytest

from budgetnet.network.cost.closed_form import cost
from budgetnet.space.lint.reachable import find_reachable
from tests.space.spaces import GRAMMARS, space_of
from tests.space.test_table import derived, middle, table_of
from tests.space.test_within_budget import through


@pytest.mark.parametrize("name", GRAMMARS)
def test_flash_is_counted_exactly(name: str) -> None:
    """A table with flash as its axis knows how many derivations fit, with a runtime beside the network."""
    sizes = [entry.cost.flash for entry in derived(name) if entry.cost]
    bound = middle(sizes)
    table = table_of(space_of(GRAMMARS[name], flash=bound + 100, runtime=100))
    assert table.axis == "flash"
    assert table.fitting == sum(size <= bound for size in sizes)
    assert table.smallest == min(sizes) + 100


@pytest.mark.parametrize("name", GRAMMARS)
def test_ram_takes_away_nothing_that_fits(name: str) -> None:
    """Under bounds on flash and RAM everything that fits stays possible, and the least RAM is a lower bound."""
    spaces = [entry for entry in derived(name) if entry.expansion and entry.cost]
    shape = space_of(GRAMMARS[name]).input_shape
    rams = {entry.indices: cost(entry.expansion.network, shape, ram=True).ram for entry in spaces if entry.expansion}
    flash, ram = (
        max(entry.cost.flash for entry in spaces if entry.cost),
        middle([found or 0 for found in rams.values()]),
    )
    space = space_of(GRAMMARS[name], flash=flash, ram=ram)
    expected = {indices for indices, found in rams.items() if found is not None and found <= ram}
    assert {entry.indices for entry in through(table_of(space))} >= expected
    found = find_reachable(space)
    least = found.least()
    assert least is not None
    assert 0 < least[found.bounds.index("ram")] <= min(found or 0 for found in rams.values())
