"""Which trial is better, under each goal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from budgetnet.records.ranking import best, distinct, fronts, ranked, reaches
from budgetnet.records.trial import Record

scores = st.lists(st.tuples(st.integers(0, 8), st.integers(1, 8)), max_size=25)


def record(
    number: int, accuracy: float | None, params: int = 100, outcome: str = "completed", digest: str = ""
) -> Record:
    """A trial with what matters to a ranking."""
    return Record(
        number=number,
        outcome=outcome,
        accuracy=accuracy,
        params=params,
        hash=digest or str(number),  # type: ignore[arg-type]
    )


def records_of(pairs: list[tuple[int, int]]) -> list[Record]:
    """Completed trials of these accuracies (in eighths) and parameters."""
    return [record(number, accuracy / 8, params) for number, (accuracy, params) in enumerate(pairs)]


def beats(one: Record, other: Record) -> bool:
    """Whether one trial is at least as good in both respects and better in one."""
    assert one.accuracy is not None
    assert other.accuracy is not None
    as_good = one.accuracy >= other.accuracy and one.params <= other.params  # type: ignore[operator]
    return as_good and (one.accuracy, one.params) != (other.accuracy, other.params)


def test_accuracy_counts_first_then_size_then_age():
    """Ties in accuracy go to fewer parameters, then to the earlier trial."""
    records = [record(0, 0.8), record(1, 0.9, 300), record(2, 0.9, 200), record(3, 0.9, 200), record(4, None)]
    assert [found.number for found in ranked(records, "accuracy")] == [2, 3, 1, 0]


def test_trials_stopped_early_come_last_and_are_never_best():
    """An accuracy after fewer epochs does not compete with one of the whole recipe."""
    records = [record(0, 0.5), record(1, 0.9, outcome="stopped_early"), record(2, 0.95, outcome="over_budget")]
    assert [found.number for found in ranked(records, "accuracy")] == [0, 1]
    assert best(records, "accuracy").number == 0
    assert best(records[1:], "accuracy") is None


def test_smallest_ranks_by_size_above_the_target_and_by_accuracy_below():
    """Those that reach the target come first, the smallest ahead; of the others, the nearest to it."""
    records = [record(0, 0.84, 10), record(1, 0.90, 300), record(2, 0.86, 200), record(3, 0.70, 5)]
    assert [found.number for found in ranked(records, "smallest", 0.85)] == [2, 1, 0, 3]
    assert best(records, "smallest", 0.85).number == 2


def test_pareto_best_is_the_most_accurate():
    """Where one trial must stand for all, it is the most accurate."""
    assert best([record(0, 0.5, 1), record(1, 0.9, 9)], "pareto").number == 1


@given(scores)
def test_fronts_hold_exactly_what_no_other_beats(pairs):
    """Every front is what nothing left beats, up to equals; together the fronts hold every trial once."""
    records = records_of(pairs)
    left = list(records)
    for front in fronts(records):
        values = {(found.accuracy, found.params) for found in front}
        unbeaten = {(r.accuracy, r.params) for r in left if not any(beats(other, r) for other in left)}
        assert values <= unbeaten
        left = [r for r in left if r not in front]
    assert not left


@given(scores)
def test_pareto_ranking_is_a_permutation_front_by_front(pairs):
    """No trial is ahead of one of an earlier front, and none is lost."""
    records = records_of(pairs)
    order = ranked(records, "pareto")
    assert sorted(found.number for found in order) == list(range(len(records)))
    place = {found.number: index for index, front in enumerate(fronts(records)) for found in front}
    assert [place[found.number] for found in order] == sorted(place.values())


def test_distinct_keeps_the_first_of_each_network():
    """A duplicate does not take two places."""
    records = [record(0, 0.9, digest="a"), record(1, 0.8, digest="b"), record(2, 0.7, digest="a")]
    assert [found.number for found in distinct(records)] == [0, 1]


def test_target_counts_for_completed_trials_only():
    """A trial stopped early has not reached anything."""
    assert reaches(record(0, 0.85), 0.85)
    assert not reaches(record(0, 0.84), 0.85)
    assert not reaches(record(0, 0.99, outcome="stopped_early"), 0.85)
