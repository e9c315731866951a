"""The trainings of a calibration on a pool's workers: each is recorded when it ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from budgetnet.calibrate.events import CalibrationListener, RolesDecided, RunDone, RunEpoch, RunFailed, RunStarted
from budgetnet.calibrate.record import CalibrationRun, Writer
from budgetnet.calibrate.tasks import CalibrationTask
from budgetnet.errors import SearchError
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.space import Space
from budgetnet.workers.loop import TaskList
from budgetnet.workers.messages import Job, Result

__all__ = ["LIMIT_FAILED_TRAININGS", "CalibrationTrainings"]

LIMIT_FAILED_TRAININGS = 5
"""Trainings in a row without a result after which something other than the networks must be wrong."""


class CalibrationTrainings(TaskList[CalibrationTask]):
    """The trainings of one call, each recorded as soon as it is over."""

    def __init__(
        self,
        todo: Sequence[CalibrationTask],
        *,
        space: Space,
        writer: Writer,
        workers: int,
        listen: CalibrationListener,
        late: Callable[[], bool],
        decided: Callable[[Sequence[CalibrationRun]], frozenset[str]] = lambda _: frozenset(),
    ) -> None:
        """Get ready.

        Args:
            todo: what to train, in this order.
            space: derives the networks again.
            writer: of the record.
            workers: how many trainings run at once.
            listen: receives every event.
            late: whether nothing further may be started.
            decided: tells from the trainings of this call which roles need no further one.
        """
        super().__init__(todo)
        self._space = space
        self._writer = writer
        self._workers = workers
        self._listen = listen
        self._late = late
        self._decided = decided
        self._done: list[CalibrationRun] = []
        self._failures = 0

    def next(self) -> CalibrationTask | None:
        """Return the next training, if it is not too late for one."""
        return None if self._late() else super().next()

    def job(self, task: CalibrationTask) -> Job:
        """Return what a worker is to do: train the network, derived again as it was recorded.

        Raises:
            SearchError: another network results.
        """
        network = self._space.expand(replay(task.network.decisions, unanswered)).network
        if canonical_hash(network) != task.network.hash:
            raise SearchError(
                f"network {task.network.index} of the record cannot be derived again: this version of budgetnet reads "
                "the grammar in another way; choose another folder with --out to start over"
            )
        return Job(network=network, recipe=task.recipe, seed=task.seed)

    def started(self, worker: int, task: CalibrationTask) -> None:
        """Announce a training that has begun."""
        self._listen(RunStarted(worker, task.network, task.recipe.epochs))

    def epoch(self, worker: int, task: CalibrationTask, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        """Announce an epoch."""
        self._listen(RunEpoch(worker, epoch, accuracy))
        return True

    def done(self, worker: int, task: CalibrationTask, result: Result) -> None:
        """Record a training."""
        self._failures = 0
        network = task.network
        run = CalibrationRun.record(
            result,
            seed=task.seed,
            recipe=task.recipe,
            repeat=task.repeat,
            workers=self._workers,
            index=network.index,
            hash=network.hash,
            arch=network.arch,
            network=network.network,
            params=network.params,
            flops=network.flops,
            role=task.role,
            schedule=task.recipe.epochs,
        )
        self._writer.write(run)
        self._listen(RunDone(worker, run))
        self._done.append(run)
        self._leave_out(self._decided(self._done))

    def _leave_out(self, roles: frozenset[str]) -> None:
        """Start no further training of decided roles."""
        out = [task for task in self.waiting if task.role in roles]
        if out:
            self.waiting = [task for task in self.waiting if task.role not in roles]
            names = tuple(dict.fromkeys(task.role for task in out))
            self._listen(RolesDecided(names, sum(task.work for task in out), len(out)))

    def failed(self, worker: int, task: CalibrationTask, reason: str) -> None:
        """Leave a training to the next start.

        Raises:
            SearchError: trainings keep failing.
        """
        self._listen(RunFailed(worker, task.network, task.recipe.epochs, reason))
        self._failures += 1
        if self._failures >= LIMIT_FAILED_TRAININGS:
            raise SearchError(f"{self._failures} trainings in a row gave no result, the last one: {reason}")
