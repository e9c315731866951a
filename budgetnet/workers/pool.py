"""A pool of worker processes that each train one network at a time.

Workers know neither Optuna nor the database: they get a job through a pipe and send epochs and results back. So one
process alone writes, a worker that is killed harms its own job only, and the answer to "go on?" after an epoch is
given where all trials are known.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from multiprocessing.util import Finalize
from typing import Any

from budgetnet.errors import SearchError
from budgetnet.workers.interruption import ENDING
from budgetnet.workers.messages import Done, EpochReport, Job, Lost, Message, Setup
from budgetnet.workers.worker import work

__all__ = ["LIMIT_DEATHS", "Pool"]

LIMIT_DEATHS = 7
"""Workers that may die one after the other, without a result in between, before the search gives up: two jobs that kill
each of their workers (`budgetnet.workers.loop.TRIES`) are the jobs' fault, a third one is the machine's."""


class Pool:
    """Starts workers, hands out jobs, passes messages on, replaces workers that die."""

    def __init__(
        self,
        setup: Setup,
        count: int,
        *,
        devices: Sequence[str] = (),
        prepare: Callable[[], object] = lambda: None,
    ) -> None:
        """Get ready; workers start with the first job, or ahead of it by `start`.

        Args:
            setup: what each worker needs.
            count: how many workers, >= 1.
            devices: dealt out to the workers in turn; `Setup.device` for all if empty.
            prepare: called once before the first job is handed out (to download what all workers need).
        """
        self._context = multiprocessing.get_context("spawn")
        self._setups = [replace(setup, device=devices[i % len(devices)]) if devices else setup for i in range(count)]
        self._prepare: Callable[[], object] | None = prepare
        self._connections: dict[int, Connection[Any, Any]] = {}
        self._processes: dict[int, SpawnProcess] = {}
        self._busy: dict[int, Job] = {}
        self._fresh: set[int] = set()  # workers that had no job yet
        self._deaths = 0
        # An end without `stop` must not wait for workers: they ignore the SIGTERM that multiprocessing ends them with.
        Finalize(self, _kill, args=(self._processes,), exitpriority=10)

    def start(self) -> None:
        """Start the workers that do not run; they load their libraries while this process goes on."""
        for index in range(len(self._setups)):
            if index not in self._connections:
                self._start(index)

    def _start(self, index: int) -> None:
        here, there = self._context.Pipe()
        process = self._context.Process(
            target=work, args=(there, self._setups[index], index), name=f"budgetnet-worker-{index}", daemon=True
        )
        with _threads_in_environment(self._setups[index].threads), _deaf():
            process.start()
            # Before a request to end is heard again: a worker that is not known would be waited for at the exit.
            self._processes[index] = process
            self._connections[index] = here
            self._fresh.add(index)
        there.close()  # the worker holds the only other end, so its death ends the pipe

    @property
    def idle(self) -> list[int]:
        """The workers without a job."""
        return [index for index in range(len(self._setups)) if index not in self._busy]

    @property
    def pids(self) -> list[int]:
        """The process numbers of the workers that have been started."""
        return [process.pid or 0 for process in self._processes.values()]

    def submit(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""
        assert worker not in self._busy
        if not self._processes:
            self.start()
        if self._prepare is not None:
            self._prepare()
            self._prepare = None
        if worker not in self._connections:
            self._start(worker)
        self._busy[worker] = job
        self._fresh.discard(worker)
        self._send(worker, job)

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Answer a worker that waits after an epoch."""
        self._send(worker, go_on)

    def wait(self, timeout: float) -> list[Message]:
        """Return what workers have said, waiting at most *timeout* seconds for something.

        Raises:
            SearchError: workers die one after the other.
        """
        if not self._connections:
            time.sleep(timeout)
            return []
        ready = wait(list(self._connections.values()), timeout)
        messages: list[Message] = []
        for index, connection in list(self._connections.items()):
            if connection not in ready:
                continue
            try:
                message: Message = connection.recv()
            except (EOFError, OSError):
                message = Lost(index, self._bury(index))
                if index not in self._busy:
                    continue  # it takes no job with it; the next one starts a new worker
            if not isinstance(message, EpochReport):
                self._busy.pop(index, None)
            if isinstance(message, Done):
                self._deaths = 0
            messages.append(message)
        return messages

    def _send(self, worker: int, what: object) -> None:
        try:
            self._connections[worker].send(what)
        except OSError:
            return  # it has died; `wait` meets the end of the pipe and says so

    def _bury(self, index: int) -> str:
        """Clear a dead worker away, so that its next job starts a new one; return how it died."""
        process = self._processes[index]
        process.join(timeout=10)
        reason = _death(process.exitcode)
        self._connections.pop(index).close()
        self._deaths += 1
        if self._deaths >= LIMIT_DEATHS + len(self._setups) - 1:
            raise SearchError(
                f"{self._deaths} workers died one after the other; the last: {reason}; use fewer workers or a "
                "smaller batch; a script of your own must call budgetnet under if __name__ == '__main__':"
            )
        return reason

    def stop(self, *, patience: float = 5.0) -> None:
        """End all workers: idle ones are asked; others, at work or starting, are killed: they have nothing to keep."""
        for index, process in self._processes.items():
            if index in self._busy or index in self._fresh or index not in self._connections:
                process.kill()
            else:
                self._send(index, None)
        for process in self._processes.values():
            process.join(timeout=patience)
            if process.is_alive():
                process.kill()
                process.join()
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()
        self._processes.clear()
        self._busy.clear()


@contextmanager
def _threads_in_environment(threads: int) -> Iterator[None]:
    """Let a child inherit the number of threads before any library in it reads the environment."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _deaf() -> Iterator[None]:
    """Let a child inherit that requests to end are blocked, so that it ignores them from its first moment on.

    This process receives one that arrives in the meantime afterwards: a mask belongs to a thread, and Python's handlers
    run even if another thread received the signal, so they are held back, too.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # its start would unblock what is blocked here
    held = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    noted: list[int] = []
    handlers: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        caught = (number for number in ENDING if callable(signal.getsignal(number)))
        handlers = {number: signal.signal(number, lambda number, _: noted.append(number)) for number in caught}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
        for given in noted:
            os.kill(os.getpid(), given)


def _kill(processes: Mapping[int, SpawnProcess]) -> None:
    for process in processes.values():
        process.kill()


def _death(code: int | None) -> str:
    """Say what an exit code means."""
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ", probably because memory ran out" if name == "SIGKILL" else ""
        return f"the worker process was killed ({name}{hint})"
    return f"the worker process ended by itself (exit code {code})"
