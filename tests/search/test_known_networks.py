"""Known networks as first trials: found in the grammar, judged by the budget, tried once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.cli.progress.search import record_text
from budgetnet.errors import LanguageError, RequestError, StudyError
from budgetnet.files import network_file as files
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import parse_study
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.events import silent
from budgetnet.search.known_networks import read_known_networks
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.space.judge import Candidate, Rejection
from tests.search.helpers import GRAMMAR, Threads, open_ledger, study_text

KNOWN = "conv(3, 12) conv(3, 16) dwconv(5) conv(1, 16) gap linear(classes)"


def network_file(folder: Path, text: str = KNOWN, name: str = "known.yaml", header: str = "") -> Path:
    """A network file for digits."""
    path = folder / name
    path.write_text(
        f"format: budgetnet/1\nname: known\ninput: [1, 8, 8]\nclasses: 10\n{header}network: |\n  network = {text}\n"
    )
    return path


def candidates_of(study, folder):
    """What proposes a study's networks, and its database."""
    space, ledger = space_of(study), open_ledger(study, folder)
    starts = read_known_networks(study.start_from, study, space)
    sampler = make_sampler(study, space)
    return CandidateSource(space=space, ledger=ledger, sampler=sampler, seed=0, starts=starts), ledger


def test_a_known_network_is_derived(study, space, tmp_path):
    """Its decisions give it again; a second file of the same network is the same start."""
    path = network_file(tmp_path)
    twin = network_file(tmp_path, KNOWN.replace("conv(3, 16)", "identity conv(3, 16, padding=1)"), "twin.yaml")
    (start,) = read_known_networks([path, twin], study, space)
    assert start.origin == "known.yaml"
    assert isinstance(start.drawn, Candidate)
    assert start.drawn.expansion.network == files.read(path).network
    assert start.drawn.expansion.decisions["stage[0].block[1].kind"] == "sep"
    assert start.drawn.expansion.decisions["stage[0].block[1].sep.dwconv.kernel"] == 5


def test_it_is_the_first_trial_and_only_once(study, tmp_path):
    """Recorded like any other with its file's name; a study that goes on does not try it again."""
    study = replace(study, start_from=(network_file(tmp_path),), search=replace(study.search, trials=2))
    candidates, ledger = candidates_of(study, tmp_path / "run")
    pool = Threads(study)
    SearchLoop(study=study, ledger=ledger, candidates=candidates, pool=pool, listen=silent, stopped=lambda: False).run()
    first, *rest = ledger.records()
    assert (first.number, first.outcome, first.origin) == (0, "completed", "known.yaml")
    assert first.params == 132 + 1760 + 432 + 288 + 170
    assert first.seed is not None
    assert "from known.yaml" in record_text(first)
    assert rest
    assert all(record.origin == "" and record.hash != first.hash for record in rest)
    again, _ = candidates_of(study, tmp_path / "run")
    trial, _ = again.new(ledger.records(), lambda _record: None)
    assert trial.attributes["hash"] != first.hash


def test_the_budget_judges_it_too(make_study, tmp_path):
    """One that is over budget is recorded with the reason and not trained; the search goes on."""
    study = replace(make_study(budget="{params: 2k}"), start_from=(network_file(tmp_path),))
    candidates, ledger = candidates_of(study, tmp_path / "run")
    assert isinstance(candidates.starts[0].drawn, Rejection)
    told = []
    assert candidates.new(ledger.records(), told.append) == "refused"
    assert (told[0].outcome, told[0].origin) == ("over_budget", "known.yaml")
    assert told[0].reason == "2,782 parameters, 39.1 % over 2,000"
    trial, _ = candidates.new(ledger.records(), told.append)
    assert "origin" not in trial.attributes


def test_what_is_not_in_the_grammar_is_told_where_they_part(study, space, tmp_path):
    """The first place at which no derivation goes on, and what the grammar offers there."""
    path = network_file(tmp_path, KNOWN.replace("dwconv(5)", "dwconv(7)"))
    message = (
        r"known\.yaml cannot start the search of tiny: not in this grammar: layer 3 of the network is dwconv\(7\), "
        r"where the grammar offers .*dwconv\(5\).*; widen the grammar there, or leave this file out"
    )
    with pytest.raises(RequestError, match=message):
        read_known_networks([path], study, space)


def test_other_images_and_wrong_files_are_refused(study, space, tmp_path):
    """A network for colour images, and a file that is none."""
    path = network_file(tmp_path)
    path.write_text(path.read_text().replace("[1, 8, 8]", "[3, 32, 32]"))
    with pytest.raises(RequestError, match=r"takes images of 3×32×32 and has 10 classes, but tiny has images of 1"):
        read_known_networks([path], study, space)
    path.write_text("nonsense")
    with pytest.raises(LanguageError, match=r"known\.yaml:1:1: a network file consists of 'key: value' lines"):
        read_known_networks([path], study, space)


def test_own_primitives_must_be_the_studys(tmp_path):
    """Another class of the same name is another network."""
    block = (
        "from torch import nn\nclass Own(nn.Module):\n    def __init__(self, shape: tuple[int, ...]) -> None:\n"
        "        super().__init__()\n    def forward(self, x):\n        return x * 2\n"
    )
    (tmp_path / "own.py").write_text(block)
    (tmp_path / "other.py").write_text(block.replace("* 2", "* 3"))
    grammar = GRAMMAR.replace("stem     =", "stem = own")
    study = parse_study(study_text(grammar, plugins="[own.py]"), tmp_path / "tiny.yaml")
    known = f"own {KNOWN}"
    same = network_file(tmp_path, known, "same.yaml", "plugins: [own.py]\n")
    bare = network_file(tmp_path, known, "bare.yaml")
    other = network_file(tmp_path, known, "other.yaml", "plugins: [other.py]\n")
    assert len(read_known_networks([same, bare], study, space_of(study))) == 1
    with pytest.raises(
        RequestError, match=r"'own' of known \(.*other\.py\) is not that of tiny \(.*own\.py\); let both"
    ):
        read_known_networks([other], study, space_of(study))


def test_the_study_file_names_them(tmp_path):
    """Relative to itself; a missing one is shown where it is named."""
    network_file(tmp_path)
    study = parse_study(study_text(start_from="known.yaml"), tmp_path / "tiny.yaml")
    assert study.start_from == (tmp_path / "known.yaml",)
    with pytest.raises(StudyError, match=r"tiny\.yaml:\d+:26: there is no network file .*none\.yaml; write a path"):
        parse_study(study_text(start_from="[known.yaml, none.yaml]"), tmp_path / "tiny.yaml")
