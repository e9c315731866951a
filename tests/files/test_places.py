"""Advice where a file does not exist or is a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from budgetnet.errors import LanguageError, RequestError, StudyError
from budgetnet.files import network_file
from budgetnet.files.places import check_utf8_place, near, network_in, study_in
from budgetnet.files.study_file import load_study
from budgetnet.records.lookup import find


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Make a folder as users have it, and go there."""
    (tmp_path / "studies/networks").mkdir(parents=True)
    (tmp_path / ".pre-commit-config.yaml").write_text("repos: []\n")
    (tmp_path / "studies/quickstart.yaml").write_text("study: quickstart\ngrammar: |\n  network = act\n")
    (tmp_path / "studies/networks/small.yaml").write_text("format: budgetnet/1\nnetwork: network = act\n")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("asked", "advice"),
    [
        ("nothing.yaml", ""),
        ("quickstrat.yaml", "; did you mean 'studies/quickstart.yaml'?"),
        ("quickstart", "; did you mean 'studies/quickstart.yaml'?"),
        ("studies/quickstar", "; did you mean 'studies/quickstart.yaml'?"),
        ("smal", "; did you mean 'studies/networks/small.yaml'?"),
        ("elsewhere/x.yaml", "; there is no folder elsewhere"),
    ],
)
def test_near_files_are_suggested(asked, advice):
    """Only what a user may have meant: no hidden files, none whose name is not like it."""
    assert near(Path(asked)) == advice


def test_a_link_to_nothing_is_called_so():
    """It is not suggested for itself, nor for another file."""
    Path("gone.yaml").symlink_to("moved/away.yaml")
    assert near(Path("gone.yaml")) == "; it is a link to moved/away.yaml, which is not there"
    assert near(Path("gon.yaml")) == ""


def test_a_folder_is_called_one():
    """And a file in it is named that would do."""
    study = "a study must be a file, but studies is a folder; name a file in it, such as studies/quickstart.yaml"
    with pytest.raises(StudyError, match=f"^{study}$"):
        load_study(Path("studies"))
    network = (
        "a network must be a file, but studies is a folder; name a file in it, such as studies/networks/small.yaml"
    )
    with pytest.raises(LanguageError, match=f"^{network}$"):
        network_file.read(Path("studies"))
    with pytest.raises(RequestError, match=f"^{network}$"):
        find("studies")


def test_a_folder_without_such_a_file(tmp_path):
    """Nothing is made up."""
    empty = tmp_path / "empty"
    empty.mkdir()
    assert (study_in(empty), network_in(empty)) == ("; name a file", "; name a file")


def test_a_place_for_results_whose_path_is_not_utf8_is_refused(tmp_path):
    """Before anything is trained, with the path escaped."""
    check_utf8_place(tmp_path / "été")
    with pytest.raises(
        RequestError,
        match=r"the path of a folder for results must be UTF-8 text, but got .*/caf\\xe9/run; choose another",
    ):
        check_utf8_place(tmp_path / os.fsdecode(b"caf\xe9") / "run")
