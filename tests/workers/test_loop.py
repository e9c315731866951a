"""The loop over workers: what is handed out, told, answered, left behind and raised. Workers here train nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from budgetnet.errors import DataError
from budgetnet.network.nodes import GlobalAvgPool
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.workers.loop import TRIES, JobLoop, TaskList
from budgetnet.workers.messages import Broken, Bug, Done, EpochReport, Failed, Job, Lost, Message, Result


class _Scripted:
    """Workers whose messages are written down: one list for each job, in the order of the jobs."""

    def __init__(self, *scripts: list[Callable[[int], Message]], count: int = 1) -> None:
        self.scripts = list(scripts)
        self.pending: dict[int, list[Callable[[int], Message]]] = {}
        self.count = count
        self.jobs: list[Job] = []
        self.answers: list[bool] = []

    @property
    def idle(self) -> list[int]:
        return [worker for worker in range(self.count) if worker not in self.pending]

    def start(self) -> None:
        pass

    def submit(self, worker: int, job: Job) -> None:
        self.jobs.append(job)
        self.pending[worker] = self.scripts.pop(0)

    def answer(self, worker: int, *, go_on: bool) -> None:
        self.answers.append(go_on)
        if not go_on:
            self.pending[worker] = self.pending[worker][-1:]

    def wait(self, timeout: float) -> list[Message]:  # noqa: ARG002
        said = []
        for worker, script in list(self.pending.items()):
            make = script.pop(0)
            said.append(make(worker))
            if not script:
                del self.pending[worker]
        return said


def epoch(number: int):
    """A message about an epoch."""
    return lambda worker: EpochReport(worker, number, number / 10)


def done(worker: int) -> Done:
    """A message about a result."""
    return Done(worker, Result(epochs=worker))


def killed(worker: int) -> Lost:
    """A message about a dead worker."""
    return Lost(worker, "killed")


class _Diary(TaskList[str]):
    """Tasks named by letters, and what was told of them."""

    def __init__(self, tasks: str, *, ask: bool = False, stop_after: int = 99) -> None:
        super().__init__(tasks)
        self.ask = ask
        self.stop_after = stop_after
        self.told: list[tuple] = []
        self.rounds: list[dict[int, str]] = []

    def job(self, task: str) -> Job:
        return Job(network=GlobalAvgPool(), recipe=Recipe(), seed=ord(task), ask=self.ask)

    def started(self, worker: int, task: str) -> None:
        self.told.append(("started", worker, task))

    def epoch(self, worker: int, task: str, epoch: int, accuracy: float | None) -> bool:
        self.told.append(("epoch", worker, task, epoch, accuracy))
        return epoch < self.stop_after

    def done(self, worker: int, task: str, result: Result) -> None:
        self.told.append(("done", worker, task, result.epochs))

    def failed(self, worker: int, task: str, reason: str) -> None:
        self.told.append(("failed", worker, task, reason))

    def lost(self, worker: int, task: str, reason: str, tries: int) -> None:
        self.told.append(("lost", worker, task, reason, tries))

    def crashed(self, worker: int, task: str, error: str) -> None:
        self.told.append(("crashed", worker, task, error))

    def look_around(self, running) -> None:
        self.rounds.append(dict(running))


def test_tasks_are_started_in_their_order_on_whoever_is_idle():
    """Two workers, three tasks: the third goes to the worker that ends first."""
    work, pool = _Diary("abc"), _Scripted([epoch(1), done], [done], [done], count=2)
    loop = JobLoop(pool, work)
    loop.run()
    assert work.told == [
        ("started", 0, "a"), ("started", 1, "b"), ("epoch", 0, "a", 1, 0.1), ("done", 1, "b", 1), ("started", 1, "c"),
        ("done", 0, "a", 0), ("done", 1, "c", 1),
    ]  # fmt: skip
    assert [chr(job.seed) for job in pool.jobs] == ["a", "b", "c"]
    assert work.rounds == [{0: "a"}, {}]
    assert loop.running == {}
    assert pool.answers == []  # nobody asked


def test_jobs_that_ask_are_answered_and_end_when_told():
    """The answer to "go on?" is what the work says."""
    work, pool = _Diary("a", ask=True, stop_after=2), _Scripted([epoch(1), epoch(2), epoch(3), done])
    JobLoop(pool, work).run()
    assert pool.answers == [True, False]
    assert [entry[0] for entry in work.told] == ["started", "epoch", "epoch", "done"]


def test_a_task_without_a_result_is_told_and_the_next_one_starts():
    """A failure is one task's affair."""
    work, pool = _Diary("ab"), _Scripted([lambda worker: Failed(worker, "too little memory")], [done])
    JobLoop(pool, work).run()
    assert work.told == [
        ("started", 0, "a"), ("failed", 0, "a", "too little memory"), ("started", 0, "b"), ("done", 0, "b", 0),
    ]  # fmt: skip


def test_a_task_whose_worker_dies_is_tried_again_before_any_other():
    """Each death is told; a worker that lives longer gives the result, and the count begins anew with each task."""
    work, pool = _Diary("ab"), _Scripted([epoch(1), killed], [killed], [done], [killed], [done])
    loop = JobLoop(pool, work)
    loop.run()
    assert work.told == [
        ("started", 0, "a"), ("epoch", 0, "a", 1, 0.1), ("lost", 0, "a", "killed", 1), ("lost", 0, "a", "killed", 2),
        ("done", 0, "a", 0), ("started", 0, "b"), ("lost", 0, "b", "killed", 1), ("done", 0, "b", 0),
    ]  # fmt: skip
    assert loop.cut_off == []


def test_a_task_that_kills_every_worker_fails():
    """After a stated number of tries; the next task starts."""
    work, pool = _Diary("ab"), _Scripted(*([killed] for _ in range(TRIES)), [done])
    JobLoop(pool, work).run()
    assert [entry[0] for entry in work.told] == ["started", *["lost"] * (TRIES - 1), "failed", "started", "done"]
    assert work.told[TRIES] == ("failed", 0, "a", f"killed, {TRIES} times")


def test_a_task_in_line_again_is_among_what_was_cut_off():
    """A clean end between a death and the next try loses nothing."""
    work, pool = _Diary("ab"), _Scripted([killed])
    loop = JobLoop(pool, work, interrupted=lambda: bool(work.rounds))
    loop.run()
    assert (loop.running, loop.cut_off, work.waiting) == ({}, ["a"], ["b"])


def test_running_tasks_may_end_within_the_grace():
    """After an interruption nothing is started, but what ends soon enough is taken."""
    work, pool = _Diary("abc"), _Scripted([epoch(1), epoch(2), done], [epoch(1)] * 99, count=2)
    loop = JobLoop(pool, work, interrupted=lambda: bool(work.rounds), grace=0.05)
    pool.wait = lambda timeout, wait=pool.wait: (time.sleep(0.01), wait(timeout))[1]
    loop.run()
    assert ("done", 0, "a", 0) in work.told
    assert loop.cut_off == ["b"]
    assert work.waiting == ["c"]


def test_an_error_of_the_program_is_told_and_raised():
    """With the traceback of the worker."""
    traceback = "Traceback …\nZeroDivisionError: by zero\n"
    work, pool = _Diary("ab"), _Scripted([lambda worker: Bug(worker, traceback)])
    with pytest.raises(RuntimeError, match=r"(?s)a worker met an error of the program:.*ZeroDivisionError: by zero"):
        JobLoop(pool, work).run()
    assert work.told == [("started", 0, "a"), ("crashed", 0, "a", "ZeroDivisionError: by zero")]


def test_a_worker_that_cannot_work_at_all_ends_the_loop():
    """Its error is raised as it is; the task counts as cut off."""
    work, pool = _Diary("ab"), _Scripted([lambda worker: Broken(worker, DataError("no such folder"))])
    loop = JobLoop(pool, work)
    with pytest.raises(DataError, match="no such folder"):
        loop.run()
    assert loop.running == {0: "a"}
    assert work.waiting == ["b"]


def test_an_interruption_leaves_what_runs_behind():
    """Nothing further is handed out, and what was cut off is known."""
    work, pool = _Diary("abc"), _Scripted([epoch(1), done], [epoch(1), done], count=2)
    loop = JobLoop(pool, work, interrupted=lambda: bool(work.rounds))
    loop.run()
    assert loop.running == {0: "a", 1: "b"}
    assert work.waiting == ["c"]


def test_work_may_expect_more_although_nothing_runs():
    """A search may find nothing to start now and something later."""

    class _Late(_Diary):
        def expects_more(self) -> bool:
            return len(self.rounds) < 3

        def next(self) -> str | None:
            return super().next() if len(self.rounds) == 2 else None

    work, pool = _Late("a"), _Scripted([done])
    JobLoop(pool, work).run()
    assert work.told == [("started", 0, "a"), ("done", 0, "a", 0)]
    assert len(work.rounds) == 3
