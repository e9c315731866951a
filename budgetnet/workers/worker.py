"""The life of a worker process: load libraries, with the first job the data, and train whatever comes by the pipe."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import Any

from budgetnet.errors import BudgetnetError
from budgetnet.workers.interruption import ENDING
from budgetnet.workers.messages import Broken, Bug, Done, EpochMeasures, EpochReport, Failed, Job, Setup

__all__ = ["work"]


def work(connection: Connection[Any, Any], setup: Setup, index: int) -> None:
    """Serve jobs until None comes, or the parent is gone."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the parent decides
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # blocked from the start, see `Pool`
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    try:
        from budgetnet.workers.trainer import Bench  # loads torch, which the parent's import of this file need not

        job = connection.recv()
        if job is None:
            return
        bench = Bench(setup)  # not before the first job: until then the data may still be on the way
    except BudgetnetError as error:
        connection.send(Broken(index, error))
        return
    except (EOFError, BrokenPipeError):
        return  # the parent is gone
    except Exception:  # noqa: BLE001 - passed on whole; the parent raises
        connection.send(Bug(index, traceback.format_exc()))
        return

    measures: list[EpochMeasures] = []

    def on_epoch(epoch: int, accuracy: float | None) -> bool:
        connection.send(EpochReport(index, epoch, accuracy, measures.pop()))
        return bool(connection.recv()) if job.ask else True

    try:
        while job is not None:
            assert isinstance(job, Job)
            try:
                answer: Done | Failed | Bug = Done(index, bench.train(job, on_epoch, measures.append))
            except BudgetnetError as error:
                answer = Failed(index, str(error))
            except (EOFError, BrokenPipeError):
                raise
            except Exception:  # noqa: BLE001 - passed on whole; the parent raises
                answer = Bug(index, traceback.format_exc())
            connection.send(answer)
            job = connection.recv()
    except (EOFError, BrokenPipeError):
        return  # the parent is gone


def _leave_with_parent() -> None:
    """End this process when the parent does, even in the middle of an epoch."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
