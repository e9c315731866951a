"""Budgets: how amounts are read, and which bound a cost breaks."""

from __future__ import annotations

import pytest

from budgetnet.errors import StudyError
from budgetnet.network.budget import Budget
from budgetnet.network.cost.types import Cost


def cost(**changes: int) -> Cost:
    """A cost with the given numbers."""
    numbers = {"params": 1, "flops": 1, "activations": 1, "peak_activation_bytes": 1, "depth": 1, "receptive_field": 1}
    return Cost(**(numbers | changes))


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("-5k", "params must be a whole number of at least 1, but got '-5k'"),
        (0, "params must be a whole number of at least 1, but got 0"),
        ("1.5", "params must be a whole number of at least 1, but got '1.5'"),
        ("many", "params must be .*, but got 'many'; write for example params: 200k"),
        ("200q", "but got '200q'; the unit 'q' is not one of k, M, G"),
        ("200kB", "the unit 'kB' is not one of"),
        (True, "params must be a whole number of at least 1, but got True"),
        ([1], r"but got \[1\]"),
        (float("nan"), "but got nan"),
        (float("inf"), "but got inf"),
    ],
)
def test_what_is_no_bound(written: object, message: str) -> None:
    """The error names the bound, what came and what is legal."""
    with pytest.raises(StudyError, match=message):
        Budget.from_mapping({"params": written})


def test_from_mapping() -> None:
    """A study file's mapping becomes a budget."""
    budget = Budget.from_mapping({"params": "200k", "flops": "60M", "peak_activation_bytes": "256kB", "depth": 20})
    assert budget == Budget(params=200_000, flops=60_000_000, peak_activation_bytes=256_000, depth=20)
    assert str(budget) == "params ≤ 200,000, flops ≤ 60,000,000, peak_activation_bytes ≤ 256,000, depth ≤ 20"
    assert Budget.from_mapping({"params": 2e5, "depth": None}) == Budget(params=200_000)
    assert str(Budget()) == "no bound"


def test_unknown_bounds_and_wrong_limits() -> None:
    """An unknown bound is an error with the nearest known one; so is a limit that is no whole number above 0."""
    with pytest.raises(StudyError, match=r"a budget has no key 'parms'; did you mean 'params'"):
        Budget.from_mapping({"parms": 1})
    with pytest.raises(StudyError, match="depth must be a whole number of at least 1, but got -1"):
        Budget(depth=-1)
    with pytest.raises(StudyError, match=r"flops must be a whole number of at least 1, but got 1\.5"):
        Budget(flops=1.5)  # type: ignore[arg-type]


def test_a_cost_at_the_bound_fits() -> None:
    """Bounds are inclusive, and none means no bound."""
    assert Budget(params=10).excess(cost(params=10, flops=10**9)) is None
    assert Budget().excess(cost(params=10**9)) is None


def test_excess_says_what_is_broken_by_how_much() -> None:
    """Of several broken bounds the one broken by the largest factor is named."""
    excess = Budget(params=200_000, depth=10).excess(cost(params=213_440, depth=10))
    assert excess is not None
    assert (excess.bound, excess.limit, excess.actual) == ("params", 200_000, 213_440)
    assert str(excess) == "213,440 parameters, 6.7 % over 200,000"
    both = Budget(params=100, flops=1_000).excess(cost(params=110, flops=10_000))
    assert str(both) == "10,000 FLOPs, 900 % over 1,000"
    barely = Budget(peak_activation_bytes=1_000_000).excess(cost(peak_activation_bytes=1_000_001))
    assert str(barely) == "1,000,001 bytes of peak activation memory, less than 0.1 % over 1,000,000"
    assert str(Budget(depth=10).excess(cost(depth=11))) == "11 layers in depth, 10.0 % over 10"


def test_bytes_in_int8() -> None:
    """Flash counts with the runtime, which is stated beside it; RAM must have been worked out."""
    budget = Budget.from_mapping({"flash": "64KiB", "ram": "64KiB", "runtime": "10KiB"})
    assert str(budget) == "flash ≤ 65,536 with a runtime of 10,240, ram ≤ 65,536"
    assert budget.document() == {"flash": 65_536, "ram": 65_536, "runtime": 10_240}
    assert budget.excess(cost(flash=55_296, ram=65_536)) is None
    assert str(budget.excess(cost(flash=60_000, ram=1))) == "70,240 bytes of flash in int8, 7.2 % over 65,536"
    assert str(budget.excess(cost(flash=1, ram=131_072))) == "131,072 bytes of RAM in int8, 100 % over 65,536"
    with pytest.raises(ValueError, match="the cost was worked out without ram; pass ram=True"):
        budget.excess(cost())
    with pytest.raises(StudyError, match="flash must be more than the runtime's 10,240 bytes, but got 8,192; raise"):
        Budget(flash=8192, runtime=10_240)
