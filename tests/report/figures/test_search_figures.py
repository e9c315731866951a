"""Figures of a search's trials."""

from __future__ import annotations

from itertools import pairwise

from budgetnet.report.figures.search_figures import trial_curves


def numbers(figure) -> list[int]:
    """Numbers of the trials that are drawn, by trace and place."""
    return [row for trace in figure["data"] for row in dict.fromkeys(trace["rows"]) if row is not None]


def test_all_curves_are_drawn_up_to_a_thousand(make_record):
    """One trace an outcome; trials without a curve are left out."""
    records = [make_record(number, number / 10, curve=(0.1, number / 10)) for number in range(5)]
    records += [make_record(5, 0.1, outcome="stopped_early", curve=(0.1,)), make_record(6, None, outcome="failed")]
    figure = trial_curves(records)
    assert figure["layout"]["title"]["text"] == "Learning curves of all trials"
    assert [trace["name"] for trace in figure["data"]] == ["trained to the end (5)", "stopped early (1)"]
    assert numbers(figure) == [0, 1, 2, 3, 4, 5]
    assert trial_curves([make_record(6, None, outcome="failed")]) is None


def test_of_many_curves_the_best_and_an_even_choice_are_drawn(make_record):
    """At most a thousand, and the title and the legend give the whole numbers."""
    records = [make_record(number, (number * 7919 % 2500) / 2500, curve=(0.1, 0.2)) for number in range(2500)]
    figure = trial_curves(records)
    drawn = numbers(figure)
    title = f"Learning curves of {len(drawn)} of 2,500 trials: the best 200, others evenly"
    assert figure["layout"]["title"]["text"] == title
    assert 900 < len(drawn) <= 1000
    best = sorted(records, key=lambda record: -record.accuracy)[:200]
    assert {record.number for record in best} <= set(drawn)
    assert max(later - earlier for earlier, later in pairwise(drawn)) <= 6
    assert figure["data"][0]["name"] == "trained to the end (2,500)"
