"""Two networks in one study's grammar: the decisions that differ."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.errors import RequestError
from budgetnet.files.network_file import parse_network_file
from budgetnet.files.study_file import load_study
from budgetnet.report.decisions import decisions, decisions_document, decisions_text
from budgetnet.search.options import with_search_options

HEAD = "format: budgetnet/1\ninput: [1, 8, 8]\nclasses: 10\nname: a\nnetwork: |\n  network = "
FIRST = "conv(3, 8) maxpool(2) skip(conv(3, 12)) conv(3, 8) gap linear(10)\n"
SECOND = "conv(3, 8) maxpool(2) conv(3, 12) gap linear(10)\n"
OUTSIDE = "conv(3, 8) maxpool(2) conv(5, 12) gap linear(10)\n"


@pytest.fixture
def study(study_path):
    """The small study."""
    return load_study(study_path)


def test_differing_decisions_stand_side_by_side(study):
    """Also those that only one of the two networks needs."""
    found = decisions(parse_network_file(HEAD + FIRST), parse_network_file(HEAD + SECOND), study)
    assert found.differing == {
        "part.count": (2, 1),
        "part[0].kind": ("skip(conv(3, 12))", "conv"),
        "part[0].conv.channels": (None, 12),
        "part[1].kind": ("conv", None),
        "part[1].conv.channels": (8, None),
    }
    assert decisions_text(found)[:2] == [
        "Decisions in the grammar of tiny  A                  B",
        "part.count                        2                  1",
    ]
    document = json.loads(json.dumps(decisions_document(found)))
    assert document["decisions"][0] == {"decision": "part.count", "a": 2, "b": 1}
    assert (document["study"], document["not_in_grammar"]) == ("tiny", {})


def test_equal_networks_have_equal_decisions(study):
    """Which is said in words."""
    found = decisions(parse_network_file(HEAD + FIRST), parse_network_file(HEAD + FIRST), study)
    assert decisions_text(found) == ["The grammar of tiny derives both by the same decisions."]
    assert decisions_document(found)["decisions"] == []


def test_a_network_outside_the_grammar_is_told_where_it_parts(study):
    """Instead of decisions."""
    found = decisions(parse_network_file(HEAD + FIRST), parse_network_file(HEAD + OUTSIDE), study)
    (line,) = decisions_text(found)
    assert line.startswith("B is not in this grammar: layer 3 of the network is conv(5, 12), where the grammar offers")
    document = decisions_document(found)
    assert document["decisions"] is None
    assert list(document["not_in_grammar"]) == ["b"]


def test_other_images_are_refused(study):
    """Decisions follow from shapes, so the images must be the study's."""
    other = replace(parse_network_file(HEAD + FIRST), input_shape=(1, 16, 16))
    with pytest.raises(RequestError, match="a takes images of 1×16×16 and has 10 classes, but tiny has images"):
        decisions(other, parse_network_file(HEAD + SECOND), study)


def test_the_command_finds_the_study(study_path, run_folder, tmp_path):
    """Named for files; two trials of one study need no name."""
    for name, text in (("a", FIRST), ("b", SECOND)):
        (tmp_path / f"{name}.yaml").write_text(HEAD + text)
    files = [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]
    done = CliRunner().invoke(app, ["diff", *files, "--study", str(study_path), "--json"])
    assert done.exit_code == 0, done.stderr
    assert {entry["decision"] for entry in json.loads(done.stdout)["decisions"]} >= {"part.count", "part[0].kind"}
    assert "decisions" not in json.loads(CliRunner().invoke(app, ["diff", *files, "--json"]).stdout)
    done = CliRunner().invoke(app, ["diff", f"{study_path}:0", f"{study_path}:1", "--run", str(run_folder)])
    assert "Decisions in the grammar of tiny" in done.stdout


def test_networks_to_start_from_are_added(study, tmp_path):
    """To those that the study names; a missing one is an error before anything begins."""
    path = tmp_path / "a.yaml"
    path.write_text(HEAD + FIRST)
    assert with_search_options(study, {"trials": 3}, [path]).start_from == (path,)
    with pytest.raises(
        RequestError, match=r"start_from: there is no network file none\.yaml; (check the path|did you mean)"
    ):
        with_search_options(study, {}, [tmp_path.__class__("none.yaml")])
