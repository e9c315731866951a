"""Calibrations: what is drawn and trained, what is kept through a kill, and what is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from budgetnet.calibrate.draw import draw_for_calibration
from budgetnet.calibrate.events import CalibrationEnded, CalibrationStarted, RunDone, RunFailed
from budgetnet.calibrate.header import check_header, header_of
from budgetnet.calibrate.judge import judge_calibration
from budgetnet.calibrate.plan import plan_of
from budgetnet.calibrate.record import CALIBRATION_FILE, Header, Recorded, Writer, read_calibration
from budgetnet.calibrate.run import recorded_so_far, run_calibration
from budgetnet.calibrate.text import calibration_text
from budgetnet.calibrate.trainings import LIMIT_FAILED_TRAININGS, CalibrationTrainings
from budgetnet.errors import RequestError, SearchError
from budgetnet.space.judge import Candidate, judge
from budgetnet.workers.loop import JobLoop
from budgetnet.workers.messages import Failed
from tests.calibrate.calibrations import calibrated, network, run
from tests.search.helpers import Threads, study_text

RESULTS = Path(__file__).parent.parent.parent / "studies" / "results"
HEADER = Header(study="tiny", seed=0, draw="by hand", settings={}, started="2026-01-01T00:00:00+00:00")


def plan(study, **changes):
    """Four networks, one epoch and two."""
    return plan_of(study, **{"networks": 4, "brief": [1], "full": 2, **changes})


# --- the plan -----------------------------------------------------------------------------------------


def test_defaults_follow_the_study(make_study):
    """The finalists' epochs in full; brief lengths below that, the study's own among them."""
    study = make_study(training="{epochs: 5, flip: none}", finalists="{epochs: 9, label_smoothing: 0.1}")
    found = plan_of(study)
    assert (found.networks, found.brief, found.full, found.seed) == (16, (1, 2, 3, 4, 5, 6), 9, study.search.seed)
    assert found.recipe(9) == study.finalists.training
    assert found.recipe(5) == study.training
    assert plan_of(study, full=4).brief == (1, 2, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"networks": 3}, "--networks must be at least 4 to compare ranks, but got 3"),
        ({"repeats": 0}, "--repeats must be at least 1, but got 0"),
        ({"brief": [1, 2]}, r"--epochs-brief must be from 1 to 1, below the full training's 2 epochs, but got 2;"),
        ({"brief": None, "full": 1}, "a full training of 1 epochs leaves no room for a brief one; raise --full"),
    ],
)
def test_plans_that_compare_nothing(study, changes, message):
    """Each is refused with the option's name."""
    with pytest.raises(RequestError, match=message):
        plan(study, **changes)


def test_longest_first_with_seeds_of_their_own(study, space):
    """Epochs times FLOPs fall; no two trainings share a seed; a repeat adds trainings and changes none."""
    asked = plan(study, brief=[1, 3], full=5)
    networks = draw_for_calibration(space, asked, Recorded())
    tasks = asked.tasks(networks)
    assert len(tasks) == 12
    assert [task.work for task in tasks] == sorted((task.work for task in tasks), reverse=True)
    assert len({task.seed for task in tasks}) == 12
    assert {task.role for task in tasks if task.recipe.epochs == 5} == {"full"}
    more = replace(asked, repeats=2).tasks(networks)
    assert set(map(repr, tasks)) < set(map(repr, more))
    assert len({task.seed for task in more}) == 24


def test_networks_fit_differ_and_stay(study, space):
    """All within the budget, each once; a larger calibration begins with the smaller one's."""
    six = draw_for_calibration(space, plan(study, networks=6), Recorded())
    assert len({network.hash for network in six}) == 6
    assert [network.index for network in six] == list(range(6))
    assert all(network.params <= 6000 and network.flops <= 500_000 for network in six)
    assert draw_for_calibration(space, plan(study), Recorded()) == six[:4]
    recorded = Recorded(networks=tuple(six[:2]))
    assert draw_for_calibration(space, plan(study, networks=6), recorded) == six
    assert draw_for_calibration(space, plan(study, seed=1), Recorded()) != six[:4]
    assert isinstance(judge(space, space.expand(lambda decision: decision.allowed.index(True))), Candidate)


def test_a_space_of_three_networks(make_study):
    """Too few to compare: the message says how many there are."""
    from budgetnet.files.spaces import space_of

    few = make_study("network = conv(3, 8|12|16) gap linear(classes)\n")
    with pytest.raises(SearchError, match=r"only 3 different networks were found that fit.*at least 4; widen"):
        draw_for_calibration(space_of(few), plan(few), Recorded())


# --- the record ---------------------------------------------------------------------------------------


def test_a_record_reads_back(study, tmp_path):
    """Header, networks and trainings come back as they went in; fields of later versions are passed over."""
    path = tmp_path / CALIBRATION_FILE
    task = plan(study).task(network(0), 2, 0)
    with Writer.opened(path) as writer:
        writer.write(HEADER, network(0))
        writer.write(run(task, [0.1, 0.2]))
    line = json.loads(path.read_text().splitlines()[-1])
    with path.open("a") as file:
        file.write(json.dumps(line | {"index": 1, "news": 1}) + "\n")
    found = read_calibration(path)
    assert found.header == HEADER
    assert found.networks == (network(0),)
    assert found.runs == (run(task, [0.1, 0.2]), replace(run(task, [0.1, 0.2]), index=1))
    assert task.is_done_by(found.runs[0])
    assert not task.is_done_by(replace(found.runs[0], seed=1))
    assert read_calibration(tmp_path / "none") == Recorded()


def test_half_a_line_is_cut_off(tmp_path):
    """A writer killed in the middle of a line harms that line alone."""
    path = tmp_path / CALIBRATION_FILE
    with Writer.opened(path) as writer:
        writer.write(HEADER)
    with path.open("a") as file:
        file.write('{"kind": "run", "half')
    assert read_calibration(path).header == HEADER
    with Writer.opened(path) as writer:
        writer.write(network(0))
    assert read_calibration(path).networks == (network(0),)


@pytest.mark.parametrize("line", ["[]", "nonsense", '{"kind": "other"}', '{"kind": "network", "index": 0}'])
def test_a_damaged_record(tmp_path, line):
    """The message names file and line, and what can be done."""
    path = tmp_path / CALIBRATION_FILE
    with Writer.opened(path) as writer:
        writer.write(HEADER)
    with path.open("a") as file:
        file.write(f"{line}\n")
    with pytest.raises(SearchError, match=r"jsonl:2: this is not a line of a budgetnet-calibration/1 file"):
        read_calibration(path)


def test_a_record_without_its_first_line(tmp_path):
    """Nobody can tell what it is about."""
    path = tmp_path / CALIBRATION_FILE
    with Writer.opened(path) as writer:
        writer.write(network(0))
    with pytest.raises(SearchError, match="the first line must say what the file is about"):
        read_calibration(path)


def test_two_processes_on_one_record(tmp_path):
    """The second is refused while the first is at work."""
    path = tmp_path / CALIBRATION_FILE
    with (
        Writer.opened(path),
        pytest.raises(SearchError, match=r"another process is at work on .*calibration\.jsonl; wait for it"),
        Writer.opened(path),
    ):
        pass
    with Writer.opened(path) as writer:
        writer.write(HEADER)


def test_a_folder_that_cannot_be(tmp_path):
    """A file stands where the run folder should be."""
    (tmp_path / "run").write_text("")
    with pytest.raises(RequestError, match=r"the record cannot be kept in .*run.*choose another folder with --out"):
        Writer.opened(tmp_path / "run" / CALIBRATION_FILE).__enter__()


def test_other_settings_are_refused(make_study):
    """Grammar, data, split, budget, recipes and seed may not change; the message lists what did."""
    study = make_study()
    header = header_of(study, plan(study))
    check_header(header, study, plan(study, networks=9, brief=[1, 3], full=7, repeats=3), "record")
    other = make_study(budget="{params: 7k}", training="{epochs: 2, batch: 64, shift: 0, flip: none}", validation="20%")
    with pytest.raises(RequestError, match="record was made with other settings") as caught:
        check_header(header, other, plan(other, seed=5), "record")
    text = str(caught.value)
    for change in (
        "budget.params: 6,000 → 7,000",
        "validation.share: 0.1 → 0.2",
        "training.batch: 128 → 64",
        "finalists.batch: 128 → 64",
        "seed: 0 → 5",
        "choose another folder with --out",
    ):
        assert change in text


def test_a_new_recipe_field_does_not_lock_an_old_record(make_study):
    """What the record lacks had its default."""
    study = make_study()
    header = header_of(study, plan(study))
    settings = {part: dict(values) for part, values in header.settings.items()}
    del settings["training"]["cutout"]
    check_header(replace(header, settings=settings), study, plan(study), "record")


# --- running ------------------------------------------------------------------------------------------


def train(todo, space, writer, workers, events, *, stopped=lambda: False, late=lambda: False):
    """Do trainings on workers in threads."""
    work = CalibrationTrainings(todo, space=space, writer=writer, workers=1, listen=events.append, late=late)
    JobLoop(workers, work, interrupted=stopped).run()


def test_trainings_are_recorded_as_they_end(study, space, tmp_path):
    """Curves of all four kinds, counts, seed, recipe, versions; by the split of the search, without a test image."""
    asked = plan(study)
    workers, events = Threads(study), []
    with Writer.opened(tmp_path / CALIBRATION_FILE) as writer:
        networks = draw_for_calibration(space, asked, Recorded())
        tasks = asked.tasks(networks)[:2]
        writer.write(header_of(study, asked), *networks)
        train(tasks, space, writer, workers, events)
    found = read_calibration(tmp_path / CALIBRATION_FILE).runs
    assert [event.run for event in events if isinstance(event, RunDone)] == list(found)
    for task, done in zip(tasks, found, strict=True):
        assert task.is_done_by(done)
        curves = (done.train_losses, done.train_accuracies, done.validation_losses, done.validation_accuracies)
        assert [len(curve) for curve in curves] == [2] * 4
        assert (done.role, done.schedule, done.epochs, done.threads) == ("full", 2, 2, 1)
        assert (done.params, done.network) == (task.network.params, task.network.network)
        assert done.environment["torch"]
        assert done.accuracy == done.validation_accuracies[-1]
    assert not any(job.final or job.ask for job in workers.jobs)


def test_stopping_and_running_late(study, space, tmp_path):
    """A clean end leaves what runs; when the time is up, what runs comes to its end and nothing starts."""
    asked = plan(study)
    tasks = asked.tasks(draw_for_calibration(space, asked, Recorded()))
    with Writer.opened(tmp_path / CALIBRATION_FILE) as writer:
        writer.write(HEADER)
        events: list = []
        train(tasks, space, writer, Threads(study), events, stopped=lambda: True)
        assert events == []
        train(tasks, space, writer, Threads(study), events, late=lambda: True)
        assert events == []
        late = iter([False])
        train(tasks, space, writer, Threads(study), events, late=lambda: next(late, True))
        assert sum(isinstance(event, RunDone) for event in events) == 1


class Failing(Threads):
    """Workers whose every training fails."""

    def wait(self, timeout: float) -> list:  # noqa: ARG002
        """Return a failure for each that is at work."""
        busy, self._busy = self._busy, set()
        return [Failed(worker, "out of memory") for worker in busy]

    def _train(self, worker: int, job: object) -> None:  # noqa: ARG002
        return


def test_trainings_that_keep_failing(study, space, tmp_path):
    """A few in a row end it; nothing of them is recorded, so they are tried again."""
    asked = plan(study)
    tasks = asked.tasks(draw_for_calibration(space, asked, Recorded()))
    events: list = []
    with Writer.opened(tmp_path / CALIBRATION_FILE) as writer:
        writer.write(HEADER)
        with pytest.raises(
            SearchError, match=f"{LIMIT_FAILED_TRAININGS} trainings in a row gave no result.*out of memory"
        ):
            train(tasks, space, writer, Failing(study), events)
    assert sum(isinstance(event, RunFailed) for event in events) == LIMIT_FAILED_TRAININGS
    assert read_calibration(tmp_path / CALIBRATION_FILE).runs == ()


@pytest.mark.parametrize("folder", ["cifar10-200k-calibration", "cifar10-200k-calibration/higher-rates"])
def test_shipped_calibrations_are_written_as_they_were_read(folder, tmp_path):
    """This version writes what that one wrote: either reads the other's lines."""
    path = RESULTS / folder / CALIBRATION_FILE
    found = read_calibration(path)
    with Writer.opened(tmp_path / CALIBRATION_FILE) as writer:
        writer.write(found.header, *found.networks, *found.runs)
    old, new = (
        sorted(map(json.loads, file.read_text(encoding="utf-8").splitlines()), key=str)
        for file in (path, tmp_path / CALIBRATION_FILE)
    )
    assert len(new) > 1
    assert new == old


def test_nothing_recorded(study, tmp_path):
    """Looking at a table before anything was trained says what to run."""
    with pytest.raises(RequestError, match=r"nothing is recorded in .*; run first: budgetnet calibrate .*tiny\.yaml"):
        recorded_so_far(study, plan(study), out=tmp_path)


def test_a_kill_loses_only_what_ran(make_study, tmp_path):
    """SIGKILL of the whole process, half a line added; the same call keeps every recorded line and ends the rest."""
    path, folder = tmp_path / "tiny.yaml", tmp_path / "run"
    path.write_text(study_text(), encoding="utf-8")
    words = ["--networks", "4", "--epochs-brief", "1", "--full", "2", "--out", str(folder), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-m", "budgetnet", "calibrate", str(path), *words, "--workers", "1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 300
    while not (folder / CALIBRATION_FILE).exists() or b'"kind": "run"' not in (folder / CALIBRATION_FILE).read_bytes():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    before = (folder / CALIBRATION_FILE).read_bytes()
    before = before[: before.rfind(b"\n") + 1]
    with (folder / CALIBRATION_FILE).open("ab") as file:
        file.write(b'{"kind": "run", "ind')

    study, events = make_study(), []
    found = run_calibration(study, plan(study), out=folder, workers=1, device="cpu", listen=events.append)
    (started,) = (event for event in events if isinstance(event, CalibrationStarted))
    trained = sum(isinstance(event, RunDone) for event in events)
    assert started.done >= 1
    assert started.done + trained == started.runs == 8
    assert (found.missing, found.ended, len(found.runs)) == (0, "complete", 8)
    assert (folder / CALIBRATION_FILE).read_bytes().startswith(before)
    assert events[-1] == CalibrationEnded("calibration", "all trainings are done", 0)

    again: list = []
    assert run_calibration(study, plan(study), out=folder, workers=1, device="cpu", listen=again.append) == found
    assert [type(event) for event in again] == [CalibrationStarted, CalibrationEnded]
    assert recorded_so_far(study, plan(study), out=folder) == found


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"full": 8}, "--networks 4 --epochs-brief 1 --full 8 --repeats 1"),
        ({"networks": 5}, "--networks 5 --epochs-brief 1 --full 4 --repeats 1"),
        ({"brief": [2, 3]}, "--networks 4 --epochs-brief 2,3 --full 4 --repeats 1"),
        ({"repeats": 2}, "--networks 4 --epochs-brief 1 --full 4 --repeats 2"),
    ],
)
def test_a_table_never_replaces_a_fuller_one(study, tmp_path, options, told):
    """Options that leave recorded trainings out are refused with those that take them in, which are then accepted."""
    usual = {"brief": [1], "full": 4}
    made = plan(study, **usual | options)
    networks = tuple(network(index) for index in range(made.networks))
    with Writer.opened(tmp_path / CALIBRATION_FILE) as writer:
        writer.write(header_of(study, made), *networks, *(run(task, [0.5]) for task in made.tasks(networks)))
    command = f"budgetnet calibrate {study.path} {told} --out {tmp_path} --only-table"
    with pytest.raises(RequestError) as error:
        recorded_so_far(study, plan(study, **usual), out=tmp_path)
    assert str(error.value) == (
        f"a table must take in all that is recorded in {tmp_path / CALIBRATION_FILE}, but with --networks 4 "
        f"--epochs-brief 1 --full 4 --repeats 1 it leaves trainings out; run {command}"
    )
    assert recorded_so_far(study, made, out=tmp_path).missing == 0
    wider = plan(study, **usual | options | {"brief": [*made.brief, 3], "networks": 6})
    assert recorded_so_far(study, wider, out=tmp_path).fuller == ""


def test_a_table_of_a_new_length_says_what_it_leaves_out(study, tmp_path):
    """Trainings of options before are named in its notes, with the command that judges all of them."""
    found = calibrated(study, tmp_path, noise={1: 0.1}, count=4)
    judged = judge_calibration(replace(found, fuller="budgetnet calibrate a.yaml --full 4 --only-table"), orders=0)
    note = "Some recorded trainings are left out by these options; run budgetnet calibrate a.yaml --full 4 --only-table"
    assert note in calibration_text(judged)
