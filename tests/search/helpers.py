"""A small study on scikit-learn's digits, and workers in threads for tests that need no processes."""

from __future__ import annotations

import random
import threading
from multiprocessing import Pipe
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from budgetnet.errors import BudgetnetError
from budgetnet.files.study import Study
from budgetnet.network.text import network_text
from budgetnet.records.ledger import Ledger
from budgetnet.records.open import open_study
from budgetnet.records.storage import default_url
from budgetnet.workers.messages import Done, EpochMeasures, EpochReport, Failed, Job, Message, Result, Setup

GRAMMAR = """\
network  = stem stage(8|12|16|24){1..2} head
stem     = conv(3, 8|12|16)
stage(c) = block(c){1..2} down?
block(c) = conv(3, c) | sep(c) | skip(conv(3, c))
sep(c)   = dwconv(3|5) conv(1, c)
down     = maxpool(2)
head     = gap linear(classes)
"""

TEXT = """\
study: tiny
dataset: digits
budget: {params: 6k, flops: 500k}
grammar: |
GRAMMAR
search: {trials: 6, workers: 2, seed: 0, sampler: evolution}
training: {epochs: 2, batch: 128, shift: 0, flip: none, precision: float32}
finalists: {top: 2, seeds: 2, epochs: 2}
"""


def study_text(grammar: str = GRAMMAR, **changes: str) -> str:
    """The small study's text; each change replaces (or adds, or with "" removes) the line of a top-level key."""
    lines = dict(line.split(": ", 1) for line in TEXT.splitlines() if ": " in line)
    lines["grammar"] = "|\n" + "\n".join(f"  {line}" for line in grammar.splitlines())
    lines.update(changes)
    return "".join(f"{key}: {value}\n" for key, value in lines.items() if value)


def open_ledger(study: Study, folder: Path, url: str | None = None) -> Ledger:
    """Open (or make) a study's database in a folder, or at an address."""
    recorded, database = open_study(study, url or default_url(folder))
    return Ledger(recorded, database, goal=study.goal, target=study.target, seed=study.search.seed)


def record_images(ledger: Ledger, study: Study) -> dict[str, Any]:
    """Record the identity of a study's images in its database, as a search does, and return it."""
    from budgetnet.records.checks.data import check_data
    from budgetnet.training.data.identity import data_identity
    from budgetnet.training.data.load import load_dataset

    found = data_identity(load_dataset(study.dataset))
    check_data(ledger.study, found, "study.db", trials=0)
    return found.document()


_TRAINING = threading.Lock()  # one training at a time: they share the process's random state


class Threads:
    """Workers that train in threads of the test's process: real trainings, without seconds of starting up.

    A thread that an interrupted search leaves behind ends its epoch before another training begins, so that it
    cannot draw from the random state that the other has seeded.
    """

    def __init__(self, study: Study, count: int = 1) -> None:
        from budgetnet.workers.trainer import Bench  # torch, which other processes of these tests do without

        self._bench = Bench(
            Setup(
                dataset=study.dataset,
                validation=study.validation,
                seed=study.search.seed,
                device="cpu",
                plugins=study.plugins.files,
            )
        )
        self._pipes = [Pipe() for _ in range(count)]
        self._busy: set[int] = set()
        self.jobs: list[Job] = []

    @property
    def idle(self) -> list[int]:
        """The workers without a job."""
        return [index for index in range(len(self._pipes)) if index not in self._busy]

    def start(self) -> None:
        """Nothing is to be started."""

    def submit(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""
        self._busy.add(worker)
        self.jobs.append(job)
        threading.Thread(target=self._train, args=(worker, job), daemon=True).start()

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Answer a worker that waits after an epoch."""
        self._pipes[worker][0].send(go_on)

    def wait(self, timeout: float) -> list[Message]:
        """Return what workers have said."""
        ready = wait([here for here, _ in self._pipes], timeout)
        messages: list[Message] = [here.recv() for here, _ in self._pipes if here in ready]
        self._busy -= {message.worker for message in messages if not isinstance(message, EpochReport)}
        return messages

    def _train(self, worker: int, job: Job) -> None:
        there = self._pipes[worker][1]

        measures: list[EpochMeasures] = []

        def on_epoch(epoch: int, accuracy: float | None) -> bool:
            there.send(EpochReport(worker, epoch, accuracy, measures.pop()))
            if not job.ask:
                return True
            _TRAINING.release()  # nobody may ever answer
            try:
                return bool(there.recv())
            finally:
                _TRAINING.acquire()

        with _TRAINING:
            try:
                message: Message = Done(worker, self._bench.train(job, on_epoch, measures.append))
            except BudgetnetError as error:
                message = Failed(worker, str(error))
        there.send(message)


class Pretend:
    """Workers that train nothing: accuracies follow from the network's text and the job's seed, at once."""

    def __init__(self, study: Study, count: int = 1) -> None:
        self._study = study
        self._waiting: list[tuple[int, Job]] = []
        self._count = count
        self.jobs: list[Job] = []

    @property
    def idle(self) -> list[int]:
        """The workers without a job."""
        busy = {worker for worker, _ in self._waiting}
        return [worker for worker in range(self._count) if worker not in busy]

    def start(self) -> None:
        """Nothing is to be started."""

    def stop(self) -> None:
        """Nothing is to be stopped."""

    def submit(self, worker: int, job: Job) -> None:
        """Give an idle worker a job."""
        self.jobs.append(job)
        self._waiting.append((worker, job))

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Nobody asks."""

    def wait(self, timeout: float) -> list[Message]:  # noqa: ARG002
        """Return the result of the job that was given first."""
        if not self._waiting:
            return []
        worker, job = self._waiting.pop(0)
        return [Done(worker, self._result(job))]

    def _result(self, job: Job) -> Result:
        full = job.recipe == self._study.finalists.training
        worth = 0.5 + 0.2 * random.Random(network_text(job.network)).random() + 0.2 * full
        accuracy = worth + random.Random(job.seed).gauss(0, 0.01)
        known = {"test_accuracy": accuracy} if job.final else {"validation_accuracies": (accuracy,)}
        return Result(epochs=job.recipe.epochs, seconds=0.01, **known)
