"""Latency is measured before a training, decides once where it is clear and by several looks near the bound."""

from __future__ import annotations

import itertools
import random
import re

import pytest
import torch

from budgetnet.errors import SearchError, StudyError
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import parse_study
from budgetnet.network.budget import Budget
from budgetnet.network.nodes import Shape
from budgetnet.records.trial import Record
from budgetnet.report.trials import record_document, trials_text
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.preparation.latency import LOOKS, MOST_SLOW, LatencyJudge, latency_judge, look
from budgetnet.search.propose import make_sampler
from budgetnet.space.judge import Candidate, draw
from budgetnet.space.lint.lint import lint
from tests.search.helpers import open_ledger, study_text

SHAPE: Shape = (1, 8, 8)


def clock(*seconds: float):
    """A clock by which runs take these times in turn, over and over."""
    now, turns = [0.0, False], itertools.cycle(seconds)

    def read() -> float:
        now[0] += next(turns) if now[1] else 0.0
        now[1] = not now[1]
        return now[0]

    return read


@pytest.fixture
def study(tmp_path):
    """A study that bounds latency alone."""
    return parse_study(study_text(budget="{latency: 5ms}"), tmp_path / "tiny.yaml")


def source(study, tmp_path, judge):
    """The study's candidates and their records."""
    space, ledger = space_of(study), open_ledger(study, tmp_path)
    return CandidateSource(space, ledger, make_sampler(study, space), 0, latency=judge), ledger


def test_a_look_is_the_lower_quartile_of_its_runs() -> None:
    """Other work on the machine only adds time."""
    assert look(lambda: None, clock(0.004, 0.004, 0.009, 0.03)) == pytest.approx(0.004)


@pytest.mark.parametrize(("seconds", "looks"), [(0.001, 1), (0.0045, LOOKS), (0.0062, LOOKS), (0.02, 1)])
def test_looks_are_repeated_near_the_bound(study, seconds, looks) -> None:
    """One is enough where it is clear; torch's threads and random state stay as they were."""
    network = _network(study)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    found = LatencyJudge(0.005, SHAPE, {}, clock(seconds), "Abacus 1").measure(network)
    assert (found.seconds, found.looks) == (pytest.approx(seconds), looks)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_slow_network_is_recorded_with_its_time(study, tmp_path) -> None:
    """As over budget, with the measured value, and is not trained; a fast one is, with its latency."""
    candidates, ledger = source(study, tmp_path, LatencyJudge(0.005, SHAPE, {}, clock(0.02), "Abacus 1"))
    told: list[Record] = []
    assert candidates.new([], told.append) == "refused"
    (record,) = told
    assert record.outcome == "over_budget"
    assert record.reason == "20 ms for one image, 300 % over 5 ms, measured on Abacus 1 (1 look, one thread)"
    assert (record.latency, record.latency_on) == (pytest.approx(0.02), "Abacus 1")
    assert record.constraints == {"latency": pytest.approx(0.602, abs=0.001)}
    candidates, ledger = source(study, tmp_path, LatencyJudge(0.005, SHAPE, {}, clock(0.001), "Abacus 1"))
    begun = candidates.new(ledger.records(), told.append)
    assert begun not in ("refused", "exhausted")
    first, second = ledger.records()
    assert first.hash != second.hash  # what was too slow is not proposed again
    assert second.latency_text == "1 ms for one image on Abacus 1 (measured)"
    lines = trials_text([first, second])
    assert re.search(r"latency +epochs", lines[0])
    assert "20 ms" in lines[1]
    assert record_document(second)["latency_on"] == "Abacus 1"


def test_a_search_that_finds_nothing_fast_enough_ends(study) -> None:
    """With the fastest that there was, and what to do."""
    judge = LatencyJudge(0.005, SHAPE, {}, clock(0.02), "Abacus 1")
    slow = judge.measure(_network(study))
    for _ in range(MOST_SLOW - 1):
        assert judge.excess(slow) is not None
    message = (
        f"{MOST_SLOW} networks in a row took longer than budget.latency, 5 ms, on Abacus 1, the fastest 20 ms; raise"
    )
    with pytest.raises(SearchError, match=message):
        judge.excess(slow)


def test_another_processor_is_said(study) -> None:
    """A study that goes on elsewhere has latencies of two machines."""
    judge = latency_judge(study, space_of(study))
    assert judge is not None
    (one,) = judge.notes([])
    assert one.startswith("latency ≤ 5 ms is measured before each training, on ")
    assert one.endswith("one thread: it belongs to this machine")
    records = [Record(number=0, outcome="completed", latency=0.001, latency_on="Abacus 1")]
    _, two = judge.notes(records)
    assert two.startswith("latency was measured on another processor so far, Abacus 1 (1 trial); it is now measured on")
    judge.processor = "Abacus 1"
    assert len(judge.notes(records)) == 1


def test_before_a_search_nobody_can_say_what_keeps_it(study) -> None:
    """Lint says so, and nothing is left out by it."""
    (warning, *_) = lint(space_of(study), refuse=True)
    assert warning.text.startswith("latency ≤ 5 ms cannot be known before measuring: nothing is counted or left out")


def test_latency_is_written_with_its_unit(study, tmp_path) -> None:
    """In seconds in JSON; a bare number might mean either."""
    assert study.budget.document() == {"latency": 0.005}
    assert str(Budget(params=100, latency=0.0005)) == "params ≤ 100, latency ≤ 500 us"
    assert Budget.from_mapping({"latency": "2 s"}).latency == 2.0
    for text, advice in (("5", "; add one of the units s, ms, us"), ("5kg", "; the unit 'kg' is not one of s, ms, us")):
        with pytest.raises(StudyError, match=re.escape(f"with its unit, such as 5ms, but got {text!r}{advice}")):
            parse_study(study_text(budget=f"{{latency: {text}}}"), tmp_path / "tiny.yaml")
    with pytest.raises(StudyError, match="latency must be a time above 0 and at most 60 s with its unit"):
        Budget(latency=0.0)


def _network(study):
    """Some network of the study."""
    found = draw(space_of(study), random.Random(0))
    assert isinstance(found, Candidate)
    return found.expansion.network
