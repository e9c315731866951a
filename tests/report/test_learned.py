"""What a study's model learned, for listings and pages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from budgetnet.records.lookup import Trials
from budgetnet.report.learned import LIMIT_RECORDS, _sampled, learned_document, learned_text, trust_text

FOUND = {
    "features_version": 1,
    "networks": 12,
    "brief": 12,
    "full": 6,
    "noise_brief": 0.01,
    "noise_full": 0.005,
    "trust": {"networks": 6, "model": 0.83, "brief": 0.67, "coverage": 0.9, "scale": 1.0, "trainings": 6},
    "features": [
        {"name": "size.params", "effect": 0.012, "low": 0.004, "high": 0.02, "binary": False, "networks": 12},
        {"name": "form.skips", "effect": 0.002, "low": -0.004, "high": 0.008, "binary": False, "networks": 7},
    ],
    "decisions": [
        {"name": "decision.block=<skip>", "effect": -0.02, "low": -0.03, "high": -0.01, "binary": True, "networks": 5}
    ],
    "predictions": [{"trial": 3, "predicted": 0.81, "deviation": 0.01, "seen": 0.82, "runs": 2}],
    "warning": None,
}
"""A document as a search writes it."""


def test_a_listing_shows_what_stands_out():
    """Effects whose interval does not contain zero, how well the model ranks, and predictions."""
    text = "\n".join(learned_text(FOUND))
    assert "The model has seen 12 networks: 12 brief and 6 full trainings." in text
    assert "each of 6 networks left out in turn: model +0.83, brief accuracies alone +0.67." in text
    assert "size.params" in text
    assert "form.skips" not in text
    assert "81.00 ± 1.00" in text
    assert learned_text(None) == []


def test_a_warning_is_said():
    """Where the model knows nothing, nobody should rely on it."""
    assert trust_text({**FOUND, "warning": "few trainings"})[-1] == "Warning: few trainings."


def test_what_a_search_wrote_down_is_taken(trials):
    """Nothing is worked out twice; an older record gets it from its trials, or nothing where they are too few."""
    assert learned_document(replace(trials, learned=FOUND)) is FOUND
    assert learned_document(replace(trials, learned=None, records=trials.records[:1], finalists=())) is None


def test_large_studies_are_sampled(study, make_record, tmp_path):
    """The best half and an even sample of the others, by number."""
    records = tuple(make_record(number, (number * 37 % 1000) / 1000) for number in range(3000))
    chosen = _sampled(Trials(study=study, folder=tmp_path, storage="", records=records, finalists=()))
    assert len(chosen) <= LIMIT_RECORDS
    assert [one.number for one in chosen] == sorted(one.number for one in chosen)
    best = max(records, key=lambda one: one.accuracy)
    assert best in chosen


@pytest.mark.parametrize("few", [0, 1, LIMIT_RECORDS])
def test_small_studies_are_taken_whole(study, make_record, tmp_path, few):
    """No sample below the limit."""
    records = tuple(make_record(number) for number in range(few))
    assert _sampled(Trials(study=study, folder=tmp_path, storage="", records=records, finalists=())) == records
