"""Every command's `--json` keeps its schema: real output is valid, and every key is described."""

from __future__ import annotations

import functools
import io
import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace

import jsonschema
import pytest
import typer
from typer.testing import CliRunner

from budgetnet.api.pages.studies import calibration_answer, recipes_answer, worker_answer
from budgetnet.api.schemas.commands import VERSIONS, command_schema, command_schemas, schema_name
from budgetnet.calibrate.judge import judge_calibration
from budgetnet.calibrate.recipes.plan import recipe_plan
from budgetnet.calibrate.recipes.run import ComparedRecipes
from budgetnet.calibrate.recipes.verdict import compare_recipes
from budgetnet.cli import app
from budgetnet.cli.output import put
from budgetnet.cli.progress.json_lines import json_events, json_messages
from budgetnet.report.search_events import event_document
from budgetnet.search.events import DataDescribed, EpochDone, SearchStarted, TargetReached, TrialDone
from budgetnet.search.run import SearchSummary
from budgetnet.training.data.facts import data_facts
from tests.calibrate.calibrations import calibrated, run
from tools.house import ROOT
from tools.json_reference import page

VALID: set[str] = set()
"""Names of the schemas that real output was valid against, in this test."""
HELD: set[str] = set()
"""Names of all schemas that some test of this file holds real output against."""


@functools.cache
def validator(name):
    """A schema, checked once."""
    return jsonschema.Draft202012Validator(command_schema(name))


def valid(document, name):
    """Check a document against a schema, and return it."""
    validator(name).validate(document)
    assert document["schema"] == schema_name(name)
    VALID.add(name)
    return document


def holds(*names):
    """Mark a test that holds real output against the schemas of these names; it fails if it does not."""
    HELD.update(names)

    def mark(test):
        @functools.wraps(test)
        def checked(*words, **named):
            VALID.clear()
            test(*words, **named)
            asked = {named["name"]} if "name" in named else set(names)
            assert asked <= VALID

        return checked

    return mark


@pytest.fixture
def document(study_path, run_folder):
    """Runs a command on the small study and returns its document, checked against its schema."""

    def run(name: str, *words: str, where: bool = True):
        options = ["--run", str(run_folder)] if where else []
        result = CliRunner().invoke(app, [*(word.format(study=study_path) for word in words), *options, "--json"])
        assert result.exit_code == 0, result.output
        return valid(json.loads(result.stdout), name)

    return run


@pytest.fixture
def printed(capsys):
    """Prints a command's answer as `--json` does, and returns its document, checked against its schema."""

    def run(name: str, answer):
        put(answer, as_json=True)
        return valid(json.loads(capsys.readouterr().out), name)

    return run


def test_every_command_has_a_schema_with_a_version():
    """The schemas are legal, and each demands the key that names it."""
    assert set(command_schemas()) == set(VERSIONS)
    for name, schema in command_schemas().items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema["properties"]["schema"]["const"] == schema_name(name) == f"budgetnet-{name}/1"
        assert "schema" in schema["required"]


def test_every_json_option_has_a_schema_and_a_test():
    """A command that takes --json without a schema, and a schema without a test, fail here."""
    group = typer.main.get_command(app)
    context = typer.Context(group)
    commands = {name: group.get_command(context, name) for name in group.list_commands(context)}
    options = {name: {word for each in command.params for word in each.opts} for name, command in commands.items()}
    with_json = {name for name, words in options.items() if "--json" in words}
    assert set(commands) - with_json == {"dashboard"}  # it serves pages until Ctrl-C
    assert with_json == set(VERSIONS) - {"event", "train-brief"}
    assert set(VERSIONS) == HELD


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("show", ["show", "{study}:0"]),
        ("diff", ["diff", "{study}:0", "{study}:1"]),
        ("list", ["list", "{study}"]),
        ("train-brief", ["train", "{study}:0", "--brief", "--device", "cpu"]),
    ],
)
@holds("show", "diff", "list", "train-brief")
def test_commands_on_a_study_keep_their_schema(document, name, words):
    """Real output of a searched study."""
    document(name, *words)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("explore", ["explore", "{study}", "-n", "20", "--points", "3"]),
        ("sample", ["sample", "{study}", "-n", "2"]),
        ("show", ["show", str(ROOT / "studies/networks/tiniest.yaml")]),
    ],
)
@holds("explore", "sample", "show")
def test_commands_without_a_search_keep_their_schema(document, name, words):
    """Real output of a study file."""
    document(name, *words, where=False)


@holds("search", "export", "verify")
def test_search_export_and_verify_keep_their_schema(document, run_folder, tmp_path):
    """What a search prints at its end, its export included, and an export by itself."""
    valid(json.loads((run_folder / "search.json").read_text()), "search")
    document("export", "export", "{study}", "--out", str(tmp_path / "export"), "--format", "torch")
    document("verify", "verify", str(tmp_path / "export"), where=False)


@holds("event")
def test_a_search_writes_nothing_but_events(run_folder):
    """Each line of stderr is one, from the start to the end; every trial has a beginning, epochs and an end."""
    lines = [json.loads(line) for line in (run_folder / "events.jsonl").read_text().splitlines()]
    for line in lines:
        valid(line, "event")
    counts = Counter(line["event"] for line in lines)
    assert counts["search_started"] == counts["search_ended"] == 1
    assert counts["trial_done"] == len(json.loads((run_folder / "search.json").read_text())["trials"])
    assert counts["epoch_done"] >= counts["trial_started"] > 0
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


@holds("worker")
def test_one_more_process_keeps_its_schema(printed, run_folder, trials):
    """What it says when the study is done."""
    found = SearchSummary(
        study=trials.study, folder=run_folder, storage="sqlite://", ended="exhausted", records=tuple(trials.records),
        best=trials.records[0], choices=(), target_reached=None, finalists=(), finalists_complete=True,
    )  # fmt: skip
    assert printed("worker", worker_answer(found))["best"] == trials.records[0].number


@holds("compare")
def test_a_comparison_keeps_its_schema(document, study_path, run_folder, tmp_path):
    """One study in two places, searched at different times."""
    for place in ("a", "b"):
        shutil.copytree(run_folder, tmp_path / place / "runs" / "tiny")
        shutil.copy(study_path, tmp_path / place / "tiny.yaml")
    with closing(sqlite3.connect(tmp_path / "b" / "runs" / "tiny" / "study.db")) as database, database:
        database.execute("UPDATE trials SET datetime_complete = '2030-01-01 00:00:00.000000'")
    found = document("compare", "compare", *(str(tmp_path / place / "tiny.yaml") for place in "ab"), where=False)
    assert found["studies"][0]["frontier"] == found["studies"][1]["frontier"]


@holds("calibrate", "tune-recipe")
def test_calibrations_keep_their_schema(printed, make_study, tmp_path):
    """Of brief trainings, complete and cut off; of recipes."""
    study = make_study(finalists="{top: 2, seeds: 2, epochs: 2}")
    made = calibrated(study, tmp_path, noise={1: 1.0, 2: 0.001, 4: 0.0})
    printed("calibrate", calibration_answer(judge_calibration(made, orders=5)))
    few = replace(made, runs=made.runs[:1])
    printed("calibrate", calibration_answer(judge_calibration(few, orders=5)))
    plan = recipe_plan(study, ["ema=0.9"])
    runs = tuple(run(task, [0.1, 0.5 + 0.01 * task.network.index]) for task in plan.tasks(made.networks))
    compared = tuple(compare_recipes(plan, made.networks, runs))
    found = ComparedRecipes(
        study=study, plan=plan, folder=tmp_path, networks=made.networks, runs=runs, comparisons=compared, missing=0,
        ended="complete",
    )  # fmt: skip
    printed("tune-recipe", recipes_answer(found))


@holds("import")
def test_an_import_keeps_its_schema(document, tmp_path):
    """A module of two layers."""
    path = tmp_path / "model.py"
    layers = "nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)"
    path.write_text(f"from torch import nn\n\n\ndef net():\n    return nn.Sequential({layers})\n", encoding="utf-8")
    words = [f"{path}:net", "--input", "1x8x8", "--trust-model", "--name", "tiny"]
    assert document("import", "import", *words, where=False)["comparison"]["holds"]


@holds("bench")
def test_a_bench_keeps_its_schema(document, by_hand_path):
    """One network in one way."""
    words = ["--ways", "eager", "--batch", "1", "--threads", "1", "--seconds", "0.01"]
    document("bench", "bench", str(by_hand_path), *words, where=False)


@holds("report")
def test_reports_keep_their_schema(document, tmp_path):
    """Of a study; a training's report is its training with two keys."""
    found = document("report", "report", "{study}", "--out", str(tmp_path / "report.html"))
    assert found["kind"] == "study"


@holds("train", "report")
def test_a_training_keeps_its_schema(tmp_path, by_hand_path):
    """One short training, its document and its report's."""
    out = tmp_path / "out"
    words = ["train", str(by_hand_path), "--dataset", "digits", "--seeds", "1", "--epochs", "1", "--out", str(out)]
    result = CliRunner().invoke(app, [*words, "--held-out", "--test-curve", "--device", "cpu", "--json"])
    assert result.exit_code == 0, result.output
    found = valid(json.loads(result.stdout), "train")
    assert len(found["runs"][0]["test_accuracies"]) == len(found["runs"][0]["validation_losses"]) == 1
    assert (out / "report.html").is_file()
    result = CliRunner().invoke(app, ["report", str(out), "--json"])
    valid(json.loads(result.stdout), "report")


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
        valid(line, "event")
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
