"""Full trainings of a study's networks: what a worker has to do, and how its result is recorded.

One on the train split is judged by validation images and may choose; a final one is on train and validation images
together and reads the test images once, in the end. Each is one attribute of the study in the database, written as soon
as it is over, so an interrupted round continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from optuna.storages import BaseStorage
from sqlalchemy.exc import SQLAlchemyError

from budgetnet.files.study import Study
from budgetnet.records.finals.choice import CHOICE, Winner, choice_document, settled_trials
from budgetnet.records.finals.finalist import (
    Finalist,
    final_run_attribute,
    final_run_document,
    finalists_of,
    full_run_attribute,
)
from budgetnet.records.ledger import trial_seed
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.sharing.weights import leave_weights
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.search.events import FullTrainingStarted
from budgetnet.space.choosers import replay, unanswered
from budgetnet.space.space import Space
from budgetnet.training.recipe.reading import same_recipe
from budgetnet.workers.environment import environment
from budgetnet.workers.messages import Job, Result

__all__ = ["FullRuns", "FullTask"]


@dataclass(frozen=True, slots=True)
class FullTask:
    """One full training."""

    record: Record
    """The trial that proposed the network."""
    repeat: int
    """Number among the network's trainings of its kind, from 0."""
    final: bool = False
    """True to train on all train images and read the test images in the end."""
    after: int | None = None
    """See `budgetnet.records.training_run.TrainingRun`."""
    why: str = ""
    """Reason for it, for people."""


@dataclass(frozen=True, slots=True)
class FullRuns:
    """Everything that the full trainings of one study have in common."""

    study: Study
    space: Space
    storage: BaseStorage
    folder: Path
    """The run folder."""
    workers: int
    """Trainings that run at once."""
    claims: Claims | None = None
    """Settles which of several processes does a training; None if there is one process."""
    travel: bool = False
    """True to leave the weights of final trainings in the database, for processes with another run folder."""
    _study_id: list[int] = field(default_factory=list)
    """The database's key of the study, once it is known: it stays, whatever generation takes the study's name."""
    _tried: set[tuple[bool, int, int]] = field(default_factory=set)
    """Trainings of this process. One without a result that an earlier process left is tried again."""

    @property
    def _id(self) -> int:
        if not self._study_id:
            self._study_id.append(self.storage.get_study_id_from_name(self.study.name))
        return self._study_id[0]

    def read(self) -> list[Finalist]:
        """Return what counts: trainings by the present recipe that were completed, or failed in this process."""
        found = [
            Finalist(
                trial=one.trial,
                runs=tuple(run for run in one.runs if self._counts(run, one.trial, final=True)),
                full=tuple(run for run in one.full if self._counts(run, one.trial, final=False)),
            )
            for one in finalists_of(self.storage.get_study_user_attrs(self._id))
        ]
        return [one for one in found if one.runs or one.full]

    def _counts(self, run: TrainingRun, trial: int, *, final: bool) -> bool:
        by_this_recipe = same_recipe(run.recipe, self.study.finalists.training)
        return by_this_recipe and (run.failed is None or (final, trial, run.repeat) in self._tried)

    def job(self, task: FullTask) -> Job:
        """Return what a worker has to do."""
        network = self.space.expand(replay(task.record.decisions, unanswered)).network
        kind = "run" if task.final else "full training"
        return Job(
            network=network,
            recipe=self.study.finalists.training,
            seed=self.seed(task),
            final=task.final,
            weights=self.folder / self.file(task) if task.final else None,
            label=f"{self.study.name}, trial {task.record.number}, {kind} {task.repeat}",
            checkpoint=self.checkpoint(task),
            checkpoint_seconds=60 * self.study.finalists.checkpoint,
        )

    def started(self, task: FullTask) -> FullTrainingStarted:
        """Return what a listener is told when a training begins."""
        record, epochs = task.record, self.study.finalists.training.epochs
        return FullTrainingStarted(
            record.number, task.repeat, record.arch, record.params or 0, epochs, task.final, task.why
        )

    def seed(self, task: FullTask) -> int:
        """Return the seed of a training."""
        kind = "finalist" if task.final else "full"
        return trial_seed(self.study.search.seed, kind, task.record.number, task.repeat)

    @staticmethod
    def file(task: FullTask) -> str:
        """Return where the weights of a final training go, relative to the run folder."""
        return f"finalists/trial-{task.record.number}-run-{task.repeat}.safetensors"

    def checkpoint(self, task: FullTask) -> Path:
        """Return where a training's checkpoints go."""
        kind = "run" if task.final else "full"
        return self.folder / "finalists" / f"trial-{task.record.number}-{kind}-{task.repeat}.checkpoint"

    def claim(self, task: FullTask) -> bool:
        """Claim a training for this process; return False if another one does it or has done it."""
        if self.claims is None:
            return True
        if not self.claims.take(_claim(task)):
            return False
        if self.recorded(task):
            self.claims.release(_claim(task))
            return False
        return True

    def recorded(self, task: FullTask) -> bool:
        """Tell whether a training counts as done, perhaps by another process since this one last looked."""
        found = next((one for one in self.read() if one.trial == task.record.number), None)
        runs = () if found is None else found.runs if task.final else found.full
        return any(run.repeat == task.repeat for run in runs)

    def elsewhere(self) -> list[tuple[int, int]]:
        """Return trial and number of the trainings on the train split that other processes do."""
        parts = [] if self.claims is None else [what.split(":") for what in self.claims.others("full:")]
        return [(int(trial), int(repeat)) for _, trial, repeat in parts]

    def beat(self) -> None:
        """Say that this process lives."""
        if self.claims is not None:
            self.claims.beat()

    def store(self, task: FullTask, result: Result | None, failed: str | None = None) -> TrainingRun:
        """Record a training under its trial and number."""
        found = TrainingRun.record(
            result,
            seed=self.seed(task),
            recipe=self.study.finalists.training,
            failed=failed,
            weights=self.file(task) if task.final else None,
            environment=None if result else environment(),
            repeat=task.repeat,
            workers=self.workers,
            trained_on="train and validation" if task.final else "train",
            judged_by="test" if task.final else "validation",
            after=task.after,
        )
        self._tried.add((task.final, task.record.number, task.repeat))
        if self.travel and found.weights is not None:
            with suppress(SQLAlchemyError):  # a server that takes no texts of this size costs no training
                leave_weights(self.storage, self._id, self.folder, found.weights)
        name = (final_run_attribute if task.final else full_run_attribute)(task.record.number, task.repeat)
        self.storage.set_study_user_attr(self._id, name, final_run_document(task.record.number, found))
        if result is not None:
            self.checkpoint(task).unlink(missing_ok=True)
        if self.claims is not None:
            self.claims.release(_claim(task))
        return found

    @property
    def settled(self) -> int:
        """Number of trials that the recorded choice was made from; 0 before there is one."""
        return settled_trials(self.storage.get_study_user_attrs(self._id))

    def write_choice(self, winners: Sequence[Winner], trials: int) -> None:
        """Record which networks were chosen, and from how many trials."""
        self.storage.set_study_user_attr(self._id, CHOICE, choice_document(winners, trials))


def _claim(task: FullTask) -> str:
    return f"{'finalist' if task.final else 'full'}:{task.record.number}:{task.repeat}"
