"""Training one network in full, several seeds, as a search trains its finalists."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from budgetnet.errors import RequestError, TrainingError
from budgetnet.files.study import SearchOptions
from budgetnet.network.cost.closed_form import cost
from budgetnet.network.text import network_text
from budgetnet.records.checks.data import require_same_data
from budgetnet.records.training_folder import Training, prepare_folder, read_training, write_training
from budgetnet.records.training_run import TrainedOn, TrainingRun
from budgetnet.search.training_plan import TrainingPlan
from budgetnet.text import counted, duration, percent, shape_text
from budgetnet.training.data.facts import data_facts
from budgetnet.training.data.identity import DataIdentity, data_identity
from budgetnet.training.data.load import load_dataset
from budgetnet.training.data.sources import ImageSource, describe_source
from budgetnet.training.device import choose_device
from budgetnet.training.recipe.reading import same_recipe
from budgetnet.workers.environment import environment
from budgetnet.workers.interruption import Interruption
from budgetnet.workers.loop import TRIES, JobLoop, TaskList
from budgetnet.workers.messages import EpochMeasures, Job, Result, Setup
from budgetnet.workers.pool import Pool

__all__ = ["train_network"]


def train_network(
    planned: TrainingPlan,
    *,
    first_seed: int = 0,
    device: str = "auto",
    threads: int | None = None,
    say: Callable[[str], object],
) -> Training:
    """Train a network once per seed, on all train images unless the plan holds some out, and read the test images once.

    What the plan's folder holds already of the same network, recipe and data set is kept and not trained again. The
    result is written after every run, so an interrupted training continues where it stopped. Runs are trained in
    parallel, as many as there are cores; on a GPU one after the other. A run whose worker dies is tried again.

    Args:
        planned: what to do.
        first_seed: seed of initial weights, order, augmentation and dropout of the first run; later runs add 1.
        device: see `budgetnet.training.device.choose_device`.
        threads: of each run, >= 1; if None, the seeds share this machine's cores evenly, as if none had been done
            before.
        say: receives progress, a line at a time.

    Raises:
        RequestError: the network does not suit the images, the folder holds something else or cannot be written to,
            or no such device.
        DataError: the data set is missing or damaged.
        StudyError: the folder holds runs on other images.
        TrainingError: every run failed.
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP came; what is finished is kept.
    """
    where = choose_device(device)
    _check_fit(planned)
    before = _before(planned)
    done = {run.seed for run in before.runs}
    todo = [seed for seed in range(first_seed, first_seed + planned.seeds) if seed not in done]
    if done:
        say(f"{planned.out} holds {len(done)} of these runs already; {len(todo)} are left to do")
    if not todo:
        return before
    prepare_folder(planned.out)
    identity = _open_images(planned, before, say)
    before = replace(before, data=identity.document())
    cores = SearchOptions().worker_count()
    # By the number of seeds, not of those left: the number of threads is part of what a seed's result follows from.
    count = 1 if where.type == "cuda" else max(1, min(planned.seeds, cores // (threads or 1)))
    setup = Setup(
        dataset=planned.dataset,
        validation=planned.validation,  # a worker always makes the split
        seed=planned.split_seed,
        device=device,
        threads=threads or max(1, cores // count),
        digests=identity.digests,
        plugins=planned.architecture.plugins.files,
    )
    pool = Pool(setup, count)
    work = _Seeds(planned, before, todo, say)
    loop = JobLoop(pool, work)
    with Interruption() as asked:
        loop.interrupted = lambda: asked.given
        try:
            loop.run()
        finally:
            pool.stop()
    if loop.cut_off or work.waiting:
        left = counted(len(loop.cut_off) + len(work.waiting), "run")
        say(f"interrupted with {left} to do; the same command goes on")
        raise KeyboardInterrupt
    training = work.training
    if not training.score.n:
        reasons = "; ".join(sorted({run.failed for run in training.runs if run.failed}))
        raise TrainingError(f"no run of {training.name} gave a result: {reasons}")
    return training


def _open_images(planned: TrainingPlan, before: Training, say: Callable[[str], object]) -> DataIdentity:
    """Pack the images if they are not, tell of them, and compare them with those of earlier runs.

    Raises:
        DataError: they are missing or damaged.
        StudyError: they are not those of the earlier runs.
    """
    dataset = load_dataset(planned.dataset)
    for line in data_facts(dataset).lines:
        say(line)
    found = data_identity(dataset)
    if before.data is not None:
        require_same_data(before.data, found, str(planned.out), "choose another folder with --out")
    elif before.runs:
        say(f"the images of the runs in {planned.out} were not recorded by the version that made them")
    return found


class _Seeds(TaskList[int]):
    """The trainings of one call, known by their seeds; the folder's file is written after each of them."""

    def __init__(
        self, planned: TrainingPlan, before: Training, todo: Iterable[int], say: Callable[[str], object]
    ) -> None:
        super().__init__(todo)
        self.training = before
        self._begin = 0.0
        self._epochs = 0
        self._planned_epochs = planned.recipe.epochs * len(self.waiting)
        self._planned = planned
        self._say = say

    def job(self, task: int) -> Job:
        return Job(
            network=self._planned.architecture.network,
            recipe=self._planned.recipe,
            seed=task,
            final=True,
            weights=self._planned.out / _weights(task),
            label=f"{self._planned.architecture.name}, seed {task}",
            checkpoint=_checkpoint(self._planned.out, task),
            checkpoint_seconds=60 * self._planned.checkpoint,
            held_out=self._planned.held_out,
            test_curve=self._planned.test_curve,
        )

    def started(self, worker: int, task: int) -> None:  # noqa: ARG002
        self._begin = self._begin or time.monotonic()

    def measured(self, worker: int, task: int, epoch: int, measures: EpochMeasures) -> None:  # noqa: ARG002
        self._epochs += 1
        parts = [f"train loss {measures.train_loss:.4f}, accuracy {percent(measures.train_accuracy)} %"]
        if measures.validation_accuracy is not None:
            loss = "" if measures.validation_loss is None else f"loss {measures.validation_loss:.4f}, "
            parts.append(f"held out {loss}accuracy {percent(measures.validation_accuracy)} %")
        if measures.test_accuracy is not None:
            loss = "" if measures.test_loss is None else f"loss {measures.test_loss:.4f}, "
            parts.append(f"test {loss}accuracy {percent(measures.test_accuracy)} % (nothing is chosen by it)")
        left = (time.monotonic() - self._begin) / self._epochs * max(0, self._planned_epochs - self._epochs)
        parts += [f"about {duration(left)} left"] if left else []
        self._say(f"seed {task}: epoch {epoch} of {self._planned.recipe.epochs}: {'; '.join(parts)}")

    def lost(self, worker: int, task: int, reason: str, tries: int) -> None:  # noqa: ARG002
        self._say(f"seed {task}: {reason}; tried again ({tries + 1} of {TRIES})")

    def done(self, worker: int, task: int, result: Result) -> None:  # noqa: ARG002
        run = self._keep(task, result, None)
        note = f" (training was given up: {run.diverged})" if run.diverged else ""
        self._say(
            f"seed {task}: {percent(run.test_accuracy)} % on {run.test_images or 0:,} test images, "
            f"{duration(run.seconds)}{note}"
        )

    def failed(self, worker: int, task: int, reason: str) -> None:  # noqa: ARG002
        self._keep(task, None, reason)
        self._say(f"seed {task}: failed, {reason}")

    def _keep(self, seed: int, result: Result | None, failed: str | None) -> TrainingRun:
        run = TrainingRun.record(
            result,
            seed=seed,
            recipe=self._planned.recipe,
            failed=failed,
            weights=_weights(seed),
            environment=None if result else environment(),
            trained_on=_images_of(self._planned),
            judged_by="test",
        )
        runs = sorted((*self.training.runs, run), key=lambda entry: entry.seed)
        self.training = replace(self.training, runs=tuple(runs))
        finished = replace(self.training, runs=tuple(entry for entry in runs if entry.failed is None))
        if finished.runs:
            write_training(self._planned.out, finished)  # without failed runs, so that they are tried again
        if result is not None:
            _checkpoint(self._planned.out, seed).unlink(missing_ok=True)
        return run


def _images_of(planned: TrainingPlan) -> TrainedOn:
    return "train" if planned.held_out else "train and validation"


def _checkpoint(folder: Path, seed: int) -> Path:
    return folder / f"seed-{seed}.checkpoint"


def _weights(seed: int) -> str:
    return f"seed-{seed}.safetensors"


def _check_fit(planned: TrainingPlan) -> None:
    """The network's own input and classes must be the data set's.

    Raises:
        RequestError: they are not.
    """
    images = describe_source(planned.dataset)
    architecture = planned.architecture
    if (architecture.input_shape, architecture.classes) != (images.shape, len(images.classes)):
        raise RequestError(
            f"{architecture.name} takes images of {shape_text(architecture.input_shape)} and has "
            f"{architecture.classes} classes, but {_name(planned.dataset)} has images of "
            f"{shape_text(images.shape)} and {len(images.classes)} classes; name another data set, or change the "
            "network's header"
        )


def _before(planned: TrainingPlan) -> Training:
    """Read what the folder holds of the same work; else return an empty training.

    Raises:
        RequestError: it holds other work.
    """
    architecture = planned.architecture
    counted = cost(architecture.network, architecture.input_shape, custom=architecture.plugins.forms)
    empty = Training(
        name=architecture.name,
        network=network_text(architecture.network),
        params=counted.params,
        flops=counted.flops,
        dataset=_name(planned.dataset),
        runs=(),
    )
    there = read_training(planned.out)
    if there is None:
        return empty
    same = replace(there, runs=(), name=empty.name, data=None) == empty
    alike = all(same_recipe(run.recipe, planned.recipe) for run in there.runs)
    if not same or not alike or any(run.trained_on != _images_of(planned) for run in there.runs):
        what = "another network or data set" if not same else "another recipe" if not alike else "other train images"
        raise RequestError(f"{planned.out} holds a training with {what}; choose another folder with --out")
    return replace(there, name=architecture.name)


def _name(dataset: ImageSource) -> str:
    return dataset if isinstance(dataset, str) else str(dataset.path)
