"""The dashboard's copy of a study: complete, narrow, and without effect on the study."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from optuna.artifacts.exceptions import ArtifactNotFound
from optuna.trial import TrialState
from optuna_dashboard import get_note

from budgetnet.files import network_file
from budgetnet.pages.figure import COLOURS
from budgetnet.records.lookup import address_of
from budgetnet.report.dashboard.server import open_database
from budgetnet.report.dashboard.study_page import study_figures, study_note
from budgetnet.report.dashboard.trial_page import file_name, narrow_attributes, trial_note
from budgetnet.report.dashboard.view import NOTES, DashboardView, _noted_first
from budgetnet.report.learned import learned_document
from budgetnet.report.page.study_page import study_page
from budgetnet.report.study import best_trial
from tests.records.test_ledger import derived, start

ROOT = Path(__file__).parents[3]
LONGEST = 80
"""Characters that an attribute has at most: more make the dashboard's page wide."""


@pytest.fixture(scope="module")
def source(study_path, run_folder):
    """The small study and its database."""
    from budgetnet.files.study_file import load_study

    study = load_study(study_path)
    return study, open_database(study, address_of(study, out=run_folder))


@pytest.fixture(scope="module")
def view(source, run_folder):
    """Its copy."""
    return DashboardView(*source, out=run_folder)


def test_the_copy_has_the_same_trials(view, source, trials):
    """Numbers, states, values, parameters and curves are those of the study."""
    study, storage = source
    originals = storage.get_all_trials(storage.get_study_id_from_name(study.name), deepcopy=False)
    copies = view.copy.get_all_trials(view.study_id)
    assert len(copies) == len(originals) == len(trials.records)
    for copy, original in zip(copies, originals, strict=True):
        for name in ("number", "state", "values", "params", "distributions", "intermediate_values"):
            assert getattr(copy, name) == getattr(original, name)


def test_attributes_are_short_and_typed(view, trials):
    """No JSON: texts of a line, and numbers that the table can sort."""
    for trial in view.copy.get_all_trials(view.study_id):
        for name, value in trial.user_attrs.items():
            assert isinstance(value, str | int | float), name
            assert len(f"{name} {value}") <= LONGEST
    shown = narrow_attributes(next(record for record in trials.records if record.outcome == "completed"))
    assert shown["outcome"] == "completed"
    assert isinstance(shown["parameters"], int)
    assert 0 <= shown["validation accuracy %"] <= 100


def test_best_trial_is_the_studys_choice(view, trials):
    """Optuna's own answer would be the first of equal accuracy; the copy names what `STUDY:best` names."""
    assert view.copy.get_best_trial(view.study_id).number == best_trial(trials).number
    assert view.recorded.trials[best_trial(trials).number].state == TrialState.COMPLETE


def test_every_trial_has_a_note(view, trials):
    """With its outcome, numbers, text, drawing, and the commands that show it."""
    from optuna.trial import Trial

    for trial, record in zip(view.copy.get_all_trials(view.study_id), trials.records, strict=True):
        note = get_note(Trial(view.recorded, trial._trial_id))
        assert note.startswith(f"# Trial {record.number}: {record.outcome.replace('_', ' ')}")
        assert record.network.strip() in note
        assert f"/artifacts/{view.study_id}/{trial._trial_id}/{record.number:x}-0" in note


def test_the_studys_note_links_the_best_trials(view, trials):
    """It says what is chosen, and that the dashboard shows a copy."""
    note = get_note(view.recorded)
    assert f"Best: trial {best_trial(trials).number}" in note
    assert f"/dashboard/studies/{view.study_id}/trials?numbers={best_trial(trials).number}" in note
    assert "is not kept" in note
    assert note == study_note(trials, view.study_id, learned_document(trials))


def test_figures_are_there(view, trials):
    """The frontier with the budget's line, the best so far, and the curves; each is kept for the dashboard."""
    figures = study_figures(trials, learned_document(trials))
    assert {"frontier", "frontier-flops", "best-so-far", "best-so-far-in-time", "learning-curves"} <= set(figures)
    assert figures["frontier"]["layout"]["shapes"][0]["x0"] == trials.study.budget.params
    kept = view.copy.get_study_system_attrs(view.study_id)
    assert all(any(key.startswith(f"dashboard:plot_data:{name}:") for key in kept) for name in figures)


def test_figures_can_be_read_on_light_and_dark_pages(trials):
    """They have no paper of their own and no near-black text, except what appears under the pointer."""
    for figure in study_figures(trials, learned_document(trials)).values():
        assert figure["layout"]["paper_bgcolor"] == figure["layout"]["plot_bgcolor"] == "rgba(0, 0, 0, 0)"
        assert figure["layout"]["hoverlabel"]["bgcolor"] == COLOURS["paper"]
        rest = {**figure["layout"], "hoverlabel": None}
        assert COLOURS["ink"] not in str(rest) + str(figure["data"])


def test_figures_are_the_reports(trials):
    """One set of figures, two readers: the report finds a point's text in its table, here the point carries it."""
    theirs = study_page(trials).sections[1].figures[0]
    ours = study_figures(trials)["frontier"]
    assert ours["layout"]["xaxis"]["title"] == theirs["layout"]["xaxis"]["title"]
    assert ours["layout"]["shapes"][0]["x0"] == theirs["layout"]["shapes"][0]["x0"]
    for mine, other in zip(ours["data"], theirs["data"], strict=True):
        assert (mine["x"], mine["y"], mine["name"]) == (other["x"], other["y"], other["name"])
        assert len(mine["hovertext"]) == len(other["rows"])
        assert "rows" not in mine


def test_files_are_made_when_asked_for(view, trials):
    """The drawing, the network's file and the curve, under the addresses that Optuna lists."""
    record = best_trial(trials)
    listed = view.copy.get_all_trials(view.study_id)[record.number]._system_attrs
    names = {key: json.loads(value)["filename"] for key, value in listed.items() if key.startswith("artifacts:")}
    assert list(names.values()) == ["network.svg", "network.yaml", "curve.csv"]
    drawing, text, curve = (view.files.open_reader(file_name(record.number, at)).read().decode() for at in range(3))
    assert ElementTree.fromstring(drawing).tag.endswith("svg")
    assert network_file.parse_network_file(text).claimed["params"] == record.params
    assert curve.splitlines()[0] == "epoch,validation_accuracy"
    assert float(curve.splitlines()[-1].split(",")[1]) == record.curve[-1]


@pytest.mark.parametrize("name", ["ffff-0", "0-9", "0", "", "x-0"])
def test_files_that_are_not_there(view, name):
    """A wrong address is not found, and does not break the server."""
    with pytest.raises(ArtifactNotFound):
        view.files.open_reader(name)


def test_nothing_can_be_added(view):
    """The dashboard's buttons cannot write into a copy's files."""
    with pytest.raises(PermissionError, match="the dashboard shows a copy of the study; files cannot be added to it"):
        view.files.write("0-0", None)


def test_changes_of_the_copy_do_not_reach_the_study(source, run_folder):
    """Deleting the study in the dashboard deletes the copy."""
    study, storage = source
    view = DashboardView(study, storage, out=run_folder)
    view.copy.delete_study(view.study_id)
    assert storage.get_all_trials(storage.get_study_id_from_name(study.name), deepcopy=False)


def test_a_study_that_goes_on_is_followed(study, space, ledger, tmp_path):
    """Trials that begin, report and end appear as such; one over budget is infeasible under the dashboard's name."""
    view = DashboardView(study, ledger.storage, out=tmp_path / "run")
    assert view.copy.get_all_trials(view.study_id) == []
    running = start(ledger, space)
    assert view.update()
    assert not view.update()
    (copy,) = view.copy.get_all_trials(view.study_id)
    assert copy.state == TrialState.RUNNING
    ledger.report(running, 1, 0.25)
    assert view.update()
    assert view.copy.get_all_trials(view.study_id)[0].intermediate_values == {1: 0.25}
    ledger.finish(running, "completed", accuracy=0.25, curve=[0.25], epochs=1, seconds=1.0)
    assert view.update()
    (copy,) = view.copy.get_all_trials(view.study_id)
    assert copy.state == TrialState.COMPLETE
    assert copy.user_attrs["outcome"] == "completed"
    assert view.copy.get_best_trial(view.study_id).number == 0


def test_trials_over_budget_are_infeasible(study, space, ledger, tmp_path):
    """The dashboard reads another name for constraints than Optuna 5 writes."""
    ledger.add("over_budget", *derived(space), constraints={"params": 0.3})
    view = DashboardView(study, ledger.storage, out=tmp_path / "run")
    (copy,) = view.copy.get_all_trials(view.study_id)
    assert copy._system_attrs["constraints"] == [0.3]
    assert copy.user_attrs["outcome"] == "over budget"


def test_large_studies_have_notes_where_they_matter(trials):
    """The chosen, the most accurate and the latest trials keep a note."""
    from dataclasses import replace

    one = best_trial(trials)
    many = [replace(one, number=at, accuracy=at % 97 / 100) for at in range(3 * NOTES)]
    kept = {record.number for record in _noted_first(many, {5})}
    assert len(kept) <= NOTES
    assert {5, 96, 3 * NOTES - 1} <= kept


def test_notes_are_escaped(trials):
    """A reason cannot become markup of its own."""
    from dataclasses import replace

    note = trial_note(replace(best_trial(trials), reason="out of memory <b>[x](http://y)"), trials)
    assert r"\<b\>\[x\](http://y)" in note


def test_the_flagships_record_opens(tmp_path):
    """A record made by an earlier version: every trial has its note, and the choice is the best trial."""
    import shutil

    from budgetnet.files.study_file import load_study

    study = load_study(ROOT / "studies/cifar10-200k.yaml")
    shutil.copy(ROOT / "studies/results/cifar10-200k/study.db", tmp_path / "study.db")
    view = DashboardView(study, open_database(study, address_of(study, out=tmp_path)), out=tmp_path)
    assert len(view.copy.get_all_trials(view.study_id)) == 40
    assert view.copy.get_best_trial(view.study_id).number == 27
    figures = study_figures(view.files.trials, learned_document(view.files.trials))
    assert {"what-was-learned-1", "what-was-learned-2", "frontier", "decisions"} <= set(figures)
