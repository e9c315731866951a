"""The Pareto front of parameters and accuracy."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from budgetnet.report.frontier import frontier, frontier_text

POINTS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=25)


def beats(one, other):
    """Whether a record is at least as good in both and better in one."""
    return (
        one.params <= other.params
        and one.accuracy >= other.accuracy
        and (one.params, one.accuracy) != (other.params, other.accuracy)
    )


@given(POINTS)
@settings(deadline=None)
def test_the_front_is_exactly_what_nothing_beats(make_record, points):
    """Nothing on the front is beaten; everything off it is beaten, or equal to something on it."""
    records = [make_record(number, accuracy / 10, params) for number, (params, accuracy) in enumerate(points)]
    front = frontier(records)
    assert not any(beats(other, record) for record in front for other in records)
    for record in records:
        twin = any((r.params, r.accuracy) == (record.params, record.accuracy) for r in front)
        assert twin or any(beats(other, record) for other in front)
    assert list(front) == sorted(front, key=lambda record: (record.params, record.accuracy))
    assert len({(record.params, record.accuracy) for record in front}) == len(front)


def test_only_completed_trials_are_points(make_record):
    """A trial that was stopped early, a duplicate and one without a score are no points."""
    records = [
        make_record(0, 0.9, 10, outcome="stopped_early"),
        make_record(1, 0.9, 10, outcome="duplicate"),
        make_record(2, None, 5),
        make_record(3, 0.4, 700),
    ]
    assert [record.number for record in frontier(records)] == [3]


def test_the_table_says_percents_and_an_empty_front_nothing(make_record):
    """Text holds percents and counts; where there is no front there is no header either."""
    assert frontier_text(()) == []
    header, row = frontier_text([make_record(7, 0.8512, 191_234)])
    assert header.split()[:3] == ["trial", "val", "%"]
    assert row.split()[:3] == ["7", "85.12", "191,234"]
