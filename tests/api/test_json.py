"""Every command's `--json` keeps its schema: real output is valid, and every key is described."""

from __future__ import annotations

import io
import json

import jsonschema
import pytest
from typer.testing import CliRunner

from budgetnet.api.schemas.commands import VERSIONS, command_schema, command_schemas, schema_name
from budgetnet.cli import app
from budgetnet.cli.progress.json_lines import json_events, json_messages
from budgetnet.report.search_events import event_document
from budgetnet.search.events import DataDescribed, EpochDone, SearchStarted, TargetReached, TrialDone
from budgetnet.training.data.facts import data_facts
from tools.house import ROOT
from tools.json_reference import page


@pytest.fixture
def document(study_path, run_folder):
    """Runs a command on the small study and returns its document, checked against its schema."""

    def run(name: str, *words: str, where: bool = True):
        options = ["--run", str(run_folder)] if where else []
        result = CliRunner().invoke(app, [*(word.format(study=study_path) for word in words), *options, "--json"])
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        jsonschema.validate(found, command_schema(name))
        return found

    return run


def test_every_command_has_a_schema_with_a_version():
    """The schemas are legal, and each demands the key that names it."""
    assert set(command_schemas()) == set(VERSIONS)
    for name, schema in command_schemas().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["properties"]["schema"]["const"] == schema_name(name) == f"budgetnet-{name}/1"
        assert "schema" in schema["required"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("show", ["show", "{study}:0"]),
        ("diff", ["diff", "{study}:0", "{study}:1"]),
        ("list", ["list", "{study}"]),
        ("train-brief", ["train", "{study}:0", "--brief", "--device", "cpu"]),
    ],
)
def test_commands_on_a_study_keep_their_schema(document, name, words):
    """Real output of a searched study."""
    assert document(name, *words)["schema"] == schema_name(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("explore", ["explore", "{study}", "-n", "20", "--points", "3"]),
        ("sample", ["sample", "{study}", "-n", "2"]),
        ("show", ["show", str(ROOT / "studies/networks/tiniest.yaml")]),
    ],
)
def test_commands_without_a_search_keep_their_schema(document, name, words):
    """Real output of a study file."""
    document(name, *words, where=False)


def test_search_export_and_verify_keep_their_schema(document, run_folder, tmp_path):
    """What a search prints at its end, its export included, and an export by itself."""
    jsonschema.validate(json.loads((run_folder / "search.json").read_text()), command_schema("search"))
    document("export", "export", "{study}", "--out", str(tmp_path / "export"), "--format", "torch")
    document("verify", "verify", str(tmp_path / "export"), where=False)


def test_a_bench_keeps_its_schema(document, by_hand_path):
    """One network in one way."""
    words = ["--ways", "eager", "--batch", "1", "--threads", "1", "--seconds", "0.01"]
    document("bench", "bench", str(by_hand_path), *words, where=False)


def test_reports_keep_their_schema(document, tmp_path):
    """Of a study; a training's report is its training with two keys."""
    found = document("report", "report", "{study}", "--out", str(tmp_path / "report.html"))
    assert found["kind"] == "study"


def test_a_training_keeps_its_schema(tmp_path, by_hand_path):
    """One short training, its document and its report's."""
    out = tmp_path / "out"
    words = ["train", str(by_hand_path), "--dataset", "digits", "--seeds", "1", "--epochs", "1", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--test-curve", "--device", "cpu", "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    jsonschema.validate(found, command_schema("train"))
    assert len(found["runs"][0]["test_accuracies"]) == 1
    assert (out / "report.html").is_file()
    result = CliRunner().invoke(app, ["report", str(out), "--json"])
    jsonschema.validate(json.loads(result.stdout), command_schema("report"))


def test_events_are_lines(make_record, digits):
    """Each with its name, its time and the version; a finished trial is whole."""
    stream = io.StringIO()
    record = make_record(3)
    with json_events(stream) as listen:
        listen(SearchStarted("tiny", "runs/tiny", "accuracy", 0.3, 4, 1, (record,)))
        listen(DataDescribed(data_facts(digits, validation=0.1)))
        listen(EpochDone(3, 1, 0.5))
        listen(TrialDone(record, record, 1))
        listen(TargetReached(record, 0.3))
    json_messages(stream)("counting the space")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    for line in lines:
        jsonschema.validate(line, command_schema("event"))
    assert [line["event"] for line in lines] == [
        "search_started",
        "data_described",
        "epoch_done",
        "trial_done",
        "target_reached",
        "message",
    ]
    assert lines[0]["records"] == 1
    assert sum(lines[1]["data"]["train"]) == 1437
    assert lines[3]["trial"]["number"] == lines[3]["best"] == lines[4]["number"] == 3
    assert event_document(EpochDone(3, 1, None))["accuracy"] is None


def test_the_docs_describe_the_schemas():
    """docs/json.md is what the schemas say."""
    assert (ROOT / "docs" / "json.md").read_text(encoding="utf-8") == page()
