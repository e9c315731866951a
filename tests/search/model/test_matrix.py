"""Tests of `budgetnet.search.model.matrix`."""

from __future__ import annotations

from collections.abc import Callable

from budgetnet.search.model.matrix import Matrix


def test_promised_features_are_worked_out_when_they_are_taken() -> None:
    """Each is made once, at most; a network is there from its promise on, and a later promise changes nothing."""
    made: list[str] = []
    matrix = Matrix()

    def make(key: str, **features: float) -> Callable[[], dict[str, float]]:
        return lambda: made.append(key) or features  # type: ignore[func-returns-value]

    matrix.add("known", {"size.params": 1.0})
    matrix.promise("known", make("known", **{"size.params": 9.0}))
    matrix.promise("late", make("late", **{"size.flops": 2.0}))
    matrix.promise("never", make("never"))
    matrix.promise("added", make("added"))
    matrix.add("added", {"size.params": 3.0})
    assert len(matrix) == 4
    assert all(key in matrix for key in ("known", "late", "never", "added"))
    assert not made
    assert matrix.take(["late", "known", "added"]).tolist() == [[0.0, 2.0], [1.0, 0.0], [3.0, 0.0]]
    assert matrix.take(["late"]).tolist() == [[0.0, 2.0]]
    assert made == ["late"]
    assert matrix.names == ["size.params", "size.flops"]


def test_a_column_is_found_though_no_features_were_taken_before() -> None:
    """The columns grow by what is promised; what no network has is zero."""
    matrix = Matrix()
    matrix.promise("late", lambda: {"op.dropout.rate": 0.3})
    assert matrix.column("op.dropout.rate", ["late"]).tolist() == [0.3]
    assert matrix.column("op.pool.count", ["late"]).tolist() == [0.0]
