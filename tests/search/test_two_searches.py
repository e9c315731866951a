"""Several searches on one study at once: no network is trained twice, and no full training is done twice."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from budgetnet.files.spaces import space_of
from budgetnet.records.finals.finalist import read_finalists
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.storage import backend_of, default_url
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.finals.contest import Contest
from budgetnet.search.finals.finalists import FinalRound
from budgetnet.search.finals.full_runs import FullRuns
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.search.study_model import StudyModel
from tests.postgres import missing_postgres, postgres_server
from tests.search.helpers import Threads, open_ledger


class Searcher:
    """One of them: a connection of its own to the database, workers of its own, and a name of its own."""

    def __init__(self, study, folder, name: str, url: str | None = None) -> None:
        self.study, self.folder, self.space = study, folder, space_of(study)
        self.ledger = open_ledger(study, folder, url)
        self.claims = Claims(self.ledger.storage, self.ledger._id, owner=f"elsewhere/{name}/then")
        self.workers = Threads(study, 2)

    def close(self) -> None:
        """Close the connections to the database."""
        backend_of(self.ledger.storage).engine.dispose()

    def search(self) -> None:
        """Train networks briefly, as many as the study wants."""
        sampler = make_sampler(self.study, self.space)
        source = CandidateSource(self.space, self.ledger, sampler, self.study.search.seed, claims=self.claims)
        SearchLoop(self.study, self.ledger, source, self.workers, lambda _: None, lambda: False).run()

    def finish(self) -> None:
        """Choose and test."""
        runs = FullRuns(self.study, self.space, self.ledger.storage, self.folder, workers=2, claims=self.claims)
        contest = Contest(self.study, StudyModel(self.study, self.space))
        ends = (self.workers, lambda _: None, lambda: False)
        FinalRound(self.study, self.ledger, runs, contest, *ends).run()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database."""
    if request.param == "sqlite":
        yield default_url(tmp_path / "run")
        return
    reason = missing_postgres()
    if reason is not None:
        pytest.skip(reason)
    with postgres_server() as address:
        yield address


def test_nothing_is_done_twice(make_study, tmp_path, url):
    """Both propose by the same seed; every network, full training and final run belongs to one of them."""
    study = make_study(
        search="{trials: 8, workers: 2, seed: 0, sampler: random, pruner: none}",
        training="{epochs: 1, batch: 256, shift: 0, flip: none, precision: float32}",
        finalists="{top: 3, seeds: 2, winner_seeds: 3, epochs: 1}",
    )
    both = [Searcher(study, tmp_path / "run", name, url) for name in ("a", "b")]
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(Searcher.search, both))
        brief = [[job.label for job in one.workers.jobs] for one in both]
        trained = [record.hash for record in both[0].ledger.records() if record.trained]
        assert max(Counter(trained).values()) == 1
        assert len(trained) >= 8
        assert all(brief)  # both had their part
        assert sum(map(len, brief)) == len(trained)
        list(threads.map(Searcher.finish, both))
    full = [job.label for one, before in zip(both, brief, strict=True) for job in one.workers.jobs[len(before) :]]
    assert max(Counter(full).values()) == 1
    found = read_finalists(both[0].ledger.study)
    assert sum(len(one.runs) for one in found) == 3
    assert len(full) == sum(len(one.runs) + len(one.full) for one in found)
    assert both[0].claims.others() == both[1].claims.others() == []
    for one in both:
        one.close()
