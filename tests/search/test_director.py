"""The sampler `model` in a search: what it trains, that it goes on as if never stopped, and its goals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Study
from budgetnet.records.finals.finalist import read_finalists
from budgetnet.records.trial import Record
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.director import Director
from budgetnet.search.events import EpochsPlanned, FullTrainingDone, FullTrainingStarted, TrialStarted
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.loop import SearchLoop
from budgetnet.search.offers import Offers
from budgetnet.search.propose import make_sampler
from budgetnet.search.study_model import StudyModel
from budgetnet.space.judge import Candidate
from budgetnet.space.proposer import Proposer
from tests.search.helpers import Pretend, open_ledger

MODEL = {
    "search": "{trials: 8, workers: 1, seed: 0, sampler: model}",
    "training": "{epochs: 1}",
    "finalists": "{top: 2, seeds: 2, epochs: 3}",
}


class Directed:
    """One search loop that the model directs, with workers that train nothing."""

    def __init__(
        self, study: Study, folder: Path, *, workers: int = 1, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        space = space_of(study)
        self.study = study
        self.events: list = []
        self.ledger = open_ledger(study, folder)
        self.workers = Pretend(study, workers)
        runs = FullRuns(study, space, self.ledger.storage, folder, workers=workers)
        self.director = Director(study, StudyModel(study, space), runs)
        self.loop = SearchLoop(
            study=study,
            ledger=self.ledger,
            candidates=CandidateSource(space, self.ledger, make_sampler(study, space), study.search.seed),
            pool=self.workers,
            listen=self.events.append,
            stopped=stopped,
            director=self.director,
        )

    def __call__(self) -> str:
        """Run the loop."""
        return self.loop.run()

    def of(self, kind: type) -> list:
        """The events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    def all(self) -> list[tuple]:
        """Everything that was trained: brief trainings and full ones, with seeds and accuracies."""
        records = [record for record in self.ledger.records() if record.trained]
        full = [
            (records_by_number(self.ledger.records())[one.trial].hash, run.repeat, run.seed, run.accuracy)
            for one in read_finalists(self.ledger.study)
            for run in one.full
        ]
        return [[(record.hash, record.seed, record.accuracy) for record in records], sorted(full)]


def records_by_number(records: tuple[Record, ...]) -> dict[int, Record]:
    """Trials by number."""
    return {record.number: record for record in records}


def test_the_epochs_are_divided_between_brief_and_full_trainings(make_study, tmp_path):
    """As many epochs as the trials and the finalists would take; full trainings are recorded with their place."""
    search = Directed(make_study(**MODEL), tmp_path)
    assert search() == "epochs"
    full = search.of(FullTrainingDone)
    brief = [record for record in search.ledger.records() if record.outcome == "completed"]
    assert len(brief) + 3 * len(full) <= 8 + 2 * 2 * 3
    assert len(brief) + 3 * len(full) > 8 + 2 * 2 * 3 - 3
    assert len(full) == len(search.of(FullTrainingStarted)) >= 2
    assert all(event.why for event in (*search.of(FullTrainingStarted), *search.of(TrialStarted)))
    assert "predicted" in search.of(FullTrainingStarted)[-1].why
    assert len(brief) >= 4
    assert len({record.hash for record in brief}) == len(brief)
    for one in read_finalists(search.ledger.study):
        assert one.runs == ()
        assert len(one.full) <= 2
        for run in one.full:
            assert (run.trained_on, run.judged_by) == ("train", "validation")
            assert one.trial < run.after <= len(brief)
    planned = search.of(EpochsPlanned)
    assert planned[-1].planned == 20
    assert planned[-1].spent == len(brief) + 3 * len(full)
    assert Directed(search.study, tmp_path)() == "epochs"
    assert len(Directed(search.study, tmp_path).ledger.records()) == len(brief)


def test_going_on_decides_as_if_never_stopped(make_study, tmp_path):
    """Cut anywhere, in a brief or in a full training, a search comes to the same trainings."""
    study = make_study(**MODEL)
    whole = Directed(study, tmp_path / "whole")
    whole()
    for cut_at in (4, 3):
        cut = Directed(study, tmp_path / "cut")
        cut.loop.stopped = lambda cut=cut, cut_at=cut_at: len(cut.workers.jobs) >= cut_at
        assert cut() == "interrupted"
    assert Directed(study, tmp_path / "cut")() == "epochs"
    assert Directed(study, tmp_path / "cut").all() == whole.all()


def test_several_workers_train_nothing_twice(make_study, tmp_path):
    """Neither a network nor a seed of it."""
    search = Directed(make_study(**MODEL), tmp_path, workers=3)
    assert search() == "epochs"
    jobs = [(job.network, job.seed) for job in search.workers.jobs]
    assert len(set(jobs)) == len(jobs)
    brief, full = search.all()
    assert len({digest for digest, _, _ in brief}) == len(brief)
    assert len({(digest, repeat) for digest, repeat, _, _ in full}) == len(full)


def test_without_finalists_everything_is_brief(make_study, tmp_path):
    """`finalists: {top: 0}` asks for no full training."""
    search = Directed(make_study(**{**MODEL, "finalists": "{top: 0}"}), tmp_path)
    assert search() == "epochs"
    assert len(search.workers.jobs) == len(search.ledger.records()) == 8
    assert not search.of(FullTrainingDone)


def test_a_process_without_finalists_leaves_full_trainings_to_others(make_study, tmp_path):
    """It trains briefly, up to the study's number of trials, and learns from what others train in full."""
    study = make_study(**MODEL)
    others = Directed(study, tmp_path)
    others.loop.stopped = lambda: len(others.of(FullTrainingDone)) == 2
    others()
    before = len([record for record in others.ledger.records() if record.outcome == "completed"])
    helper = Directed(study, tmp_path)
    helper.director.full = False
    assert helper() == "epochs"
    assert not helper.of(FullTrainingStarted)
    done = [record for record in helper.ledger.records() if record.outcome == "completed"]
    assert len(done) == 8 > before
    assert helper.of(EpochsPlanned)[-1] == EpochsPlanned(8, 8)


@pytest.mark.parametrize("goal", ["pareto", "smallest"])
def test_other_goals_train_smaller_networks(make_study, tmp_path, goal):
    """Than the goal accuracy does on the same space, at the same epochs."""
    sizes = []
    for name in ("accuracy", goal):
        target = {"target": "{accuracy: 60%}"} if name == "smallest" else {}
        search = Directed(make_study(**MODEL, goal=name, **target), tmp_path / name)
        assert search() == "epochs"
        known = records_by_number(search.ledger.records())
        full = [known[one.trial].params for one in read_finalists(search.ledger.study)]
        sizes.append(sum(full) / len(full))
    assert sizes[1] <= sizes[0]


def test_every_budget_gets_its_share(make_study, tmp_path):
    """Networks are proposed and trained in full within each of several; each has a winner."""
    several = {**MODEL, "search": "{trials: 20, workers: 2, seed: 0, sampler: model}"}
    search = Directed(make_study(**several, budget="{params: [500, 2k, 6k]}"), tmp_path, workers=2)
    assert search() == "epochs"
    records = records_by_number(search.ledger.records())
    sizes = [record.params for record in records.values()]
    full = [records[one.trial].params for one in read_finalists(search.ledger.study)]
    for low, high in ((0, 500), (500, 2000), (2000, 6000)):
        assert sum(low < size <= high for size in sizes) >= 3
    assert any(size <= 500 for size in full)
    assert any(size > 2000 for size in full)
    planned = search.of(EpochsPlanned)[-1]
    assert planned.planned == 20 + 3 * 2 * 2 * 3
    winners = Contest(search.study, search.director.model).winners(
        search.ledger.records(), read_finalists(search.ledger.study)
    )
    assert [winner.limit for winner in winners] == [6000, 2000, 500]
    assert all(winner.rule != "brief training" for winner in winners)


def test_a_budget_that_is_exhausted_leaves_its_share_to_others(make_study, tmp_path):
    """The search spends all its epochs."""
    several = {**MODEL, "search": "{trials: 12, workers: 1, seed: 0, sampler: model}", "budget": "{params: [2k, 6k]}"}
    few = "network = conv(3, 8..24) gap linear(classes) | conv(3, 40..48:2){2} gap linear(classes)\n"
    search = Directed(make_study(few, **several), tmp_path)
    assert search() == "epochs"
    planned = search.of(EpochsPlanned)[-1]
    assert planned.spent > planned.planned - 3


def test_offers_fit_are_new_and_follow_from_the_seed(make_study):
    """Plain draws and others, without those that have a trial; the same again for a search that goes on."""
    study = make_study(**MODEL)
    space = space_of(study)

    def made(seed: int) -> Offers:
        model = StudyModel(study, space)
        return Offers([Proposer(space)], model.matrix, seed)

    offers = made(0)
    first = offers.offer([], {}, [])
    assert first.plain
    assert not set(first.plain) & set(first.others)
    assert all(isinstance(found, Candidate) for found in offers.candidates.values())
    assert set(first.plain) | set(first.others) <= set(offers.candidates)
    assert all(key in offers.matrix for key in first.plain)
    again = made(0).offer([], {}, [])
    assert (list(again.plain), list(again.others)) == (list(first.plain), list(first.others))
    assert list(made(1).offer([], {}, []).plain) != list(first.plain)
    tried = {first.plain[0]: Record(number=0, outcome="running", hash=first.plain[0])}
    assert first.plain[0] not in offers.offer([], tried, []).plain
