"""One job in a worker: build, train, and for finalists read the test images once. Does not know Optuna."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from budgetnet.errors import DataError, TrainingError
from budgetnet.files.plugins.plugins import load_plugins
from budgetnet.network.text import network_text
from budgetnet.network.torch.build import build_nodes
from budgetnet.training.checkpoint import Checkpoint
from budgetnet.training.data.identity import data_identity
from budgetnet.training.data.images import Images
from budgetnet.training.data.load import load_dataset, names_of_test_images
from budgetnet.training.data.split import split_validation
from budgetnet.training.determinism import one_result_per_seed
from budgetnet.training.device import choose_device, choose_precision
from budgetnet.training.evaluate import Evaluation, evaluate
from budgetnet.training.fit import Epoch, fit
from budgetnet.training.mistake_images import strip_place, write_strip
from budgetnet.training.permissions import by_umask
from budgetnet.training.test_report import Reading
from budgetnet.workers.environment import environment
from budgetnet.workers.messages import EpochMeasures, Job, Result, Setup

__all__ = ["MISTAKES", "Bench"]

MISTAKES = 25
"""Most confident mistakes on test images that are kept of a final training."""


class Bench:
    """The data of one worker, loaded once and kept on its device."""

    def __init__(self, setup: Setup) -> None:
        """Load and split the data set.

        Raises:
            DataError: the data set is missing or damaged, or not the one that was there at the start.
            RequestError: no such device, or a plug-in that does not run here.
        """
        if setup.deterministic:
            one_result_per_seed()
        torch.set_num_threads(setup.threads)
        self._source = setup.dataset
        self._device = setup.device
        self._dataset = load_dataset(setup.dataset)
        if setup.digests not in (None, data_identity(self._dataset).digests):
            raise DataError(
                f"the images must stay as they are while networks are trained, but those of {self._dataset.name} have "
                "changed since the start; start again to see what changed"
            )
        train, validation = split_validation(self._dataset.train, fraction=setup.validation, seed=setup.seed)
        where = choose_device(setup.device)
        self._train, self._validation = train.to(where), validation.to(where)
        self._environment = environment(where)
        self._plugins = load_plugins(setup.plugins)

    def train(
        self,
        job: Job,
        on_epoch: Callable[[int, float | None], bool],
        measured: Callable[[EpochMeasures], object] | None = None,
    ) -> Result:
        """Do a job.

        Args:
            job: what to train, and how.
            on_epoch: called with the epoch, counted from 1, and the validation accuracy (None without such images);
                False ends the training.
            measured: called before it with everything that was measured in the epoch.

        Raises:
            TrainingError: out of memory, or one of the study's own primitives failed.
        """
        model = self._built(job)

        def report(epoch: Epoch) -> bool:
            if measured is not None:
                measured(_measures(epoch))
            return on_epoch(epoch.number, epoch.validation_accuracy)

        on_all = job.final and not job.held_out
        train, validation = (self._dataset.train, None) if on_all else (self._train, self._validation)
        tested = None
        # Whatever can fail about the test images fails before the training, and is not their reading.
        test = self._dataset.test() if job.final else None
        files = self._files if job.final else None
        with self._plugins.blamed():
            curve = fit(
                model,
                train,
                validation,
                job.recipe,
                seed=job.seed,
                device=self._device,
                on_epoch=report,
                checkpoint=self._checkpoint(job, train),
                watched=self._dataset.test() if job.test_curve else None,
            )
            if job.weights is not None:  # before the test images are read: a full disk must not cost their reading
                save_weights(model, job.weights, label=job.label, network=network_text(job.network))
            if test is not None:
                # The one reading of the test images, by a network that nothing will change any more.
                # Averaging over mirror images is meaningful for networks that were trained on them.
                mirrored = job.recipe.flip != "none"
                tested = evaluate(model, test, device=self._device, flip=mirrored, mistakes=MISTAKES)
                if job.weights is not None and tested.mistakes:
                    _save_mistakes(tested, test, job.weights)
        accuracies = [epoch.validation_accuracy for epoch in curve.epochs]
        validated = [epoch.validation_loss for epoch in curve.epochs]
        watched = [(epoch.watched_loss, epoch.watched_accuracy) for epoch in curve.epochs]
        return Result(
            validation_accuracies=tuple(accuracy for accuracy in accuracies if accuracy is not None),
            train_losses=tuple(epoch.train_loss for epoch in curve.epochs),
            train_accuracies=tuple(epoch.train_accuracy for epoch in curve.epochs),
            validation_losses=tuple(loss for loss in validated if loss is not None),
            epochs=len(curve.epochs),
            stopped=curve.stopped,
            diverged=curve.diverged,
            seconds=curve.seconds,
            device=curve.device,
            precision=curve.precision,
            threads=curve.threads,
            images=curve.images,
            resumed=curve.resumed,
            test_accuracy=tested.accuracy if tested else None,
            test_accuracy_flip=tested.flip_accuracy if tested else None,
            test_loss=tested.loss if tested and math.isfinite(tested.loss) else None,
            test_images=tested.n if tested else None,
            reading=self._reading(tested, files) if tested else None,
            test_losses=tuple(loss for loss, _ in watched if loss is not None),
            test_accuracies=tuple(accuracy for _, accuracy in watched if accuracy is not None),
            environment=self._environment,
        )

    def _checkpoint(self, job: Job, train: Images) -> Checkpoint | None:
        """Return the place of a job's checkpoints; only the same training on the same kind of device continues them."""
        if job.checkpoint is None:
            return None
        where = choose_device(self._device)
        identity = {
            "network": network_text(job.network),
            "recipe": job.recipe.to_mapping(),
            "seed": job.seed,
            "final": job.final,
            "watched": job.test_curve,
            "images": [len(train), *train.shape, *train.normalisation.mean, *train.normalisation.std],
            "device": where.type,
            "precision": str(choose_precision(job.recipe.precision, where)),
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
        }
        return Checkpoint(job.checkpoint, job.checkpoint_seconds, identity)

    def _reading(self, tested: Evaluation, files: tuple[str, ...] | None) -> Reading:
        """Add names of classes and files to what the test images gave."""
        mistakes = tested.mistakes
        if files is not None and len(files) == tested.n:
            mistakes = tuple(replace(mistake, file=files[mistake.image]) for mistake in mistakes)
        return Reading(
            classes=self._dataset.classes,
            per_class=tested.per_class,
            confusion=tested.confusion,
            calibration_error=tested.calibration_error,
            mistakes=mistakes,
        )

    @functools.cached_property
    def _files(self) -> tuple[str, ...] | None:
        """Names of the test images, looked up by the first final training."""
        return names_of_test_images(self._source)

    def _built(self, job: Job) -> nn.Module:
        """The network with initial weights that follow from the job's seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(job.seed)
            return build_nodes(job.network, self._dataset.shape, custom=self._plugins.modules)


def _save_mistakes(tested: Evaluation, test: Images, weights: Path) -> None:
    """Keep the images behind the most confident mistakes beside the weights; a full disk costs them, and no result."""
    indices = torch.tensor([mistake.image for mistake in tested.mistakes])
    with suppress(OSError, ValueError):
        write_strip(strip_place(weights), test.pixels(indices).cpu().numpy())


def _measures(epoch: Epoch) -> EpochMeasures:
    return EpochMeasures(
        train_loss=epoch.train_loss,
        train_accuracy=epoch.train_accuracy,
        validation_loss=epoch.validation_loss,
        validation_accuracy=epoch.validation_accuracy,
        test_loss=epoch.watched_loss,
        test_accuracy=epoch.watched_accuracy,
    )


def save_weights(model: nn.Module, path: Path, *, label: str, network: str) -> None:
    """Write weights as safetensors, whole or not at all: a killed writer leaves no half file behind.

    Raises:
        TrainingError: they cannot be written.
    """
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(tensors, partial, metadata={"label": label, "network": network})
        by_umask(partial)
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise TrainingError(f"the weights cannot be written to {path} ({reason}); make room, then run again") from error
