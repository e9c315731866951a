"""Tests of `budgetnet.api.pages.printout`."""

from __future__ import annotations

from budgetnet.api.pages.printout import LazyDocument, LazyLines


def test_what_is_not_read_is_not_worked_out() -> None:
    """Lines and documents are made when they are first read, and once."""
    made: list[str] = []
    lines = LazyLines(lambda: made.append("lines") or ["one", "two"])  # type: ignore[func-returns-value]
    document = LazyDocument(lambda: made.append("document") or {"a": 1})  # type: ignore[func-returns-value]
    assert not made
    assert (list(lines), lines[1], lines[:1], len(lines)) == (["one", "two"], "two", ["one"], 2)
    assert made == ["lines"]
    assert ({**document}, document["a"], len(document)) == ({"a": 1}, 1, 1)
    assert made == ["lines", "document"]
