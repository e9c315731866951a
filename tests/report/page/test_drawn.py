"""The networks that a report draws."""

from __future__ import annotations

from dataclasses import replace

from budgetnet.report.page import drawn
from budgetnet.report.page.drawn import drawn_trials
from budgetnet.report.study import best_trial


def test_every_network_of_a_small_study_is_drawn_once(trials):
    """Equal networks share a drawing; a network that cannot be built has none."""
    best = best_trial(trials)
    twin = replace(best, number=90)
    broken = replace(best, number=91, hash="broken", network="network = nothing(3)\n")
    found = drawn_trials(replace(trials, records=(*trials.records, twin, broken)))
    assert len(found.drawings) == len({record.hash for record in trials.records})
    assert found.of_trial[90] == found.of_trial[best.number] == 0  # the chosen one comes first
    assert 91 not in found.of_trial
    assert all(drawing.startswith("<svg") and "xmlns" not in drawing for drawing in found.drawings)


def test_large_studies_draw_what_matters(trials, monkeypatch):
    """The chosen network, then finalists and the frontier; the rest has none."""
    monkeypatch.setattr(drawn, "MOST_DRAWN", 1)
    found = drawn_trials(trials)
    best = best_trial(trials)
    assert len(found.drawings) == 1
    assert set(found.of_trial) == {record.number for record in trials.records if record.hash == best.hash}
