"""Networks that were not trained to an end, by reason."""

from __future__ import annotations

from budgetnet.report.analysis.rejections import rejections


def test_dropped_draws_and_trials_are_counted_together(make_record):
    """Words instead of names; a bound that was kept does not count; a pruned trial was trained."""
    records = [
        make_record(0, rejected_before={"params": 3, "duplicate": 2}),
        make_record(1, outcome="over_budget", constraints={"params": 5.0, "flops": -1.0}),
        make_record(2, outcome="duplicate"),
        make_record(3, outcome="diverged"),
        make_record(4, outcome="failed"),
        make_record(5, outcome="stopped_early"),
    ]
    assert rejections(records) == {
        "too many parameters": 4,
        "equal to an earlier network": 3,
        "training broke down": 1,
        "failed": 1,
    }
