"""The ledger: what is written, in an order that survives being killed between any two writes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import optuna
import pytest
from optuna.trial import TrialState

from budgetnet.records import ledger as ledger_module
from budgetnet.records.ledger import Running, trial_seed
from budgetnet.records.parameters import parameters
from budgetnet.records.process import _started, host, life_of, this_process
from budgetnet.records.sharing.queue import MOST_DEATHS, queue_again
from budgetnet.records.trial import ATTRIBUTES
from budgetnet.space.judge import draw
from tests.search.helpers import open_ledger


def derived(space, seed=0):
    """A derivation's parameters, and attributes such as a candidate has."""
    found = draw(space, random.Random(seed))
    attributes = {
        "arch": "short", "network": "long", "decisions": found.expansion.decisions, "hash": str(seed),
        "params": found.cost.params, "flops": found.cost.flops,
    }  # fmt: skip
    return parameters(found.expansion.answers), attributes


def start(ledger, space, seed=0) -> Running:
    """Record a running trial."""
    return ledger.start(*derived(space, seed))


def reopened(study, ledger, tmp_path):
    """The same database through another connection."""
    return open_ledger(study, tmp_path / "run")


def as_if_killed(ledger, trial):
    """Make a running trial belong to a process of this machine that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    ledger.storage.set_trial_user_attr(trial.id, "owner", f"{host()}/{process.pid}/long-ago")


def test_completed_trial_has_all_that_was_said(study, space, ledger, tmp_path):
    """Counts, decisions, curve, seed and value come back from the database as they went in, in order."""
    trial = start(ledger, space)
    ledger.report(trial, 1, 0.5)
    ledger.report(trial, 2, 0.75)
    ledger.finish(trial, "completed", accuracy=0.75, curve=[0.5, 0.75], epochs=2, seconds=1.5, worker="host/0")
    (record,) = reopened(study, ledger, tmp_path).records()
    found, attributes = derived(space)
    assert record.outcome == "completed"
    assert record.trained
    assert record.accuracy == 0.75
    assert record.curve == (0.5, 0.75)
    assert list(record.decisions.items()) == list(attributes["decisions"].items())
    assert record.params == attributes["params"]
    assert record.seed == trial.seed == trial_seed(0, "trial", 0)
    frozen = ledger.study.trials[0]
    assert frozen.state == TrialState.COMPLETE
    assert frozen.value == 0.75
    assert frozen.intermediate_values == {1: 0.5, 2: 0.75}
    assert frozen.params == found.values
    assert set(frozen.user_attrs) <= set(ATTRIBUTES)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("stopped_early", TrialState.PRUNED),
        ("diverged", TrialState.PRUNED),
        ("failed", TrialState.FAIL),
        ("completed", TrialState.COMPLETE),
    ],
)
def test_outcomes_have_states(space, ledger, outcome, state):
    """Each outcome is recorded with the state that Optuna's samplers should see, and with its reason."""
    trial = start(ledger, space)
    ledger.report(trial, 1, 0.25)
    record = ledger.finish(trial, outcome, accuracy=0.25, reason="because")
    assert (record.outcome, record.reason) == (outcome, "because")
    assert ledger.study.trials[0].state == state


def test_smallest_minimises_parameters_under_the_target(make_study, tmp_path, space):
    """The goal "smallest" has the parameters as its value, and a constraint that says what is missing."""
    study = make_study(goal="smallest", target="{accuracy: 85%}")
    ledger = open_ledger(study, tmp_path / "small")
    for seed, accuracy in enumerate((0.80, 0.90)):
        ledger.finish(start(ledger, space, seed), "completed", accuracy=accuracy, curve=[accuracy])
    below, above = ledger.study.trials
    assert below.constraints == pytest.approx({"accuracy": 0.05})
    assert above.constraints["accuracy"] < 0
    assert above.value == above.user_attrs["params"]
    assert ledger.study.best_trial.number == 1


def test_pareto_has_two_values(make_study, tmp_path, space):
    """The Pareto goal records accuracy and parameters, and a diverged trial none."""
    ledger = open_ledger(make_study(goal="pareto"), tmp_path / "pareto")
    ledger.finish(start(ledger, space, 0), "completed", accuracy=0.5, curve=[0.5])
    trial = start(ledger, space, 1)
    ledger.report(trial, 1, 0.1)
    ledger.finish(trial, "diverged", accuracy=0.1, reason="loss")
    assert ledger.study.directions == [optuna.study.StudyDirection.MAXIMIZE, optuna.study.StudyDirection.MINIMIZE]
    assert ledger.study.trials[0].values == [0.5, ledger.study.trials[0].user_attrs["params"]]
    assert ledger.study.trials[1].values is None


def test_interrupted_trial_is_repeated_with_its_own_seed(study, space, ledger, tmp_path):
    """What was interrupted is closed with a reason and stands first in line, network and seed unchanged."""
    trial = start(ledger, space)
    ledger.report(trial, 1, 0.5)
    ledger.interrupt(trial, "Ctrl-C")
    again = reopened(study, ledger, tmp_path)
    first, second = again.records()
    assert (first.outcome, first.reason, first.trained) == ("interrupted", "Ctrl-C", False)
    assert (second.outcome, second.redo_of, second.hash) == ("waiting", 0, first.hash)
    taken = again.claim()
    assert (taken.number, taken.seed) == (1, trial.seed)
    assert again.records()[1].outcome == "running"
    assert again.claim() is None
    again.finish(taken, "completed", accuracy=0.5, curve=[0.5])
    assert [record.outcome for record in again.records()] == ["interrupted", "completed"]


def test_repetition_of_a_repetition_keeps_the_first_seed(study, space, ledger):
    """However often a trial is cut off, it is the same trial."""
    first = start(ledger, space)
    ledger.interrupt(first, "once")
    second = ledger.claim()
    ledger.interrupt(second, "twice")
    third = ledger.claim()
    assert third.seed == first.seed
    assert [record.redo_of for record in ledger.records()] == [None, 0, 1]


def test_trials_of_a_killed_process_are_found(study, space, ledger, tmp_path):
    """After SIGKILL, a running trial whose process is gone is repeated; one whose process lives is left alone."""
    killed, alive = start(ledger, space, 0), start(ledger, space, 1)
    as_if_killed(ledger, killed)
    again = reopened(study, ledger, tmp_path)
    assert again.recover() == [0]
    assert [record.outcome for record in again.records()] == ["interrupted", "running", "waiting"]
    assert "ended before the training did" in again.records()[0].reason
    assert again.recover() == []
    assert again.others_running() == 0
    assert ledger.record(alive).outcome == "running"


def test_a_trial_that_kills_one_process_after_the_other_fails(study, space, ledger, tmp_path):
    """A stated number of processes may end while they train it; then it is not what the next one begins with."""
    trial = start(ledger, space)
    for death in range(MOST_DEATHS):
        as_if_killed(ledger, trial)
        lost = ledger.recover()
        assert lost == ([trial.number] if death < MOST_DEATHS - 1 else [])
        trial = ledger.claim()
    assert trial is None
    *before, last = ledger.records()
    assert [record.outcome for record in before] == ["interrupted"] * (MOST_DEATHS - 1)
    assert last.outcome == "failed"
    assert last.reason.endswith("ended before the training did, the 5th time in a row")
    interrupted = start(ledger, space, 1)
    for _ in range(MOST_DEATHS + 1):
        ledger.interrupt(interrupted, "Ctrl-C")
        interrupted = ledger.claim()
        assert interrupted is not None  # a clean end is nobody's death


def test_killed_between_outcome_and_state(study, space, ledger, tmp_path):
    """A trial whose outcome was written but whose state was not is completed, not trained again."""
    trial = start(ledger, space)
    for name, value in (("accuracy", 0.5), ("curve", [0.5]), ("outcome", "completed")):
        ledger.storage.set_trial_user_attr(trial.id, name, value)
    as_if_killed(ledger, trial)
    again = reopened(study, ledger, tmp_path)
    assert again.recover() == []
    (record,) = again.records()
    assert (record.outcome, record.accuracy) == ("completed", 0.5)
    assert again.study.trials[0].value == 0.5


def test_killed_between_repetition_and_closing(study, space, ledger, tmp_path):
    """A repetition that is in line already is not put there twice."""
    trial = start(ledger, space)
    as_if_killed(ledger, trial)
    original = ledger.storage.get_trial(trial.id)
    ledger.recover()
    ledger.storage._backend.get_trial(trial.id)
    queue_again(ledger.storage, ledger._id, original)
    assert [record.outcome for record in ledger.records()] == ["interrupted", "waiting"]


def test_killed_before_the_seed_was_written(study, space, ledger):
    """The seed follows from the study's seed and the number, so nothing is lost without it."""
    found, attributes = derived(space)
    trial_id = ledger._create(TrialState.RUNNING, found, {**attributes, "owner": f"{host()}/999999999/then"})
    assert ledger.recover() == [0]
    assert "seed" not in ledger.storage.get_trial(trial_id).user_attrs
    assert ledger.claim().seed == trial_seed(0, "trial", 0)


def test_silent_trials_of_other_machines_are_repeated(study, space, ledger):
    """A trial of another machine is left alone while its heart beats, and repeated when it has stopped."""
    trial = start(ledger, space)
    ledger.storage.set_trial_user_attr(trial.id, "owner", "elsewhere/1/then")
    ledger.recover()
    assert ledger.record(trial).outcome == "running"
    assert ledger.others_running() == 1
    with ledger.storage._backend.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE trial_heartbeats SET heartbeat = datetime('now', '-10 minutes')")
    ledger.recover()
    first, second = ledger.records()
    assert (first.outcome, first.reason) == ("interrupted", "its process stopped reporting")
    assert (second.outcome, second.redo_of) == ("waiting", 0)


def test_result_of_a_trial_that_was_given_up_is_dropped(study, space, ledger):
    """A machine that slept too long finds its trial closed; its late result changes nothing."""
    trial = start(ledger, space)
    ledger.interrupt(trial, "given up by another machine")
    assert ledger.finish(trial, "completed", accuracy=0.9, curve=[0.9]) is None
    ledger.interrupt(trial, "again")
    assert ledger.records()[0].reason == "given up by another machine"


def test_epochs_of_a_trial_that_was_given_up_do_no_harm(study, space, ledger, tmp_path):
    """A machine that slept too long goes on training; its epochs come too late, and are no error."""
    trial = start(ledger, space)
    reopened(study, ledger, tmp_path).interrupt(trial, "given up by another machine")
    ledger.report(trial, 1, 0.5)
    assert ledger.study.trials[0].intermediate_values == {}


@pytest.fixture
def other(study, ledger, tmp_path, monkeypatch):
    """Another living process on the same study."""
    monkeypatch.setattr(ledger_module, "this_process", lambda: f"{host()}/{os.getppid()}/{_started(os.getppid())}")
    return reopened(study, ledger, tmp_path)


def meanwhile(monkeypatch, ledger, method: str, happens, *, after: bool = False) -> None:
    """Let something happen once in the midst of a ledger's work: before, or after, a call of its storage."""
    call = getattr(ledger.storage, method)
    events = [happens]

    def disturbed(*given, **named):
        happening = events.pop() if events else lambda: None
        if not after:
            happening()
        found = call(*given, **named)
        if after:
            happening()
        return found

    monkeypatch.setattr(ledger.storage, method, disturbed)


def test_two_processes_that_find_a_dead_one_repeat_its_trial_once(space, ledger, other, monkeypatch):
    """Both saw that no repetition was queued, both queued one, and the network was trained twice."""
    trial = start(ledger, space)
    as_if_killed(ledger, trial)
    found: list[list[int]] = []
    meanwhile(monkeypatch, ledger, "create_new_trial", lambda: found.append(other.recover()))
    assert ledger.recover() == [trial.number]
    assert found == [[]]
    assert [record.outcome for record in ledger.records()] == ["interrupted", "waiting"]
    assert other.recover() == []


def test_a_process_that_looked_before_another_one_recovered_changes_nothing(space, ledger, other, monkeypatch):
    """It has read that the trial runs; when its turn comes, the trial is closed, repeated, and running again."""
    trial = start(ledger, space)
    as_if_killed(ledger, trial)

    def recovered() -> None:
        assert other.recover() == [trial.number]
        assert other.claim() is not None

    meanwhile(monkeypatch, ledger, "get_all_trials", recovered, after=True)
    assert ledger.recover() == []
    assert [record.outcome for record in ledger.records()] == ["interrupted", "running"]


@pytest.mark.parametrize("method", ["get_all_trials", "set_trial_user_attr", "set_trial_state_values"])
def test_two_processes_that_take_a_waiting_trial_train_it_once(space, ledger, other, monkeypatch, method):
    """Whoever looks, writes or asks in the midst of the other: one has the trial, and is its owner."""
    ledger.interrupt(start(ledger, space), "stopped")
    taken: list[Running | None] = []
    meanwhile(monkeypatch, ledger, method, lambda: taken.append(other.claim()), after=method == "get_all_trials")
    taken.append(ledger.claim())
    (running,) = [trial for trial in taken if trial is not None]
    owner = other._owner if running is taken[0] else this_process()
    assert ledger.storage.get_trial(running.id).user_attrs["owner"] == owner
    assert ledger.claim() is None
    assert other.claim() is None


def test_trials_of_other_tools_do_no_harm(study, space, ledger):
    """Trials made by hand or by Optuna itself are read as records without a network, and never claimed."""
    ledger.study.add_trial(optuna.trial.create_trial(state=TrialState.COMPLETE, value=0.5))
    ledger.study.enqueue_trial({"x": 1})
    ledger.study.add_trial(optuna.trial.create_trial(state=TrialState.PRUNED))
    ledger.study.add_trial(optuna.trial.create_trial(state=TrialState.RUNNING))
    assert ledger.claim() is None
    assert ledger.recover() == []
    assert [record.outcome for record in ledger.records()] == ["completed", "waiting", "stopped_early", "running"]


def test_trial_seeds_are_stable_and_differ():
    """Seeds are the same on every machine and version, and differ from trial to trial and study to study."""
    assert trial_seed(0, "trial", 0) == trial_seed(0, "trial", 0)
    assert len({trial_seed(study, "trial", number) for study in range(3) for number in range(100)}) == 300
    assert trial_seed(0, "trial", 7) == 662861468


def test_this_process_is_alive_and_others_are_not():
    """A process is known by host, number and start; another start under the same number is another process."""
    assert life_of(this_process()) == "alive"
    assert life_of(f"{host()}/{os.getpid()}/another-start") == "gone"
    assert life_of("elsewhere/1/x") == "unknown"
    assert life_of("nonsense") == "unknown"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        from budgetnet.records.process import _started

        name = f"{host()}/{process.pid}/{_started(process.pid)}"
        assert life_of(name) == "alive"
        process.kill()
        time.sleep(0.2)
        assert life_of(name) == "gone"  # also as a zombie that nobody has waited for
