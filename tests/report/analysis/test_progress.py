"""The way to the best network, in trials and in time at work."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from budgetnet.report.analysis.progress import best_so_far, best_within, value_after, working_seconds

START = datetime(2026, 1, 1)


def timed(make_record, number, accuracy, begin, end, **fields):
    """A trial that ran from *begin* to *end*, in minutes after the start."""
    times = {"started": START + timedelta(minutes=begin), "finished": START + timedelta(minutes=end)}
    return make_record(number, accuracy, **times, **fields)


def test_time_at_work_counts_overlaps_once_and_pauses_not(make_record):
    """Two workers at once are one clock; the night between two starts of a search is left out."""
    records = [
        timed(make_record, 0, 0.5, 0, 10),
        timed(make_record, 1, 0.6, 2, 12),
        timed(make_record, 2, 0.7, 600, 605),
        timed(make_record, 3, 0.7, 601, 604),
    ]
    assert working_seconds(records) == 17 * 60
    assert working_seconds([make_record(0)]) == 0.0


def test_the_best_so_far_follows_the_ends_of_trials(make_record):
    """Stopped trials count as trained and never lead; duplicates neither count nor lead."""
    records = [
        timed(make_record, 0, 0.5, 0, 10),
        timed(make_record, 1, 0.9, 0, 5, outcome="stopped_early"),
        timed(make_record, 2, 0.6, 10, 20),
        timed(make_record, 3, 0.4, 20, 30),
        timed(make_record, 4, 0.6, 20, 21, outcome="duplicate"),
    ]
    steps = best_so_far(records)
    assert [(step.trials, step.accuracy, step.best) for step in steps] == [
        (1, None, None),
        (2, 0.5, 0),
        (3, 0.6, 2),
        (4, 0.6, 2),
    ]
    assert [step.seconds for step in steps] == [300, 600, 1200, 1800]
    assert value_after(steps, trials=2) == (0.5, 0)
    assert value_after(steps, seconds=1200) == (0.6, 2)
    assert value_after(steps, trials=0) == (None, None)


def test_the_best_within_a_size(make_record, study):
    """The most accurate of those that are small enough; of two equals, the smaller."""
    records = [make_record(0, 0.5, 100), make_record(1, 0.7, 300), make_record(2, 0.7, 250), make_record(3, 0.9, 900)]
    found = best_within(records, study, [400, 50, 1000])
    assert [(limit, record and record.number) for limit, record in found] == [(50, None), (400, 2), (1000, 3)]
    limits = [limit for limit, _ in best_within(records, study)]
    bound = study.budget.params
    assert limits == [bound // 4, bound // 2, bound]
    free = replace(study, budget=replace(study.budget, params=None, flops=10**6))
    assert [limit for limit, _ in best_within(records, free)] == [225, 450, 900]
