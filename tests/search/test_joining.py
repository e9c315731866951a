"""One more process of a study: it needs the study's name and the database, and stays until the study is done."""

from __future__ import annotations

import importlib

import pytest

import budgetnet as bn
from budgetnet.errors import RequestError
from budgetnet.files.study_file import load_study
from budgetnet.records.open import open_study
from budgetnet.records.sharing.travel import leave_study
from budgetnet.search.events import SearchStarted, TrialDone
from tests.search.helpers import Threads, study_text

QUICK = "{epochs: 1, batch: 256, shift: 0, flip: none, precision: float32}"


@pytest.fixture
def shared(tmp_path, digits, monkeypatch):
    """A study that somebody has begun: its database's address, and the processes of this test in threads."""
    path = tmp_path / "there" / "tiny.yaml"
    path.parent.mkdir()
    search = "{trials: 3, workers: 2, seed: 0, sampler: random, pruner: none}"
    path.write_text(study_text(search=search, training=QUICK, finalists="{top: 1, seeds: 1, epochs: 1}"))
    url = f"sqlite:///{tmp_path}/shared.db"
    study = load_study(path)
    recorded, _ = open_study(study, url)
    leave_study(recorded, study)
    path.unlink()

    class Here(Threads):
        def __init__(self, _, count, **more):
            super().__init__(study, count)
            del more

        def stop(self):
            """Nothing is to be stopped."""

    monkeypatch.setattr(importlib.import_module("budgetnet.search.run"), "Pool", Here)
    return url


def test_the_name_is_enough(shared, tmp_path):
    """It trains what is wanted, chooses and tests; a second one finds the study done."""
    events = []
    found = bn.join_search("tiny", shared, run=tmp_path / "mine", listen=events.append)
    assert found.ended == "trials"
    assert found.finalists_complete
    assert found.best is not None
    assert len([event for event in events if isinstance(event, TrialDone)]) == 3
    assert (tmp_path / "mine" / "study" / "tiny.yaml").is_file()
    assert list((tmp_path / "mine" / "finalists").glob("*.safetensors"))
    later = []
    again = bn.join_search("tiny", shared, run=tmp_path / "mine", listen=later.append)
    assert again.records == found.records
    assert isinstance(later[0], SearchStarted)
    assert not [event for event in later if isinstance(event, TrialDone)]
    # Whoever has another folder gets the weights from the database, and can export the winner.
    bn.join_search("tiny", shared, run=tmp_path / "other")
    mine, other = (sorted((tmp_path / name / "finalists").glob("*.safetensors")) for name in ("mine", "other"))
    assert mine
    assert [path.read_bytes() for path in other] == [path.read_bytes() for path in mine]


@pytest.mark.parametrize(
    ("study", "more", "message"),
    [
        ("tinny", {}, "has no study 'tinny' (it has: tiny); did you mean 'tiny'?"),
        ("tiny", {"grace": -1}, "grace must be a number of seconds of at least 0, but got -1"),
        ("tiny", {"images": "photos"}, "--images is for studies on a folder of images, but this one is on digits"),
        ("nowhere.yaml", {}, "there is no study file nowhere.yaml"),
        ("tiny", {"workers": 0}, "workers must be auto or a whole number from 1 to 1,024, but got 0"),
    ],
)
def test_requests_that_are_wrong(shared, tmp_path, study, more, message):
    """Each says what to do instead."""
    with pytest.raises(RequestError) as error:
        bn.join_search(study, shared, run=tmp_path / "mine", **more)
    assert message in str(error.value)
