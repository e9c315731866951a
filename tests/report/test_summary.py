"""A study in words."""

from __future__ import annotations

from dataclasses import replace

from budgetnet.report.summary import study_summary, validation_error


def test_four_questions_are_answered(trials):
    """What was searched, found, what it cost, and how sure it is; validation images judge."""
    summary = dict(study_summary(trials))
    assert list(summary) == ["Searched", "Found", "Cost", "How sure"]
    assert "Networks for digits within params ≤ 4,000" in summary["Searched"]
    assert "4 attempts: 4 completed." in summary["Searched"]
    assert "The best network is trial" in summary["Found"]
    assert "on 360 test images" in summary["Found"]
    assert "Target 30.0 %, by validation images after brief training" in summary["Found"]
    assert "4 brief trainings took" in summary["Cost"]
    assert "full trainings took" in summary["Cost"]
    assert "uncertain by ±" in summary["How sure"]
    assert "nothing was chosen by it" in summary["How sure"]


def test_an_empty_study_claims_nothing(trials):
    """Each question gets an honest answer."""
    summary = dict(study_summary(replace(trials, records=(), finalists=())))
    assert summary["Found"] == "No network has been trained to the end yet."
    assert summary["Cost"] == "Nothing has been trained yet."
    assert summary["How sure"] == "Nothing can be said yet."


def test_the_error_of_an_accuracy_is_binomial(study):
    """Of digits, a tenth of 1,437 train images validates; the size of a folder of images is not known."""
    error = validation_error(replace(study, dataset="digits", validation=0.1), 0.5)
    assert error is not None
    assert abs(error - (0.25 / 144) ** 0.5) < 1e-12
    assert validation_error(replace(study, dataset="nothing-known"), 0.5) is None
