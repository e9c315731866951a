"""A changed grammar or budget begins a new generation, which takes over what it still derives and allows."""

from __future__ import annotations

import importlib
import shutil
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from budgetnet.api.pages.studies import trials_answer
from budgetnet.errors import RequestError, SearchError, StudyError
from budgetnet.files.settings import NewGenerationError
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import load_study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.generations.earlier import open_generation
from budgetnet.records.generations.generation import Generation
from budgetnet.records.lookup import Trials, open_trials
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.storage import default_url, open_storage
from budgetnet.report.trials import record_document
from budgetnet.search.events import GenerationBegun
from budgetnet.search.preparation import generations
from budgetnet.search.run import run_search
from budgetnet.space.choosers import replay, unanswered
from tests.search.helpers import GRAMMAR, Pretend, open_ledger, study_text

SEARCH = "{trials: 8, workers: 1, seed: 0, sampler: random, pruner: none}"
RENAMED = """\
network      = start part(8|12|16|24){1..2} gap linear(classes)
start        = conv(3, 8|12|16)
part(wide)   = unit(wide){1..2} maxpool(2)?
unit(wide)   = conv(3, wide) | dwconv(3|5) conv(1, wide) | skip(conv(3, wide))
"""
"""The same networks by other rules and other decisions."""
WIDER = GRAMMAR.replace("8|12|16|24", "8|12|16|24|32")
NARROW = GRAMMAR.replace("conv(3, 8|12|16)", "conv(3, 8)")


@pytest.fixture(autouse=True)
def _nothing_is_trained(monkeypatch):
    module = importlib.import_module("budgetnet.search.run")
    monkeypatch.setattr(module, "Pool", lambda *_, **__: Pretend(_searched[-1]))


_searched = []


def search(path: Path, folder: Path) -> list[object]:
    """Search as the file says; return the events."""
    _searched.append(load_study(path))
    events: list[object] = []
    run_search(_searched[-1], out=folder, device="cpu", listen=events.append)
    return events


def begun(path: Path, folder: Path) -> Generation:
    """Search, and return the generation that begins with it."""
    (found,) = [event.generation for event in search(path, folder) if isinstance(event, GenerationBegun)]
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A study file and the run folder of its first generation."""
    folder = tmp_path_factory.mktemp("base")
    path = folder / "tiny.yaml"
    path.write_text(study_text(search=SEARCH), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        module = importlib.import_module("budgetnet.search.run")
        patch.setattr(module, "Pool", lambda *_, **__: Pretend(_searched[-1]))
        assert not any(isinstance(event, GenerationBegun) for event in search(path, folder / "run"))
    return folder


@pytest.fixture
def change(base, tmp_path):
    """Returns a copy of the study with other settings: the file and the run folder."""
    shutil.copytree(base / "run", tmp_path / "run")

    def changed(grammar: str = GRAMMAR, **changes: str) -> tuple[Path, Path]:
        path = tmp_path / "tiny.yaml"
        path.write_text(study_text(grammar, search=SEARCH, **changes), encoding="utf-8")
        return path, tmp_path / "run"

    return changed


def first(base) -> Trials:
    """Return the first generation."""
    return open_trials(load_study(base / "tiny.yaml"), out=base / "run")


def facts(trials: Trials) -> list[dict[str, object]]:
    """Return all trials as JSON has them."""
    return [record_document(record) for record in trials.records]


def trained(trials: Trials) -> dict[int, tuple[str, float | None]]:
    """Return network and score of every trained trial."""
    return {record.number: (record.hash, record.accuracy) for record in trials.records if record.trained}


def check_decisions(trials: Trials) -> None:
    """Every trial that counts is derived by the study's grammar of now, and within its budget."""
    space = space_of(trials.study)
    for record in trials.records:
        if record.trained:
            network = space.expand(replay(record.decisions, unanswered)).network
            assert canonical_hash(network) == record.hash
            assert (record.params or 0) <= (trials.study.budget.params or 0)


def test_tighter_budget_leaves_out_what_is_over_it(base, change):
    """Small networks keep number, score and full trainings; large ones stay in the earlier generation."""
    before = first(base)
    sizes = sorted(record.params for record in before.records if record.trained)
    limit = sizes[len(sizes) // 2]
    path, folder = change(budget=f"{{params: {limit}, flops: 500k}}")
    found = begun(path, folder)
    assert (found.number, found.changes) == (2, (f"budget.params: 6,000 → {limit:,}",))
    assert found.taken_over + found.left_out == len(trained(before))
    assert found.left_out >= len(sizes) // 2 - 1
    now = open_trials(load_study(path), out=folder)
    check_decisions(now)
    left = {record.number: record for record in now.records if record.outcome == "left_out"}
    assert found.left_out == len(set(left) & set(trained(before)))
    for number, score in trained(before).items():
        if number in left:
            assert left[number].reason.startswith("over the new budget: ")
            assert left[number].accuracy is None
        else:
            assert trained(now)[number] == score
    assert now.generation == found
    assert sum(record.trained for record in now.records) == 8
    kept = [one for one in before.finalists if one.trial not in left]
    assert found.full == sum(len(one.full) + len(one.runs) for one in kept)
    assert all(now.finalist(one.trial).full[: len(one.full)] == one.full for one in kept)
    assert now.choices[0].trial not in left
    assert not any(isinstance(event, GenerationBegun) for event in search(path, folder))


@pytest.mark.parametrize("grammar", [RENAMED, WIDER, GRAMMAR + "more = maxpool(2)\n"])
def test_what_is_derived_by_other_rules_is_recognised(base, change, grammar):
    """A rewritten grammar and a wider one take over every trained network, by their own decisions."""
    path, folder = change(grammar)
    before = first(base)
    found = begun(path, folder)
    assert (found.taken_over, found.left_out) == (len(trained(before)), 0)
    now = open_trials(load_study(path), out=folder)
    assert trained(now) == trained(before)
    check_decisions(now)
    assert [one.trial for one in now.finalists] == [one.trial for one in before.finalists]


def test_there_and_back_again_nothing_is_lost(base, change):
    """Trials that a generation leaves out are there again when a later one allows them, with those made in between."""
    path, folder = change(NARROW, budget="{params: 3k, flops: 500k}")
    second = begun(path, folder)
    assert second.left_out
    between = open_trials(load_study(path), out=folder)
    path, folder = change()
    third = begun(path, folder)
    now = open_trials(load_study(path), out=folder)
    assert third.number == 3
    assert third.left_out == 0
    assert trained(first(base)).items() <= trained(now).items()
    assert trained(between).items() <= trained(now).items()
    assert {one.trial for one in first(base).finalists} <= {one.trial for one in now.finalists}
    check_decisions(now)


def test_each_generation_can_be_listed(base, change):
    """By its own study file, its own trials and its own choice; a number that it has not is refused."""
    path, folder = change(NARROW, budget="{params: 3k, flops: 500k}")
    study = load_study(path)
    with pytest.raises(NewGenerationError, match="search again to begin a new generation"):
        open_trials(study, out=folder)
    assert facts(open_generation(study, 1, out=folder)) == facts(first(base))
    begun(path, folder)
    earlier = open_generation(study, 1, out=folder)
    assert earlier.study.budget.params == 6000
    assert facts(earlier) == facts(first(base))
    assert earlier.choices == first(base).choices
    now = open_generation(study, 2, out=folder)
    assert facts(now) == facts(open_trials(study, out=folder))
    with pytest.raises(RequestError, match="got 3: tiny has the generations 1 to 2"):
        open_generation(study, 3, out=folder)
    words = {"outcome": None, "top": None, "storage": None, "run": folder, "say": print}
    assert trials_answer(path, generation=1, **words).document["generation"]["number"] == 1
    answer = trials_answer(path, generation=None, **words)
    assert answer.document["generation"] == now.generation.document()
    assert any(line.startswith("Generation 2: ") and " taken over" in line for line in answer.lines)


def test_killed_on_the_way_the_study_is_as_it_was(base, change, monkeypatch):
    """What a killed process left half made is made anew the next time."""
    path, folder = change(NARROW)
    with monkeypatch.context() as patch:
        patch.setattr(generations._Change, "_exchange", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            search(path, folder)
    assert facts(open_trials(load_study(base / "tiny.yaml"), out=folder)) == facts(first(base))
    assert begun(path, folder).number == 2
    names = optuna.get_all_study_names(open_storage(default_url(folder)))
    assert sorted(names) == ["tiny", "tiny#1"]


def test_it_begins_alone(change):
    """Processes that train for the last generation must end first, here or elsewhere; a half-begun change is theirs."""
    path, folder = change(NARROW)
    storage = open_storage(default_url(folder))
    key = storage.get_study_id_from_name("tiny")
    other = Claims(storage, key, owner="elsewhere/1/then")
    other.take("full:0:0")
    with pytest.raises(RequestError, match="must begin alone, but other processes train for the last one"):
        search(path, folder)
    other.release_all()
    other.take("generation")
    with pytest.raises(RequestError, match="another process begins a new generation of tiny at this moment"):
        search(path, folder)
    other.release_all()
    running = create_trial(state=TrialState.RUNNING, user_attrs={"owner": "elsewhere/1/then", "seed": 1})
    storage.create_new_trial(key, running)
    with pytest.raises(RequestError, match="must begin alone"):
        search(path, folder)


def test_who_works_on_an_older_generation_stops(base, change):
    """A process that did not notice the change ends at its next look; a worker with the old file does not begin."""
    old = load_study(base / "tiny.yaml")
    path, folder = change(NARROW)
    ledger = open_ledger(old, folder)
    ledger.check_current()
    begun(path, folder)
    with pytest.raises(SearchError, match="a new generation of tiny has begun with another grammar or budget"):
        ledger.check_current()
    with pytest.raises(NewGenerationError):
        run_search(old, out=folder, device="cpu", joining=True)


@pytest.mark.parametrize("changes", [{"training": "{epochs: 3}"}, {"validation": "20%"}, {"goal": "pareto"}])
def test_what_changes_more_is_refused(change, changes):
    """Another recipe, split or goal is refused, also together with another grammar, and nothing begins."""
    path, folder = change(NARROW, **changes)
    with pytest.raises(StudyError, match="give the study another name") as caught:
        search(path, folder)
    assert not isinstance(caught.value, NewGenerationError)
    assert optuna.get_all_study_names(open_storage(default_url(folder))) == ["tiny"]


def test_other_images_are_refused(change):
    """A changed grammar does not bring other images in."""
    path, folder = change(NARROW)
    study = load_study(path)
    storage = open_storage(default_url(folder))
    key = storage.get_study_id_from_name("tiny")
    settings = storage.get_study_user_attrs(key)["settings"]
    other = {**settings["data"]["train"], "digest": "0" * 64}
    storage.set_study_user_attr(key, "settings", {**settings, "data": {**settings["data"], "train": other}})
    with pytest.raises(StudyError, match="the images must be those that"):
        run_search(replace(study), out=folder, device="cpu")
    assert optuna.get_all_study_names(storage) == ["tiny"]
