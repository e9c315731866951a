"""Tests of `budgetnet.search.study_model`: trainings as they come are those of a study that is read anew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.records.lookup import Trials
from budgetnet.search import study_model
from budgetnet.search.study_model import StudyModel


@pytest.fixture
def records(trials: Trials):
    """Many trials made of a few real ones: completed, stopped early, repeated, running."""
    few = [record for record in trials.records if record.outcome == "completed"]
    found = []
    for number in range(60):
        like = few[number % len(few)]
        record = replace(like, number=number, hash=f"{like.hash}{number}", curve=(0.1, 0.2 + number / 100))
        if number % 5 == 2:
            record = replace(record, outcome="stopped_early", curve=(0.1,), epochs=1, accuracy=0.1)
        if number % 7 == 3:
            record = replace(record, outcome="interrupted")
        if number in (10, 17):
            record = replace(record, outcome="running", accuracy=None, redo_of=number - 7)
        found.append(record)
    return found


def test_trainings_as_they_come_are_those_of_all_at_once(trials: Trials, records) -> None:
    """A model that saw the trials one by one, ending in another order, takes the same trainings as a new one."""
    space = space_of(trials.study)
    kept = StudyModel(trials.study, space)
    ended = [replace(record, outcome="completed") if record.outcome == "running" else record for record in records]
    for seen in (records[:5], records[:12], records, [*ended[:17], *records[17:]], ended, records[:3]):
        assert kept.trainings(seen, []) == StudyModel(trials.study, space).trainings(seen, [])


def test_features_are_worked_out_for_what_the_model_takes_in(
    trials: Trials, records, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many trainings, only the networks that the model is fitted to are derived again."""
    from budgetnet.search.model import thinning

    made: list[object] = []
    plain = study_model.features_of
    monkeypatch.setattr(study_model, "features_of", lambda *words, **more: made.append(0) or plain(*words, **more))
    monkeypatch.setattr(thinning, "LIMIT_SEEN", 8)
    model = StudyModel(trials.study, space_of(trials.study))
    seen = model.seen(records, [])
    assert len(seen) > 40
    assert not made
    model.fitted(seen)
    assert 0 < len(made) < len(seen) / 2
