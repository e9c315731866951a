"""What a study has found, at the end of a search and of a listing."""

from __future__ import annotations

import json
from dataclasses import replace

from budgetnet.report.study import ending_text, listing_text, study_document


def test_the_end_of_a_search_names_the_next_commands(trials):
    """Outcomes, target, frontier, finalists, and where to go from here."""
    text = "\n".join(ending_text(trials))
    assert text.startswith("tiny: 4 completed")
    assert "Target 30.0 %, by validation images after brief training (2 epochs), which the search judges by:" in text
    assert "After full training, as a mean over seeds, it was reached on validation images by" in text
    assert "Nothing found is both smaller and more accurate than these:" in text
    assert "the network chosen is trained on all train images and tested; mean ± standard deviation:" in text
    (choice,) = trials.choices
    assert f"Best: trial {choice.trial}, chosen by 1 full training, validation" in text
    assert f"budgetnet export {trials.study.path} --run {trials.folder}" in text


def test_the_end_of_a_search_says_where_the_export_is(trials, tmp_path):
    """What has been exported need not be exported again."""
    lines = ending_text(trials, tmp_path / "export")
    assert f"The best network as plain PyTorch, with weights and a model card: {tmp_path / 'export'}" in lines
    assert not any("budgetnet export" in line for line in lines)


def test_the_digits_show_the_way_to_cifar10(trials, tmp_path):
    """The embedded default is a beginning; the flagship beside it is next."""
    (tmp_path / "cifar10-200k.yaml").touch()
    digits = replace(trials, study=replace(trials.study, dataset="digits", path=tmp_path / "quickstart.yaml"))
    assert any(f"budgetnet search {tmp_path / 'cifar10-200k.yaml'}" in line for line in ending_text(digits))
    elsewhere = replace(digits, study=replace(digits.study, dataset="cifar100"))
    assert not any("cifar10-200k" in line for line in ending_text(elsewhere))


def test_a_listing_counts_all_trials_however_few_are_shown(trials):
    """A filter hides rows, not outcomes; an empty table says so."""
    lines = listing_text(trials, trials.records[:1])
    assert sum(line.split()[:1] == ["0"] for line in lines) >= 1
    assert any(line.startswith("4 completed") for line in lines)
    assert listing_text(trials, ())[0] == "no such trials"


def test_an_empty_study_has_no_frontier_and_no_advice(trials):
    """Nothing found, nothing recommended."""
    empty = replace(trials, records=(), finalists=(), winners=(), learned=None)
    assert ending_text(empty) == [
        "tiny: no trials",
        "Target 30.0 %, by validation images after brief training (2 epochs), which the search judges by: no trial "
        "reached it.",
    ]


def test_the_document_holds_everything(trials, make_record):
    """One JSON document: counts over all trials, the chosen ones, finalists; shares are fractions."""
    dropped = make_record(9, rejected_before={"params": 3})
    full = replace(trials, records=(*trials.records, dropped))
    document = json.loads(json.dumps(study_document(full, full.records)))
    assert document["study"] == "tiny"
    assert document["target"] == 0.3
    assert set(document["reached_target"]) == {"brief", "full", "test"}
    assert document["dropped"]["params"] == 3
    assert len(document["trials"]) == 5
    assert document["best"] in [trial["number"] for trial in document["trials"]]
    (choice,) = document["choices"]
    assert (choice["trial"], choice["validation_accuracy"]["n"]) == (document["best"], 1)
    (winner,) = [one for one in document["finalists"] if one["trial"] == document["best"]]
    assert winner["test_accuracy"]["n"] == 2
    (other,) = [one for one in document["finalists"] if one is not winner]
    assert other["test_accuracy"]["n"] == 0
    trainings = [run for one in document["finalists"] for run in one["full_trainings"]]
    assert {(run["trained_on"], run["judged_by"]) for run in trainings} == {("train", "validation")}
    assert set(document["frontier"]) <= {trial["number"] for trial in document["trials"]}


def test_a_best_trial_that_no_finalist_is_must_be_trained_before_it_is_exported(trials):
    """Advice that would end in an error is none."""
    lines = ending_text(replace(trials, finalists=()))
    assert any(line.strip().startswith(f"budgetnet train {trials.study.path}:best") for line in lines)
    assert not any("budgetnet export" in line for line in lines)
