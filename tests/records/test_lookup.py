"""From what the user writes to a network, and what is said where there is none."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.errors import RequestError, StudyError
from budgetnet.files.study_file import load_study
from budgetnet.network.cost.closed_form import cost
from budgetnet.records.lookup import architecture_of, find, open_trials, pick


def test_a_file_is_a_network(by_hand_path, by_hand):
    """A network file needs no study."""
    found = find(str(by_hand_path))
    assert found.architecture.network == by_hand.network
    assert found.trials is None
    assert found.label == str(by_hand_path)


def test_a_trial_is_a_network_with_the_counts_it_recorded(study_path, run_folder, trials):
    """Every trial's text builds a network that costs what its record says."""
    for record in trials.records:
        found = find(f"{study_path}:{record.number}", out=run_folder)
        counted = cost(found.architecture.network, found.architecture.input_shape)
        assert (counted.params, counted.flops) == (record.params, record.flops)
        assert found.architecture.name == f"tiny-{record.number}"
        assert found.label == f"trial {record.number} of tiny"


def test_the_best_is_the_best_on_validation_images(study_path, run_folder, trials):
    """`best` is what full trainings chose; without any, the best by brief training."""
    found = find(f"{study_path}:best", out=run_folder)
    assert found.record.number == trials.choices[0].trial
    assert trials.finalist(found.record.number).validation.n == 1
    briefly = replace(trials, finalists=(), winners=())
    assert pick(briefly, "best").accuracy == max(r.accuracy for r in trials.records if r.outcome == "completed")


def test_the_best_within_one_of_several_budgets(trials):
    """`best` is the largest budget's, `best@N` each one's; what was not asked for is refused."""
    sizes = sorted({record.params for record in trials.records if record.outcome == "completed"})
    limits = [sizes[-1], sizes[0], sizes[0] - 1]
    budgets = [replace(trials.study.budget, params=limit) for limit in limits]
    several = replace(trials, study=replace(trials.study, budget=budgets[0], tighter=tuple(budgets[1:])), winners=())
    assert pick(several, "best") == pick(several, f"best@{limits[0]}")
    assert pick(several, f"best@{limits[1] / 1000}k").params == sizes[0]
    with pytest.raises(RequestError, match=f"no trial of tiny within {limits[2]:,} parameters has been trained"):
        pick(several, f"best@{limits[2]}")
    held = f"the best within a budget of tiny must be best@{limits[0]} or best@{limits[1]} or .*, but got 'best@7'"
    with pytest.raises(RequestError, match=held):
        pick(several, "best@7")


def test_one_budget_has_one_best(trials):
    """Its own number of parameters may be named; of another one the report tells."""
    assert pick(trials, f"best@{trials.study.budget.params}") == pick(trials, "best")
    message = "must be 'best' in a study of one budget such as tiny, but got 'best@2k'; .*report .* --at 2k"
    for wrong in ("best@2k", "best@many", "best@"):
        with pytest.raises(RequestError, match=message.replace("2k", wrong[5:])):
            pick(trials, wrong)


def test_the_storage_may_be_named(study_path, run_folder):
    """A database elsewhere is read by its address."""
    found = find(f"{study_path}:0", storage=f"sqlite:///{run_folder / 'study.db'}")
    assert found.record.number == 0


def test_recorded_networks_are_read_with_the_built_in_defaults(trials, make_record):
    """A study's own defaults are written out in the recorded text and must not act twice."""
    record = make_record(0, network="network = conv(3, 8, act=gelu) gap linear(10)\n")
    other = replace(trials.study, vocabulary=trials.study.vocabulary.with_defaults({"conv": {"norm": "none"}}))
    architecture = architecture_of(record, other)
    assert architecture.network.items[0].norm == "batch"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{folder}/tinny.yaml", "there is no file .*tinny.yaml; did you mean '.*tiny.yaml'"),
        ("{folder}/zzz", "there is no file .*zzz; a network is a network file, STUDY:best or STUDY:17"),
        ("{folder}/no/such/folder.yaml", "there is no folder"),
        ("{study}", "is a study, which holds many networks; name one: .*:best or .*:17"),
        ("{study}:99", "tiny has no trial 99: it has the trials 0 to 3"),
        ("{study}:bst", "a trial is named by its number or 'best', but got 'bst'; did you mean 'best'"),
        ("{study}:-1", "but got '-1'; see: budgetnet list .* --run"),
        ("{folder}/tinny.yaml:best", "there is no study file .*tinny.yaml; did you mean '.*tiny.yaml'"),
        (":best", "there is no file :best"),
    ],
)
def test_wrong_names_say_what_there_is(study_path, run_folder, text, message):
    """Each mistake is answered with the rule and the next step."""
    with pytest.raises(RequestError, match=message):
        find(text.format(folder=study_path.parent, study=study_path), out=run_folder)


def test_a_study_that_has_not_run_says_how_to_run_it(study_path, tmp_path):
    """No database yet: nothing is created, and the command that makes one is named."""
    out = tmp_path / "nothing"
    command = re.escape(f"budgetnet search {study_path} --out {out}")
    with pytest.raises(RequestError, match=f"there are no trials of tiny yet: .* first run: {command}"):
        open_trials(load_study(study_path), out=out)
    assert not out.exists()


def test_a_study_whose_grammar_changed_is_not_mixed_with_old_trials(study_path, run_folder, tmp_path):
    """The old trials belong to another space."""
    path = tmp_path / "tiny.yaml"
    path.write_text(study_path.read_text().replace("conv(3, 8|12) maxpool", "conv(5, 8|12) maxpool"))
    with pytest.raises(StudyError, match="differs from the study"):
        open_trials(load_study(path), out=run_folder)


def test_an_architecture_in_a_study_s_place_is_recognised(by_hand_path):
    """The two kinds of file are told apart before a key is called unknown."""
    with pytest.raises(RequestError, match="is a network file, but a study file is needed; try budgetnet show"):
        load_study(by_hand_path)


def test_nothing_trained_means_no_best(trials):
    """Without a completed trial there is no best one."""
    with pytest.raises(RequestError, match="no trial of tiny has been trained to the end yet: it has none so far"):
        pick(replace(trials, records=()), "best")


def test_a_trial_without_a_network_says_so(trials, make_record):
    """Another tool's trials have no network to show."""
    record = make_record(0, network="", outcome="failed")
    with pytest.raises(RequestError, match=r"trial 0 of tiny has no network \(failed\)"):
        pick(replace(trials, records=(record,)), "0")


def test_missing_numbers_list_what_there_is(trials, make_record):
    """A gap in the numbers is not hidden behind a range."""
    records = (make_record(1), make_record(4))
    with pytest.raises(RequestError, match="has no trial 2: it has the trials 1, 4"):
        pick(replace(trials, records=records), "2")
    with pytest.raises(RequestError, match="has no trial 2: it has trial 1"):
        pick(replace(trials, records=records[:1]), "2")


def test_the_options_that_lead_to_a_database(trials):
    """Advice that names a command names the folder and the database it needs, and nothing else."""
    assert trials.command("list") == f"budgetnet list --run {trials.folder}"
    assert replace(trials, storage="postgresql://h/d").command("list").endswith(" --storage postgresql://h/d")
    usual = trials.study.run_folder()
    there = replace(trials, folder=usual, storage=f"sqlite:///{Path(usual / 'study.db').absolute()}")
    assert there.command("list", "my study.yaml") == "budgetnet list 'my study.yaml'"


def test_trials_read_without_optuna_are_the_same(trials):
    """Optuna's own reading of the same database."""
    by_optuna = open_trials(trials.study, storage=trials.storage, out=trials.folder)
    assert [replace(record, parameters=None) for record in by_optuna.records] == list(trials.records)
    assert (by_optuna.finalists, by_optuna.storage) == (trials.finalists, trials.storage)


def test_a_run_folder_beside_the_study_file_is_found(trials, tmp_path, monkeypatch):
    """`runs/NAME` in the working directory comes first."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    study = replace(trials.study, path=tmp_path / "tiny.yaml")
    assert study.run_folder() == Path("runs/tiny")
    (tmp_path / "runs/tiny").mkdir(parents=True)
    assert study.run_folder() == tmp_path / "runs/tiny"
    Path("runs/tiny").mkdir(parents=True)
    assert study.run_folder() == Path("runs/tiny")
    assert study.run_folder(Path("out")) == Path("out")


def test_a_study_may_be_meant_by_its_bare_name(tmp_path, monkeypatch):
    """The suffix, and the folder in which studies are kept, are thought of."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "quick.yaml").touch()
    (tmp_path / "here.yml").touch()
    with pytest.raises(RequestError, match=r"there is no study file quick; did you mean 'studies/quick\.yaml'\?"):
        load_study(Path("quick"))
    with pytest.raises(RequestError, match=r"there is no study file quick\.yaml; did you mean 'studies/quick\.yaml'\?"):
        load_study(Path("quick.yaml"))
    with pytest.raises(RequestError, match=r"there is no study file here; did you mean 'here\.yml'\?"):
        load_study(Path("here"))
    with pytest.raises(RequestError, match=r"there is no file quick; did you mean 'studies/quick\.yaml'\?"):
        find("quick")
