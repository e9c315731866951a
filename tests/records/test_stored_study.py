"""A database as a search by the model wrote it in November 2026: it opens, says the same, and can be continued."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from budgetnet.api.pages.studies import trials_answer
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.records.lookup import Trials, open_trials, pick
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.search.director import Director
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.learned import learn
from budgetnet.search.study_model import StudyModel

OLDER = Path(__file__).parent / "older"
STUDY = OLDER / "digits-budgets.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with the stored database."""
    place = tmp_path_factory.mktemp("older")
    (place / "study.db").write_bytes(gzip.decompress((OLDER / "digits-budgets.db.gz").read_bytes()))
    return place


@pytest.fixture(scope="module")
def stored(folder: Path) -> Trials:
    """Everything it holds."""
    return open_trials(load_study(STUDY), out=folder)


def test_trials_and_full_trainings_are_read(stored: Trials) -> None:
    """Curves, reasons, seeds and recipes of brief and full trainings; the winner's training on all images."""
    assert len(stored.records) == 30
    assert all(len(record.curve) == record.epochs == 6 and record.decisions for record in stored.records)
    assert sum(len(one.full) for one in stored.finalists) == 10
    assert [len(one.runs) for one in stored.finalists if one.trial == 26] == [1]
    assert all(len(run.validation_accuracies) == 20 for one in stored.finalists for run in one.full)


def test_the_networks_that_were_chosen_are_still_named(stored: Trials) -> None:
    """Full trainings chose, once for each budget; ``best`` follows them and not the best brief accuracy."""
    assert [(one.trial, one.rule, one.limit) for one in stored.winners] == [
        (26, "their mean", 8000),
        (26, "their mean", 4000),
        (26, "their mean", 2000),
    ]
    assert pick(stored, "best").number == pick(stored, "best@4k").number == 26
    assert max(record.accuracy or 0 for record in stored.records) > (stored.records[26].accuracy or 1)


def test_what_was_learned_is_shown_as_it_was_recorded(folder: Path, stored: Trials) -> None:
    """In the listing and as JSON, with intervals; this version learns as many effects from the same trainings."""
    answer = trials_answer(STUDY, outcome=None, top=None, generation=None, storage=None, run=folder, say=lambda _: None)
    text = "\n".join(answer.lines)
    assert "each of 8 networks left out in turn: model -0.13, brief accuracies alone +0.64." in text
    assert "level1.params                                      +0.56  +0.12 to +0.98" in text
    told = json.loads(json.dumps(answer.document["learned"]))
    assert told == stored.learned
    found = learn(stored.study, stored.records, stored.finalists)
    assert found is not None
    now = json.loads(json.dumps(found.document()))
    assert now.keys() == told.keys()
    assert now["features"][0].keys() == told["features"][0].keys()
    assert {one["name"] for one in now["features"]} == {one["name"] for one in told["features"]}
    assert [one["trial"] for one in now["predictions"]] == [one["trial"] for one in told["predictions"]]


def test_a_search_on_it_trains_nothing_again(folder: Path, stored: Trials) -> None:
    """Its epochs are spent; the settings are the same as this version's."""
    study = stored.study
    _, storage = open_study(study, default_url(folder), create=False)
    space = space_of(study)
    runs = FullRuns(study, space, storage, folder, workers=1)
    director = Director(study, StudyModel(study, space), runs)
    spent, planned = director.spent(stored.records)
    assert spent == 30 * 6 + 10 * 20
    assert planned - spent < 6
    assert director.next(stored.records) == "done"
