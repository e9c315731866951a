"""Trials as tables and as JSON."""

from __future__ import annotations

import datetime
import json

import pytest

from budgetnet.errors import RequestError
from budgetnet.report.trials import record_document, select, tally, trials_text


@pytest.fixture
def records(make_record):
    """Four trials with different ends."""
    return (
        make_record(0, 0.5, 2000),
        make_record(1, None, 9000, outcome="over_budget", reason="9,000 parameters, 125 % over 4,000", epochs=0),
        make_record(2, 0.7, 3000),
        make_record(3, 0.3, 1000, outcome="stopped_early", reason="30.00 % after epoch 1 of 2: below the median"),
    )


def test_all_trials_by_number_without_a_filter(records):
    """Nothing asked, nothing left out."""
    assert select(records, goal="accuracy", target=None) == records


def test_outcomes_may_be_written_with_hyphens(records):
    """What the shell user types need not have an underscore."""
    chosen = select(records, goal="accuracy", target=None, outcome="over-budget")
    assert [record.number for record in chosen] == [1]


def test_the_best_come_first_by_the_study_s_goal(records):
    """`top` ranks as the study does: completed, then stopped early, then what has no accuracy, by number."""
    assert [r.number for r in select(records, goal="accuracy", target=None, top=9)] == [2, 0, 3, 1]
    assert [r.number for r in select(records, goal="smallest", target=0.4, top=1)] == [0]


def test_trials_without_an_accuracy_can_be_among_the_first(records):
    """`--top 3 --outcome over-budget` lists those that there are."""
    chosen = select(records, goal="accuracy", target=None, outcome="over-budget", top=3)
    assert [record.number for record in chosen] == [1]


def test_a_wrong_outcome_offers_the_nearest(records):
    """A typo is answered with the legal word."""
    with pytest.raises(
        RequestError,
        match=r"^--outcome must be one of completed, .*, but got 'overbudget'; did you mean 'over-budget'",
    ):
        select(records, goal="accuracy", target=None, outcome="overbudget")


def test_none_is_no_number_of_trials(records):
    """`--top 0` is a mistake, not an empty table."""
    with pytest.raises(RequestError, match="at least 1, but got 0"):
        select(records, goal="accuracy", target=None, top=0)


def test_the_table_holds_outcome_and_reason(records):
    """Every trial has a line; failed attempts are not hidden."""
    lines = trials_text(records)
    assert len(lines) == 1 + len(records)
    assert "over budget" in lines[2]
    assert "9,000 parameters, 125 % over 4,000" in lines[2]
    assert "70.00" in lines[3]
    assert tally(records) == "2 completed, 1 over budget, 1 stopped early"


def test_a_trial_is_a_json_document(make_record):
    """Fractions stay fractions, times are ISO 8601, and JSON takes it all."""
    started = datetime.datetime(2025, 3, 1, 12, 30, 15)
    document = json.loads(json.dumps(record_document(make_record(4, 0.75, started=started))))
    assert document["accuracy"] == 0.75
    assert document["started"] == "2025-03-01T12:30:15"
    assert document["finished"] is None
    assert document["network"].startswith("network =")
