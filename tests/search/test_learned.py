"""What a model has learned of a study, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.report.learned import learned_text
from budgetnet.search.finals.contest import Contest
from budgetnet.search.learned import learn
from budgetnet.search.study_model import StudyModel
from tests.search.finals.test_contest import networks, trained


@pytest.fixture
def contest(make_study) -> Contest:
    """The contest of a small study, with whatever number of finalists."""
    study = make_study(finalists="{top: 8, seeds: 1, epochs: 2}")
    return Contest(study, StudyModel(study, space_of(study)))


def test_what_leads_is_named_with_its_interval(contest):
    """Brief and full accuracies rise with size: so does what the model believes, and its predictions are near."""
    records = [replace(one, accuracy=0.5 + 0.01 * one.number) for one in networks(contest, 20)]
    full = trained(contest, {number: [0.7 + 0.01 * number] for number in range(0, 20, 2)})
    found = learn(contest.study, records, full)
    (size,) = [one for one in found.features if one.name == "size.params"]
    assert size.credible
    assert 0 < size.low < size.effect < size.high
    assert size.networks == 20
    assert (found.networks, found.brief, found.full) == (20, 20, 10)
    assert found.trust.model > 0.8
    assert found.warning is None
    assert [one.trial for one in found.predictions] == list(range(18, -1, -2))
    assert all(abs(one.predicted - one.seen) < 0.1 for one in found.predictions)
    text = "\n".join(learned_text(json.loads(json.dumps(found.document()))))
    assert "What the model learned:\nThe model has seen 20 networks: 20 brief and 10 full trainings." in text
    assert "each of 10 networks left out in turn: model +" in text
    assert "one deviation more" in text
    assert "warning" not in text


def test_where_nothing_is_known_a_warning_says_so(contest):
    """Nothing at all, brief trainings only, few full ones."""
    records = networks(contest, 12)
    assert learn(contest.study, records[:3], []) is None
    assert learned_text(None) == []
    brief = learn(contest.study, records, [])
    assert brief.warning == "no network was trained in full, so the model knows brief accuracies only"
    assert f"Warning: {brief.warning}." in learned_text(brief.document())
    few = learn(contest.study, records, trained(contest, {0: [0.7], 1: [0.8]}))
    assert few.warning.startswith("fewer than 5 networks were trained in full")
