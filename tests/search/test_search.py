"""Whole searches with worker processes: to the end, through Ctrl-C, SIGKILL and changed files."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import budgetnet
from budgetnet.errors import DataError, RequestError, SearchError, StudyError
from budgetnet.files.spaces import space_of
from budgetnet.files.study_file import parse_study
from budgetnet.network.torch.build import build_nodes
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.records.trial import read_records
from budgetnet.search.events import (
    EpochDone,
    FinalistDone,
    FinalistsStarted,
    FullTrainingDone,
    SearchEnded,
    TrialStarted,
    WinnerChosen,
    WorkerLost,
)
from budgetnet.search.run import crew, run_search
from budgetnet.space.choosers import prior, replay
from tests.search.helpers import study_text

QUICK = {
    "search": "{trials: 3, workers: 2, seed: 0, sampler: evolution, pruner: none}",
    "training": "{epochs: 1, batch: 256, shift: 0, flip: none, precision: float32}",
    "finalists": "{top: 2, seeds: 2, winner_seeds: 2, epochs: 1}",
}

SCRIPT = """
import sys
from pathlib import Path
from budgetnet.cli.progress.search import show_search
from budgetnet.search.run import crew, run_search
from budgetnet.files.study_file import load_study

def main():
    with show_search() as show:
        summary = run_search(load_study(Path(sys.argv[1])), out=Path(sys.argv[2]), device="cpu", listen=show)
    print(summary.ended)

if __name__ == "__main__":
    main()
"""


@contextmanager
def launched(folder: Path, text: str) -> Iterator[subprocess.Popen]:
    """A search in a process (and process group) of its own, which does not outlive the block."""
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(folder / "script.py"), str(folder / "study.yaml"), str(folder / "run")]
    environment = {**os.environ, "PYTHONPATH": str(Path(budgetnet.__file__).parent.parent)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=environment
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def recorded(folder: Path, text: str):
    """The records of a search that runs in another process."""
    study = parse_study(text, folder / "study.yaml")
    return read_records(open_study(study, default_url(folder / "run"), create=False)[0])


def wait_for(process: subprocess.Popen, folder: Path, text: str, condition, seconds: float = 240.0):
    """Wait until the records of another process meet a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"the search ended by itself: {process.communicate()}")
        if (folder / "run" / "study.db").exists():
            try:
                records = recorded(folder, text)
            except RequestError:
                records = ()  # the other process has not made the study yet
            if condition(records):
                return records
        time.sleep(0.3)
    raise AssertionError("the condition was not met in time")


def children(pid: int) -> list[int]:
    """The process numbers of all descendants."""
    done = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True)
    pairs = [tuple(map(int, line.split())) for line in done.stdout.splitlines()[1:]]
    direct = [child for child, parent in pairs if parent == pid]
    return direct + [grandchild for child in direct for grandchild in children(child)]


def command_of(pid: int) -> str:
    """The command line of a process; empty if there is none."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs (zombies do not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_whole_search_and_going_on(make_study, tmp_path):
    """Two workers, three networks, two finalists of two seeds; started again there is nothing left to do."""
    events: list = []
    study = make_study(**QUICK)
    summary = run_search(study, out=tmp_path / "run", device="cpu", listen=events.append)
    assert summary.ended == "trials"
    assert summary.finalists_complete
    assert [record.outcome for record in summary.records] == ["completed"] * 3
    for record in summary.records:
        training = record.training
        assert (training.threads, training.precision, training.outcome) == (1, "float32", "completed")
        assert training.recipe == study.training.to_mapping()
        assert training.environment["torch"] == str(torch.__version__)
        assert len(training.train_losses) == len(training.validation_losses) == record.epochs
        assert (training.validation_accuracies, training.accuracy) == (record.curve, record.accuracy)
        assert (training.seed, training.seconds) == (record.seed, record.seconds)
    assert summary.target_reached is None
    full = [event.result for event in events if isinstance(event, FullTrainingDone)]
    (told,) = [event for event in events if isinstance(event, WinnerChosen)]
    assert len([event for event in events if isinstance(event, FinalistDone)]) == told.runs == 2
    assert 2 <= len(full) <= 4
    for run in full:
        assert (run.trained_on, run.judged_by, run.weights, run.test_accuracy) == ("train", "validation", None, None)
        assert 0 <= run.accuracy <= 1
        assert run.after == 3

    (choice,) = summary.choices
    assert told.choices == (choice,)
    winner, other = summary.finalists
    assert winner.trial == choice.trial == summary.best.number
    assert choice.validation == winner.validation
    assert choice.text.startswith(f"chosen by {winner.validation.n} full training")
    assert other.runs == ()
    assert other.validation.n >= 1
    for finalist, record in [(winner, summary.best)]:
        assert finalist.score.n == 2
        assert finalist.score.deviation is not None
        assert len({run.seed for run in (*finalist.runs, *finalist.full)}) == 2 + len(finalist.full)
        for run in finalist.runs:
            assert run.test_images == 360
            assert (run.trained_on, run.judged_by) == ("train and validation", "test")
            assert 0 <= run.test_accuracy <= 1
            assert run.threads == 1
            assert run.environment["torch"]
            assert run.environment["deterministic"] is True
            assert run.reading.classes == tuple("0123456789")
            assert run.environment["command"].endswith(shlex.join(sys.argv[1:]))
            network = space_of(study).expand(replay(record.decisions, prior(None))).network
            with safe_open(summary.folder / run.weights, "pt") as weights:
                assert weights.metadata()["label"] == f"tiny, trial {record.number}, run {run.repeat}"
                assert set(weights.keys()) == set(build_nodes(network, (1, 8, 8)).state_dict())

    events.clear()
    again = run_search(study, out=tmp_path / "run", device="cpu", listen=events.append)
    assert (again.records, again.finalists, again.choices) == (summary.records, summary.finalists, summary.choices)
    assert again.finalists_complete
    assert not [event for event in events if isinstance(event, TrialStarted | FinalistsStarted)]

    more = make_study(
        **QUICK | {"search": "{trials: 4, workers: 1, sampler: evolution, pruner: none}", "finalists": "{top: 0}"}
    )
    assert len(run_search(more, out=tmp_path / "run", device="cpu").records) == 4


def test_killed_search_loses_nothing(tmp_path):
    """After SIGKILL of the parent its workers end too, and the next start repeats exactly what was running."""
    text = study_text(
        search="{trials: 3, workers: 2, sampler: evolution, pruner: none}",
        training="{epochs: 900, batch: 64, shift: 0, flip: none, precision: float32}",
        finalists="{top: 0}",
    )
    with launched(tmp_path, text) as process:
        running = wait_for(
            process, tmp_path, text, lambda records: sum(len(record.curve) > 1 for record in records) > 1
        )
        workers = children(process.pid)
        assert len(workers) >= 2
        os.kill(process.pid, signal.SIGKILL)
        end = time.monotonic() + 30
        while any(alive(pid) for pid in workers):
            assert time.monotonic() < end, "workers outlive their parent"
            time.sleep(0.1)
    assert [record.outcome for record in recorded(tmp_path, text)] == ["running", "running"]

    events: list = []
    study = parse_study(text, tmp_path / "study.yaml")
    asked: list = []

    def listen(event) -> None:
        events.append(event)
        if isinstance(event, TrialStarted):
            asked.append(event.number)
            if len(asked) == 2:
                os.kill(os.getpid(), signal.SIGINT)  # enough seen

    summary = run_search(study, out=tmp_path / "run", device="cpu", listen=listen)
    assert summary.ended == "interrupted"
    assert events[0].lost == (0, 1)
    assert asked == [2, 3]
    first = summary.records
    assert [record.outcome for record in first[:4]] == ["interrupted"] * 4
    assert [first[2].redo_of, first[3].redo_of] == [0, 1]
    assert [(r.network, r.seed) for r in first[2:4]] == [(r.network, r.seed) for r in first[:2]]
    assert first[0].curve[: len(running[0].curve)] == running[0].curve


def test_killed_workers_cost_no_trial_and_no_finalist(make_study, tmp_path):
    """A trial and a finalist's run whose worker is killed are trained again."""
    study = make_study(
        search="{sampler: random, trials: 1, workers: 1, pruner: none}",
        training="{epochs: 2, batch: 256, shift: 0, flip: none, precision: float32}",
        finalists="{top: 1, seeds: 1, epochs: 60}",
    )
    lost: list[WorkerLost] = []
    phases = [TrialStarted, WinnerChosen]
    struck: list = []

    def strike(event) -> None:
        if isinstance(event, WorkerLost):
            lost.append(event)
        elif isinstance(event, tuple(phases)):
            struck.append(phases.remove(type(event)))
        elif isinstance(event, EpochDone) and len(struck) > len(lost):
            (pid,) = [pid for pid in children(os.getpid()) if "multiprocessing.spawn" in command_of(pid)]
            os.kill(pid, signal.SIGKILL)

    summary = run_search(study, out=tmp_path / "run", device="cpu", listen=strike)
    assert [event.tries for event in lost] == [1, 1]
    assert "SIGKILL" in lost[0].reason
    assert [record.outcome for record in summary.records] == ["completed"]
    assert summary.finalists_complete


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_requests_to_the_group_end_cleanly(tmp_path, number):
    """Ctrl-C and a scheduler's SIGTERM reach the whole group: the search ends soon and says how to go on."""
    text = study_text(
        search="{trials: 3, workers: 1, sampler: evolution, pruner: none}",
        training="{epochs: 500, batch: 32, shift: 0, flip: none, precision: float32}",
    )
    with launched(tmp_path, text) as process:
        wait_for(process, tmp_path, text, lambda records: any(record.curve for record in records))
        begin = time.monotonic()
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=60)
    assert time.monotonic() - begin < 25  # training all epochs would take minutes
    assert process.returncode == 0
    assert out.strip() == "interrupted"
    assert "search ended: interrupted; start again to continue" in err
    assert "Traceback" not in err
    assert [record.outcome for record in recorded(tmp_path, text)] == ["interrupted", "waiting"]
    assert recorded(tmp_path, text)[0].reason == "the search was interrupted"


def test_changed_study_is_refused(make_study, tmp_path):
    """A study whose scores could not be compared any more is refused, with what changed and how to go on."""
    study = make_study()
    open_study(study, default_url(tmp_path / "run"))
    changed = make_study(
        grammar="network = conv(3, 8|99) head\nhead = gap linear(classes)\n",
        budget="{params: 7k}",
        training="{epochs: 3}",
        dataset="{images: photos, size: 8}",
        validation="20%",
    )
    (tmp_path / "photos").mkdir()
    with pytest.raises(StudyError) as caught:
        open_study(changed, default_url(tmp_path / "run"))
    message = str(caught.value)
    assert "tiny.yaml differs from the study that" in message
    for line in (
        "grammar.network: network = stem stage(8|12|16|24){1..2} head → network = conv(3, 8|99) head",
        "grammar.stem: stem = conv(3, 8|12|16) → none",
        "budget.params: 6,000 → 7,000",
        "budget.flops: 500,000 → none",
        "training.epochs: 2 → 3",
        "training.batch: 128 → 256",
        "dataset.name: digits → none",
        "validation.share: 0.1 → 0.2",
    ):
        assert f"  {line}\n" in message
    assert "give the study another name (study: …), or start over with --fresh" in message


def test_what_may_change(make_study, tmp_path):
    """Sampler, pruner, trials, workers, finalists, comments and layout of the grammar may change on the way."""
    open_study(make_study(), default_url(tmp_path / "run"))
    grammar = make_study().grammar_text.replace("head     =", "# the end\nhead=")
    other = make_study(grammar, search="{sampler: tpe, trials: 9, pruner: halving}", finalists="{top: 1}")
    assert open_study(other, default_url(tmp_path / "run"))[0].study_name == "tiny"


def test_fresh_keeps_the_old_folder(make_study, tmp_path):
    """Starting anew moves what is there aside; with a database elsewhere it is refused."""
    study = make_study(search="{trials: 1, workers: 1}", training="{epochs: 1, batch: 512}", finalists="{top: 0}")
    folder = tmp_path / "run"
    for number in (1, 2):
        folder.mkdir()
        (folder / "mark").write_text(str(number))
        with pytest.raises(SearchError, match="nothing in the grammar fits"):
            run_search(make_study(budget="{params: 100}"), out=folder, fresh=True, device="cpu")
        assert not (folder / "mark").exists()
        assert (tmp_path / f"run.old-{number}" / "mark").read_text() == str(number)
        for path in sorted(folder.rglob("*")):
            path.unlink()
        folder.rmdir()
    with pytest.raises(
        RequestError, match="--fresh moves a run folder aside, which a database elsewhere does not have"
    ):
        run_search(study, out=folder, storage=f"sqlite:///{tmp_path / 'x.db'}", fresh=True)


def test_default_folder(make_study, tmp_path, monkeypatch):
    """Without --out the run folder is runs/NAME under the current one."""
    monkeypatch.chdir(tmp_path)
    study = make_study(budget="{params: 100}")
    with pytest.raises(SearchError, match="nothing in the grammar fits"):
        run_search(study, device="cpu")
    assert (tmp_path / "runs" / "tiny" / "study.db").exists()


def test_wrong_requests_start_nothing(make_study, tmp_path):
    """A device that is not there and a data set that is not laid out well are refused before any trial."""
    with pytest.raises(RequestError, match="quantum"):
        run_search(make_study(), out=tmp_path / "run", device="quantum")
    assert not (tmp_path / "run").exists()
    with pytest.raises(DataError, match="there is no folder"):
        run_search(make_study(dataset="{images: nowhere}"), out=tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("asked", "where", "cards", "expected"),
    [
        (3, "cpu", 0, (3, [])),
        (None, "cuda", 2, (2, ["cuda:0", "cuda:1"])),
        (4, "cuda", 2, (4, ["cuda:0", "cuda:1"])),
        (None, "cuda:1", 2, (1, [])),
        (None, "mps", 0, (1, [])),
    ],
)
def test_workers_are_dealt_out_to_devices(asked, where, cards, expected):
    """A worker per core on processors, one per card on GPUs, unless a number is asked for."""
    assert crew(asked, torch.device(where), cards) == expected
    assert crew(None, torch.device("cpu"), 0)[0] >= 1


def test_signals_are_given_back(make_study, tmp_path):
    """After a search, Ctrl-C means again what it meant before."""
    before = signal.getsignal(signal.SIGINT)
    ended: list = []
    with pytest.raises(SearchError):
        run_search(make_study(budget="{params: 100}"), out=tmp_path / "run", device="cpu", listen=ended.append)
    assert signal.getsignal(signal.SIGINT) is before
    assert not [event for event in ended if isinstance(event, SearchEnded)]
