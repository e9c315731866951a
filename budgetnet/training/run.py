"""One run of `fit`: its state, and the steps and epochs that change it."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Generator, Tensor, nn

from budgetnet.training.augment.basic import augment
from budgetnet.training.augment.mixup import Blend
from budgetnet.training.augment.progressive import check_sizes, size_at, to_size
from budgetnet.training.augment.trivial_augment import trivial_augment
from budgetnet.training.chance import Answers
from budgetnet.training.curve import Curve, Epoch, OnEpoch
from budgetnet.training.data.facts import LOPSIDED
from budgetnet.training.data.images import Images
from budgetnet.training.device import choose_precision
from budgetnet.training.evaluate import Evaluation, evaluate
from budgetnet.training.optim.averaging import Average, Followers, Lookahead, TailAverage
from budgetnet.training.optim.initialisation import dirac, scale_logits, whiten
from budgetnet.training.optim.make import Plateau, make_optimizers, rate
from budgetnet.training.optim.norms import NormRules
from budgetnet.training.recipe.recipe import Precision, Recipe

__all__ = ["FitRun", "OpenEpoch"]


@dataclass
class OpenEpoch:
    """The epoch that is under way."""

    order: Tensor
    """int64 (N,), the images in the order of the epoch, on the device."""
    loss_sum: Tensor
    hits: Tensor
    answers: Tensor | None = None
    """int64 (2, K): hits of each class, and answers of each class; None before the first step, and for an epoch that an
    older version began."""
    seen: int = 0
    """Images seen."""
    seconds: float = 0.0
    """Time before the last checkpoint."""


class FitRun:
    """The state of one run of `fit`."""

    def __init__(
        self, model: nn.Module, train: Images, validation: Images | None, recipe: Recipe, seed: int,
        device: torch.device, watched: Images | None = None,
    ) -> None:  # fmt: skip
        self.model = model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.train = train
        self.validation = validation
        self.watched = watched
        self.recipe = recipe
        self.seed = seed
        self.device = device
        self.dtype = choose_precision(recipe.precision, device)
        self.batch = min(recipe.batch, len(train))
        self.steps_per_epoch = len(train) // self.batch
        self.steps = recipe.epochs * self.steps_per_epoch
        self.norms = NormRules(model, recipe)
        self.optimizers = make_optimizers(model, recipe)
        if recipe.dirac:
            dirac(model)
        whitened = whiten(model, train) if recipe.whiten else None
        self.prepare()
        self.whitened = whitened if whitened is not None and whitened.requires_grad else None
        self.average = _followers(model, recipe, self.steps)
        self.plateau = Plateau(recipe.plateau_factor, recipe.plateau_patience)
        # Separate streams: the order of the images does not depend on the augmentation.
        self.order = Generator().manual_seed(seed)
        self.noise = Generator(device).manual_seed(seed)
        self.shares = random.Random(seed)  # noqa: S311 - mixing images is not cryptography
        self.mirrored = torch.rand(len(train), generator=self.order).to(device) < 0.5
        self.step = 0
        self.epochs: list[Epoch] = []
        self.answers: list[Answers] = []  # of the last epoch, on the train images and on those for validation
        self.open: OpenEpoch | None = None
        self.resumed: tuple[int, ...] = ()
        self.pause: Callable[[], object] = lambda: None  # called between steps
        self.begin = self.epoch_begin = time.perf_counter()

    def to_the_end(self, on_epoch: OnEpoch | None) -> Curve:
        """Train until the recipe, *on_epoch* or divergence ends it."""
        stopped = False
        diverged: str | None = None
        for number in range(len(self.epochs) + 1, self.recipe.epochs + 1):
            epoch = self.one_epoch(number)
            if isinstance(epoch, str):
                diverged = epoch
                break
            self.epochs.append(epoch)
            diverged = self.stuck(epoch)
            if on_epoch is not None and on_epoch(epoch) is False:
                stopped = True
            if stopped or diverged:
                break
            self.pause()
        if self.average is not None:
            self.average.swap()
        self.model.eval()
        return Curve(
            epochs=tuple(self.epochs),
            stopped=stopped,
            diverged=diverged,
            seconds=time.perf_counter() - self.begin,
            device=str(self.device),
            precision=str(self.dtype).removeprefix("torch."),
            threads=torch.get_num_threads(),
            seed=self.seed,
            images=self.step * self.batch,
            resumed=self.resumed,
        )

    def prepare(self) -> None:
        """Look at a batch of images in advance, if the recipe asks for it."""
        if self.recipe.start_size == 1 and not self.recipe.logit_deviation:
            return
        seen = torch.arange(min(self.batch, len(self.train)), device=self.device)
        images = self.train.normalisation.apply(self.train.pixels(seen))
        check_sizes(self.model, self.recipe, images)
        if self.recipe.logit_deviation:
            scale_logits(self.model.train(), images, self.recipe.logit_deviation)

    def learn_all(self) -> None:
        """Let everything learn that the recipe froze."""
        self.norms.release()
        if self.whitened is not None:
            self.whitened.requires_grad_(True)

    def one_epoch(self, number: int) -> Epoch | str:
        """Train and validate once; return the epoch, or why the run diverged."""
        if self.open is None:
            self.open = OpenEpoch(
                order=torch.randperm(len(self.train), generator=self.order).to(self.device),
                loss_sum=torch.zeros((), device=self.device),
                hits=torch.zeros((), dtype=torch.float32 if self.recipe.mixup else torch.int64, device=self.device),
            )
        current = self.open
        self.epoch_begin = time.perf_counter() - current.seconds
        self.model.train()
        if self.whitened is not None:
            # Without a gradient no optimiser changes or decays them, and the backward pass skips them.
            self.whitened.requires_grad_(number > self.recipe.whiten_frozen)
        images = self.steps_per_epoch * self.batch
        while current.seen < images:
            loss, correct = self.one_step(current.order[current.seen : current.seen + self.batch], number)
            current.loss_sum += loss
            current.hits += correct
            current.seen += self.batch
            if self.device.type == "cpu" and not current.loss_sum.isfinite():
                break
            if current.seen < images:
                self.pause()
        self.open = None
        self.answers = self.train_answers(current, images)
        # Numbers leave a GPU here, once per epoch, and not in every step; on a CPU they are available at once.
        train_loss = float(current.loss_sum) / self.steps_per_epoch
        if not math.isfinite(train_loss):
            rates = f"learning rate {self.recipe.lr:g}"
            if self.recipe.optimizer == "muon":
                rates += f", of Muon's filters {self.recipe.muon_lr:g}"
            return f"The train loss was no longer finite in epoch {number} ({rates})."
        accuracy: float | None = None
        validation_loss: float | None = None
        if self.validation is not None:
            found = self.evaluated(self.validation)
            accuracy, validation_loss = found.accuracy, found.loss
            self.answers.append(Answers.of_confusion(found.accuracy, found.confusion))
            if not math.isfinite(validation_loss):
                return f"The validation loss was no longer finite after epoch {number}."
        if self.recipe.schedule == "plateau":
            self.plateau.see(train_loss if validation_loss is None else validation_loss)
        seen = None if self.watched is None else self.evaluated(self.watched)
        return Epoch(
            number=number,
            train_loss=train_loss,
            train_accuracy=current.hits.item() / images,
            validation_accuracy=accuracy,
            validation_loss=validation_loss,
            seconds=time.perf_counter() - self.epoch_begin,
            watched_accuracy=None if seen is None else seen.accuracy,
            watched_loss=None if seen is None or not math.isfinite(seen.loss) else seen.loss,
        )

    def evaluated(self, images: Images) -> Evaluation:
        """Return the results on *images*, with averaged weights if the recipe averages."""
        precision: Precision = "bfloat16" if self.dtype == torch.bfloat16 else "float32"
        with self.average.applied() if self.average is not None else nullcontext():
            return evaluate(self.model, images, device=str(self.device), precision=precision)

    def one_step(self, indices: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        """Take one step on the images at *indices*; return the loss and the number of hits, on the device."""
        recipe = self.recipe
        share = rate(recipe, self.step, self.steps) * self.plateau.share
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * share
        labels = self.train.labels[indices]
        flipped: Tensor | None = None
        if recipe.flip == "alternating":
            flipped = self.mirrored[indices] ^ (epoch % 2 == 0)
        stored = self.train.pixels(indices)
        if recipe.trivial_augment != "none":
            stored = trivial_augment(stored, recipe.trivial_augment, self.noise)
        pixels = augment(self.train.normalisation.apply(stored), recipe, flipped, self.noise)
        progress = self.step / self.steps
        if recipe.start_size < 1:
            pixels = to_size(pixels, size_at(recipe, (pixels.shape[2], pixels.shape[3]), progress))
        blend = Blend(recipe.mixup, self.shares) if recipe.mixup and progress < recipe.mixup_until else None
        if blend is not None:
            pixels = blend.images(pixels)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            logits = self.model(pixels)
        logits = logits.flatten(1).float()
        if blend is not None:
            loss = blend.loss(logits, labels, recipe.label_smoothing)
        else:
            loss = nn.functional.cross_entropy(logits, labels, label_smoothing=recipe.label_smoothing)
        self.model.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers:
            optimizer.step()
        self.norms.after_step()
        if self.average is not None:
            self.average.update()
        self.step += 1
        predicted = logits.detach().argmax(dim=1)
        self.count_answers(predicted, labels if blend is None else blend.main(labels), logits.shape[1])
        return loss.detach(), (predicted == labels).sum() if blend is None else blend.hits(predicted, labels)

    def count_answers(self, predicted: Tensor, labels: Tensor, classes: int) -> None:
        """Add the answers of a step, int64 (n,), to those of the epoch, by class."""
        current = self.open
        if current is None or (current.answers is None and current.seen):
            return
        if current.answers is None:
            current.answers = torch.zeros((2, classes), dtype=torch.int64, device=self.device)
        current.answers[0].index_add_(0, labels, (predicted == labels).to(torch.int64))
        current.answers[1].index_add_(0, predicted, torch.ones_like(predicted))

    def train_answers(self, epoch: OpenEpoch, images: int) -> list[Answers]:
        """Return the answers of an epoch that has seen all its *images*, in a list; none if they were not counted."""
        if epoch.answers is None or epoch.seen < images:
            return []
        hits, given = epoch.answers.tolist()
        # Mixup exchanges labels within a batch, so their numbers stay.
        truth = torch.bincount(self.train.labels[epoch.order[:images]], minlength=len(hits)).tolist()
        return [Answers(accuracy=epoch.hits.item() / images, truth=truth, hits=hits, given=given)]

    def stuck(self, epoch: Epoch) -> str | None:
        """Return the reason to give up a run that is still at chance, or None.

        Where one class has nearly all images, always answering it is what the data teach first: no network is to blame
        for that, and none is given up.
        """
        if epoch.number < max(2, math.ceil(self.recipe.epochs / 3)):
            return None
        if not self.answers or not all(answers.at_chance for answers in self.answers):
            return None
        if self.answers[0].most_frequent >= LOPSIDED:
            return None
        of = "train" if self.validation is None else "validation"
        return (
            f"After epoch {epoch.number} of {self.recipe.epochs} the network was still no better than chance on {of} "
            f"images: {self.answers[-1].text}."
        )


def _followers(model: nn.Module, recipe: Recipe, steps: int) -> Followers | None:
    """Return the averaging or lookahead of the recipe, or None; a recipe has at most one of them."""
    if recipe.ema:
        return Average(model, recipe.ema)
    if recipe.average_last:
        return TailAverage(model, recipe.average_last, steps=steps)
    if recipe.lookahead:
        return Lookahead(model, recipe.lookahead, rate=recipe.lookahead_rate, ramp=recipe.lookahead_ramp, steps=steps)
    return None
