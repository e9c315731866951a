"""Scores of other studies in the same database: what is taken over, what is not, and what looking costs."""

from __future__ import annotations

import pytest

from budgetnet.files.settings import ATTRIBUTE, DATA_PART, comparable, settings_of
from budgetnet.files.spaces import space_of
from budgetnet.records.other_studies import REFRESH, OtherStudies
from budgetnet.records.ranking import best
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.finals.contest import Contest
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.search.study_model import StudyModel
from budgetnet.training.recipe.recipe import Recipe
from tests.records.test_ledger import derived
from tests.search.helpers import Threads, open_ledger, record_images

QUICK = "{epochs: 2, batch: 256, shift: 0, flip: none, precision: float32}"
SEARCH = "{trials: 3, workers: 1, seed: 0, sampler: random, pruner: none}"


def run(study, folder):
    """Search with one worker; return the records and what was trained."""
    ledger, space, workers = open_ledger(study, folder), space_of(study), Threads(study)
    others = OtherStudies(ledger.storage, study, data=record_images(ledger, study))
    candidates = CandidateSource(space, ledger, make_sampler(study, space), study.search.seed, other_studies=others)
    SearchLoop(
        study=study, ledger=ledger, candidates=candidates, pool=workers, listen=lambda _: None, stopped=lambda: False
    ).run()
    return ledger, workers.jobs


def test_a_score_of_another_study_is_taken_over(make_study, tmp_path):
    """The second study, of another budget, proposes the first one's networks and trains only new ones."""
    first, _ = run(make_study(search=SEARCH, training=QUICK), tmp_path)
    study = make_study(study="other", search=SEARCH, training=QUICK, budget="{params: 6k, flops: 499k}")
    second, jobs = run(study, tmp_path)
    theirs = {record.hash: record for record in first.records()}
    copied = [record for record in second.records() if record.outcome == "duplicate"]
    assert [record.hash for record in copied] == list(theirs)
    for record in copied:
        earlier = theirs[record.hash]
        assert record.reason == f"the same network as trial {earlier.number} of the study tiny, trained alike"
        assert record.copied_from == f"tiny:{earlier.number}"
        assert (record.accuracy, record.curve, record.seed) == (earlier.accuracy, earlier.curve, earlier.seed)
        trial = second.study.trials[record.number]
        assert trial.value == earlier.accuracy
        assert trial.intermediate_values == dict(enumerate(earlier.curve, start=1))
    trained = [record for record in second.records() if record.trained]
    assert len(jobs) == len(trained) == 3
    assert not {record.hash for record in trained} & set(theirs)
    everything = {**theirs, **{record.hash: record for record in trained}}
    leader = best(second.records(), "accuracy")
    assert leader.accuracy == max(record.accuracy for record in everything.values())
    assert Contest(study, StudyModel(study, space_of(study))).next(second.records(), []) == (leader, 0)


@pytest.mark.parametrize(
    "changes",
    [{"training": QUICK.replace("epochs: 2", "epochs: 1")}, {"search": SEARCH.replace("seed: 0", "seed: 1")}],
    ids=["recipe", "seed"],
)
def test_other_conditions_are_not_comparable(make_study, tmp_path, changes):
    """Under another recipe, or on another split, nothing is taken over."""
    usual = {"search": SEARCH.replace("trials: 3", "trials: 1"), "training": QUICK}
    first, _ = run(make_study(**usual), tmp_path)
    (theirs,) = first.records()
    study = make_study(study="other", **{**usual, **changes})
    data = first.study.user_attrs[ATTRIBUTE][DATA_PART]
    other = OtherStudies(first.storage, study, data=data)
    open_ledger(study, tmp_path)
    assert other.completed(theirs.hash) is None
    again = make_study(study="alike", budget="{params: 5k}", **usual)
    assert OtherStudies(first.storage, again, data=data).completed(theirs.hash).address == "tiny:0"
    changed = {**data, "train": {**data["train"], "digest": "0" * 64}}
    assert OtherStudies(first.storage, again, data=changed).completed(theirs.hash) is None
    assert OtherStudies(first.storage, again).completed(theirs.hash) is None


def test_only_completed_trials_have_a_score_to_take(make_study, study, space, ledger):
    """What was stopped, diverged, failed, runs or is itself a copy elsewhere is trained here; later trials are seen."""
    now = 0.0
    data = record_images(ledger, study)
    other = OtherStudies(ledger.storage, make_study(study="other"), clock=lambda: now, data=data)
    ends = ("stopped_early", "diverged", "failed", "completed")
    trials = [ledger.start(*derived(space, seed)) for seed in range(len(ends))]
    assert other.completed("3") is None
    for trial, outcome in zip(trials, ends, strict=True):
        ledger.finish(trial, outcome, accuracy=0.5, curve=[0.4, 0.5], epochs=2)
    found, attributes = derived(space, 9)
    ledger.add("duplicate", found, {**attributes, "copied_from": "third:1", "curve": [0.5]}, accuracy=0.5)
    assert other.completed("3") is None, "not looked yet"
    now = REFRESH
    assert [other.completed(name) is not None for name in "01239"] == [False, False, False, True, False]
    assert other.completed("3").record.number == 3


def test_each_trial_is_read_once(make_study, study, space, ledger, monkeypatch):
    """A second look reads what is new, and what was still running, and nothing else."""
    from budgetnet.records import other_studies as elsewhere

    read: list[int] = []
    plain = elsewhere.read_record
    monkeypatch.setattr(elsewhere, "read_record", lambda trial: read.append(trial.number) or plain(trial))
    now = 0.0
    data = record_images(ledger, study)
    other = OtherStudies(ledger.storage, make_study(study="other"), clock=lambda: now, data=data)
    ledger.finish(ledger.start(*derived(space, 0)), "completed", accuracy=0.5, curve=[0.5])
    running = ledger.start(*derived(space, 1))
    assert other.completed("0") is not None
    for _ in range(100):
        assert other.completed("1") is None
    ledger.finish(running, "completed", accuracy=0.6, curve=[0.6])
    now = REFRESH
    assert other.completed("1").record.accuracy == 0.6
    assert read == [0, 1]


def test_settings_from_before_a_field_was_added_mean_its_default(study):
    """A recipe's field that the other study does not know had its default's effect there."""
    images = {"train": {"digest": "a"}, "test": {"digest": "b"}}
    ours = {**settings_of(study), DATA_PART: images}
    name = "weight_decay"
    older = {**ours, "training": {key: value for key, value in ours["training"].items() if key != name}}
    changed = {**ours, "training": {**ours["training"], name: Recipe().to_mapping()[name] + 1}}
    assert comparable(older, ours)
    assert not comparable(older, changed)
    assert not comparable(None, ours)
    assert not comparable({**ours, DATA_PART: {**images, "train": {"digest": "c"}}}, ours)
    assert not comparable({**ours, DATA_PART: {"train": 3}}, ours)
    assert not comparable(settings_of(study), ours), "the other's images are not known"
    assert comparable({**ours, DATA_PART: {**images, "test": {"digest": "c"}}}, ours), "no score here is of test images"
    assert comparable({**ours, "dataset": {"images": "/elsewhere"}}, ours), "the same images in another folder"
