"""Budgets: how amounts are read, and which bound a cost breaks."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budgetnet.errors import StudyError
from budgetnet.network.budget import Budget, parse_amount
from budgetnet.network.cost.types import Cost


def cost(**changes: int) -> Cost:
    """A cost with the given numbers."""
    numbers = {"params": 1, "flops": 1, "activations": 1, "peak_activation_bytes": 1, "depth": 1, "receptive_field": 1}
    return Cost(**(numbers | changes))


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("200k", 200_000),
        ("200 K", 200_000),
        ("1.5M", 1_500_000),
        ("0.0001G", 100_000),
        ("60_000_000", 60_000_000),
        ("60,000,000", 60_000_000),
        (60_000_000, 60_000_000),
        (2e5, 200_000),
        ("1e6", 1_000_000),
        ("1.1k", 1_100),
    ],
)
def test_amounts(written: object, amount: int) -> None:
    """Counts are numbers with or without a power of 1000."""
    assert parse_amount(written, what="x") == amount


@pytest.mark.parametrize(
    ("written", "amount"),
    [("256kB", 256_000), ("256KB", 256_000), ("1MiB", 2**20), ("1.5KiB", 1536), ("4096", 4096), ("12 B", 12)],
)
def test_amounts_of_memory(written: str, amount: int) -> None:
    """Bytes take units of 1000 and of 1024."""
    assert parse_amount(written, what="x", in_bytes=True) == amount


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("-5k", "budget: params must be above 0, got '-5k'"),
        ("0", "budget: params must be above 0, got '0'"),
        (0, "budget: params must be above 0, got 0"),
        ("1.5", "budget: params must be a whole number, got '1.5'"),
        ("many", "budget: params must be an amount such as 200k, 1.5M or 60_000_000, got 'many'"),
        ("200q", "budget: params: unknown unit 'q' in '200q'; legal are k, M, G"),
        ("200kB", "unknown unit 'kB'"),
        (True, "must be an amount"),
        (None, "must be an amount"),
        ([1], "must be an amount"),
        (float("nan"), "must be an amount"),
        (float("inf"), "must be an amount"),
        ("1e999999999", "must be an amount|unknown unit"),
    ],
)
def test_what_is_no_amount(written: object, message: str) -> None:
    """The error names the bound, what came and what is legal."""
    with pytest.raises(StudyError, match=message):
        parse_amount(written, what="budget: params")


@given(st.text(max_size=12))
def test_any_text_is_an_amount_or_an_error(text: str) -> None:
    """No text makes the reader fail in another way."""
    with contextlib.suppress(StudyError):
        assert parse_amount(text, what="x") > 0


def test_from_mapping() -> None:
    """A study file's mapping becomes a budget."""
    budget = Budget.from_mapping({"params": "200k", "flops": "60M", "peak_activation_bytes": "256kB", "depth": 20})
    assert budget == Budget(params=200_000, flops=60_000_000, peak_activation_bytes=256_000, depth=20)
    assert str(budget) == "params ≤ 200,000, flops ≤ 60,000,000, peak_activation_bytes ≤ 256,000, depth ≤ 20"
    assert str(Budget()) == "no bound"


def test_unknown_bounds_and_wrong_limits() -> None:
    """An unknown bound is an error with the nearest known one; so is a limit that is no whole number above 0."""
    with pytest.raises(StudyError, match=r"unknown bound 'parms'.*did you mean 'params'"):
        Budget.from_mapping({"parms": 1})
    with pytest.raises(StudyError, match="budget: depth must be a whole number above 0, got -1"):
        Budget(depth=-1)
    with pytest.raises(StudyError, match=r"flops must be a whole number above 0, got 1\.5"):
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
