"""Worker processes: jobs, deaths, damage, and an end that leaves nothing behind."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from budgetnet.errors import BudgetnetError, DataError, SearchError
from budgetnet.network.nodes import Conv, GlobalAvgPool, Linear, Sequence
from budgetnet.training.data.sources import ImageFolder
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.workers.interruption import ENDING, obeyed
from budgetnet.workers.messages import Bug, Done, EpochReport, Failed, Job, Lost, Setup
from budgetnet.workers.pool import LIMIT_DEATHS, Pool

NETWORK = Sequence((Conv(3, 8), GlobalAvgPool(), Linear(10)))
RECIPE = Recipe(epochs=2, batch=256, shift=0, flip="none", precision="float32")
SETUP = Setup(dataset="digits", validation=0.1, seed=0, device="cpu")


def until(pool: Pool, kind: type, seconds: float = 240.0) -> list:
    """Collect messages until one of a kind has come."""
    messages: list = []
    end = time.monotonic() + seconds
    while not any(isinstance(message, kind) for message in messages):
        assert time.monotonic() < end, messages
        messages += pool.wait(0.5)
    return messages


def gone(pid: int) -> bool:
    """Whether a process has ended (a child that was waited for, or a stranger)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_jobs_deaths_and_answers():
    """One worker after the other: trains, is told to stop, is killed and replaced, and leaves nothing behind."""
    prepared: list[int] = []
    pool = Pool(SETUP, 1, prepare=lambda: prepared.append(1))
    try:
        assert pool.pids == []
        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
        assert pool.idle == []
        messages = until(pool, Done)
        assert [message.epoch for message in messages if isinstance(message, EpochReport)] == [1, 2]
        result = messages[-1].result
        assert result.validation_accuracies == tuple(message.accuracy for message in messages[:-1])
        assert result.threads == 1
        assert pool.idle == [0]

        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1, ask=True))
        (progress,) = until(pool, EpochReport)
        assert progress.accuracy == result.validation_accuracies[0]
        pool.answer(0, go_on=False)
        (done,) = until(pool, Done)
        assert done.result.stopped
        assert done.result.epochs == 1

        (pid,) = pool.pids
        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1, ask=True))
        until(pool, EpochReport)
        os.kill(pid, signal.SIGKILL)
        (lost,) = until(pool, Lost)
        assert lost == Lost(0, "the worker process was killed (SIGKILL, probably because memory ran out)")
        assert pool.idle == [0]

        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
        until(pool, Done)
        assert pool.pids != [pid]
        assert prepared == [1]
        pids = pool.pids
    finally:
        pool.stop()
    assert all(gone(pid) for pid in pids)


def test_workers_ignore_requests_to_end_and_report_bugs():
    """What reaches the whole group does not end a worker, not even while it starts; errors come back whole."""
    pool = Pool(SETUP, 1)
    try:
        pool.submit(0, Job(network=Sequence((Conv(3, 8), Linear(3))), recipe=RECIPE, seed=1))
        for number in ENDING:
            os.kill(pool.pids[0], number)
        messages = until(pool, Bug)  # three outputs cannot name ten classes
        assert "Traceback" in messages[-1].traceback
        for number in ENDING:
            os.kill(pool.pids[0], number)
        pool.submit(0, Job(network=Sequence((Conv(3, 8), Conv(9, 8, padding=0), Linear(10))), recipe=RECIPE, seed=1))
        (failed,) = until(pool, Failed)
        assert "kernel" in failed.reason
    finally:
        pool.stop()


def test_worker_without_data(tmp_path):
    """A worker that cannot load its data says so, with the error that the parent then raises."""
    folder = ImageFolder(tmp_path / "none")
    pool = Pool(Setup(dataset=folder, validation=0.1, seed=0, device="cpu"), 1)
    try:
        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
        messages: list = []
        while not messages:
            messages = pool.wait(1.0)
        assert isinstance(messages[0].error, DataError)
        assert "there is no folder" in str(messages[0].error)
    finally:
        pool.stop()


def test_preparation_that_fails_leaves_nothing():
    """If the data cannot be had, no worker gets a job to find out again, and none outlives the pool."""

    def fail() -> None:
        raise DataError("no network")

    pool = Pool(SETUP, 2, prepare=fail)
    with pytest.raises(BudgetnetError, match="no network"):
        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
    assert pool.idle == [0, 1]
    pids = pool.pids
    pool.stop()
    assert all(gone(pid) for pid in pids)


def test_workers_start_ahead_of_their_jobs():
    """All start at once; one that dies without a job is no loss, and its next job starts another."""
    pool = Pool(SETUP, 2)
    try:
        pool.start()
        first, second = pool.pids
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not gone(first) and time.monotonic() < deadline:
            assert pool.wait(0.1) == []
        pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
        assert pool.pids[1] == second
        until(pool, Done)
    finally:
        pool.stop()


def test_a_request_to_end_while_a_worker_starts(monkeypatch):
    """It is heard once the pool knows the worker, and can kill it; the exit would wait for a worker that it forgot.

    Here another thread receives it, for the one that starts workers has it blocked.
    """
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)

    class Starting:
        killed = False
        exitcode = None

        def start(self):
            os.kill(os.getpid(), signal.SIGTERM)

        def kill(self):
            self.killed = True

        def join(self, timeout):  # noqa: ARG002
            assert self.killed

        def is_alive(self):
            return False

    process = Starting()
    other.start()
    with obeyed():
        pool = Pool(SETUP, 1)
        monkeypatch.setattr(pool._context, "Process", lambda **_: process)
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes while a worker starts, or right after
            pool.start()
            time.sleep(10)
        pool.stop()
    ended.set()
    other.join()
    assert process.killed


def test_workers_that_keep_dying_end_the_search():
    """A few deaths in a row, without a result in between, are an error that says what to try."""
    pool = Pool(SETUP, 1)
    try:
        for death in range(LIMIT_DEATHS):
            pool.submit(0, Job(network=NETWORK, recipe=RECIPE, seed=1))
            os.kill(pool.pids[0], signal.SIGKILL)
            if death < LIMIT_DEATHS - 1:
                until(pool, Lost)
        with pytest.raises(SearchError, match=rf"{LIMIT_DEATHS} workers died one after the other.*SIGKILL.*__main__"):
            until(pool, Lost)
    finally:
        pool.stop()
