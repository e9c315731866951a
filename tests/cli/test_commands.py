"""The commands on a study that was searched: what goes to stdout, what to stderr, and how they exit."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from budgetnet.api.pages.studies import search_answer
from budgetnet.cli import app
from budgetnet.errors import ExportError
from budgetnet.export import export as export_module
from budgetnet.report.study import listing_text
from budgetnet.search.run import SearchSummary


@pytest.fixture
def call(study_path, run_folder):
    """Runs a command on the small study; ``{study}`` stands for its file."""

    def run(*words: str, where: bool = True):
        options = ["--run", str(run_folder)] if where else []
        return CliRunner().invoke(app, [*(word.format(study=study_path) for word in words), *options])

    return run


def test_search_writes_one_document_and_talks_on_stderr(run_folder):
    """JSON and nothing else on stdout: why it ended, all trials, the finalists."""
    document = json.loads((run_folder / "search.json").read_text())
    assert document["ended"] == "trials"
    assert sum(trial["outcome"] == "completed" for trial in document["trials"]) == 4
    assert len(document["finalists"]) == 2
    (choice,) = document["choices"]
    assert choice["trial"] == document["best"] == document["export"]["trial"]
    assert document["export"]["why"] == choice["why"]
    assert choice["why"].startswith("chosen by 1 full training, validation ")


def test_a_finished_search_goes_on_with_nothing(study_path, run_folder):
    """Started again, it trains nothing and says what there is."""
    result = CliRunner().invoke(app, ["search", str(study_path), "--out", str(run_folder), "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("tiny: 4 completed")
    assert "search ended" in result.stderr


def test_an_export_that_fails_does_not_take_the_search_with_it(trials, monkeypatch):
    """Everything that was found is printed, the failure is a note, and the exit code is 1."""
    found = SearchSummary(
        study=trials.study,
        folder=trials.folder,
        storage=trials.storage,
        ended="trials",
        records=trials.records,
        best=None,
        choices=trials.choices,
        target_reached=None,
        finalists=trials.finalists,
        finalists_complete=True,
    )

    def broken(*_, **__):
        raise ExportError("the logits differ")

    monkeypatch.setattr(export_module, "export_trial", broken)
    answer = search_answer(found)
    assert answer.document["export"] is None
    assert answer.document["best"] == trials.choices[0].trial
    assert any(line.startswith("Best: trial ") for line in answer.lines)
    assert answer.notes == ["the best network could not be exported: the logits differ"]
    assert not answer.ok


def test_a_report_that_cannot_be_written_does_not_take_the_training_with_it(by_hand_path, tmp_path):
    """The accuracies are on stdout, the reason on stderr."""
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    words = ["train", str(by_hand_path), "--dataset", "digits", "--seeds", "1", "--epochs", "1", "--threads", "1"]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out"), "--device", "cpu"])
    assert result.exit_code == 1
    assert re.search(r"^by-hand: [0-9.]+ % \(1 seed\) on the test images of digits", result.stdout)
    assert "the report could not be written: " in result.stderr


def test_list_says_what_diverged(trials):
    """Below the table of finalists."""
    first, *others = trials.finalists
    run = replace(first.full[0], diverged="The train loss was no longer finite in epoch 1.")
    lines = listing_text(replace(trials, finalists=(replace(first, full=(run,)), *others)), trials.records)
    assert any(line.startswith(f"Trial {first.trial}: 1 full training diverged (seed ") for line in lines)


def test_list_shows_trials_and_finalists(call):
    """Text for people, a document for programs."""
    result = call("list", "{study}")
    assert result.exit_code == 0
    assert "finalist" in result.stdout
    document = json.loads(call("list", "{study}", "--top", "2", "--json").stdout)
    assert len(document["trials"]) == 2
    assert 0 < document["trials"][0]["accuracy"] < 1


def test_list_refuses_an_unknown_outcome(call):
    """The request was wrong: exit code 2, the nearest word, nothing on stdout."""
    result = call("list", "{study}", "--outcome", "complete")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "did you mean 'completed'" in result.stderr


def test_show_and_diff_take_trials(call):
    """A trial is a network like any other."""
    document = json.loads(call("show", "{study}:best", "--json").stdout)
    assert document["params"] <= 4000
    result = call("diff", "{study}:0", "{study}:1")
    assert result.exit_code == 0
    assert "trial 0 of tiny" in result.stdout


def test_export_names_the_folder_on_stdout(call, tmp_path):
    """What a script needs goes to stdout, the check's verdict to stderr."""
    folder = tmp_path / "out"
    result = call("export", "{study}", "--out", str(folder), "--format", "torch")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == str(folder)
    assert "checked without budgetnet" in result.stderr
    assert re.search(r"^trial [0-9]+: chosen by 1 full training, validation [0-9.]+ %", result.stderr, re.MULTILINE)
    shutil.rmtree(folder)


def test_export_of_a_trial_that_is_not_there(call):
    """One line on stderr, no traceback."""
    result = call("export", "{study}", "--trial", "77")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: tiny has no trial 77: it has the trials 0 to 3\n"


def test_train_without_data_is_a_wrong_request(call, by_hand_path):
    """A network alone does not say on what to train it."""
    result = call("train", str(by_hand_path))
    assert result.exit_code == 2
    assert "--study STUDY, or --dataset with one of cifar10" in result.stderr


def test_dashboard_refuses_a_port_that_cannot_be(call):
    """Typer's own check: 0 to 65535."""
    result = call("dashboard", "{study}", "--port", "70000")
    assert result.exit_code == 2
    assert "--port" in result.stderr


def test_the_run_folder_beside_the_study_file_is_used_and_named(study_path, run_folder, tmp_path, monkeypatch):
    """A listing from another folder finds what a search beside the file has left."""
    project = tmp_path / "my project"
    shutil.copytree(run_folder, project / "runs/tiny")
    shutil.copy(study_path, project / "tiny.yaml")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["list", "my project/tiny.yaml"])
    assert result.exit_code == 0, result.output
    assert result.stderr == "using my project/runs/tiny, beside the study file\n"


def test_advice_can_be_pasted_into_a_shell(study_path, run_folder, tmp_path, monkeypatch):
    """A path with a blank is quoted, and a narrow terminal breaks no command into lines."""
    monkeypatch.setenv("COLUMNS", "60")
    folder = tmp_path / "my project"
    folder.mkdir()
    shutil.copy(study_path, folder / "tiny.yaml")
    result = CliRunner().invoke(app, ["list", str(folder / "tiny.yaml")])
    assert result.exit_code == 2
    assert f"first run: budgetnet search '{folder / 'tiny.yaml'}'" in result.stderr
    words = ["search", str(folder / "tiny.yaml"), "--out", str(run_folder), "--device", "cpu"]
    done = CliRunner().invoke(app, words)
    assert f"  budgetnet show '{folder / 'tiny.yaml'}:best' --run {run_folder}" in done.stdout


def test_report_writes_a_page(call, tmp_path):
    """The page's place on stdout; the facts as a document."""
    page = tmp_path / "report.html"
    result = call("report", "{study}", "--out", str(page), "--at", "2k,4k", "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["page"] == str(page)
    assert [entry["params"] for entry in document["best_within"]] == [2000, 4000]
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_report_refuses_a_folder_without_a_training(call, run_folder, tmp_path):
    """A run folder belongs to a study; another folder to nothing."""
    result = call("report", str(run_folder), where=False)
    assert result.exit_code == 2
    assert f"for a search write the study's file: budgetnet report STUDY --run {run_folder}" in result.stderr
    result = call("report", str(tmp_path), where=False)
    assert "holds no training.json; name a study file, or a folder that budgetnet train has made" in result.stderr
    result = call("report", "{study}", "--at", "many")
    assert result.exit_code == 2
    assert "--at must be a whole number of at least 1, but got 'many'" in result.stderr


def test_compare_puts_studies_side_by_side(study_path, run_folder, tmp_path):
    """Two run folders of one study, searched at different times; a table, and a page. One folder twice is refused."""
    page, other = tmp_path / "compare.html", tmp_path / "other"
    shutil.copytree(run_folder, other)
    words = ["compare", f"{study_path}:{run_folder}", f"{study_path}:{other}", "--html", str(page)]
    copied = CliRunner().invoke(app, words)
    assert copied.exit_code == 2
    assert "error: a comparison needs different records, but " in copied.stderr
    with closing(sqlite3.connect(other / "study.db")) as database, database:
        database.execute("UPDATE trials SET datetime_complete = '2030-01-01 00:00:00.000000'")
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert "Their settings are the same." in result.stdout
    assert f"wrote {page}" in result.stderr
    assert page.is_file()


def test_a_search_with_another_sampler_is_a_study_of_its_own(study_path, tmp_path, monkeypatch):
    """Nothing is trained here: the listing names the run folder of the variant."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["list", f"{study_path}@sampler=tpe"])
    assert result.exit_code == 2
    assert "there are no trials of tiny-tpe yet: runs/tiny-tpe/study.db does not exist" in result.stderr
    assert f"budgetnet search {study_path}@sampler=tpe" in result.stderr


def test_bench_prints_a_table_and_json(call, by_hand_path):
    """A network file, measured in one way."""
    result = call("bench", str(by_hand_path), "--ways", "eager", "--batch", "1", "--threads", "1", "--seconds", "0.01")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].split()[:4] == ["by-hand", "eager", "1", "1"]
    assert "measuring 1 way of running, in turns" in result.stderr
    result = call("bench", str(by_hand_path), "--batch", "one")
    assert result.exit_code == 2
    assert result.stderr == "error: --batch must be numbers of at least 1, but got 'one'; write --batch 1,4\n"


def test_verify_ends_with_one_line_per_check(call, tmp_path):
    """Exit code 0 if all hold, 1 if one does not, 2 for something that is no export."""
    folder = tmp_path / "out"
    assert call("export", "{study}", "--out", str(folder), "--format", "torch").exit_code == 0
    result = call("verify", str(folder), where=False)
    assert result.exit_code == 0, result.output
    assert all(line.startswith("ok ") for line in result.stdout.splitlines())
    (folder / "network.yaml").write_text("")
    result = call("verify", str(folder), where=False)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("wrong    files: network.yaml has 0 bytes")
    assert call("verify", str(tmp_path), where=False).exit_code == 2
