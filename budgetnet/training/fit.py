"""`fit`: train a network by a recipe, independently of any study or search."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import nn

from budgetnet.errors import RequestError
from budgetnet.training.checkpoint import Checkpoint
from budgetnet.training.cpu.fast_paths import fast_paths
from budgetnet.training.cpu.malloc import keep_freed_memory
from budgetnet.training.curve import Curve, Epoch, OnEpoch
from budgetnet.training.data.images import Images
from budgetnet.training.device import choose_device
from budgetnet.training.oom import memory_errors
from budgetnet.training.optim.stochastic_depth import stochastic_depth
from budgetnet.training.recipe.recipe import Recipe
from budgetnet.training.resume import restore, take
from budgetnet.training.run import FitRun

__all__ = ["Curve", "Epoch", "OnEpoch", "fit"]


def fit(
    model: nn.Module,
    train: Images,
    validation: Images | None,
    recipe: Recipe,
    *,
    seed: int,
    device: str = "auto",
    on_epoch: OnEpoch | None = None,
    checkpoint: Checkpoint | None = None,
    watched: Images | None = None,
) -> Curve:
    """Train *model* in place and return how it went.

    The model is moved to the device and to channels-last, and is left there in eval mode, with averaged weights if
    the recipe averages (slow weights with lookahead). The caller sets its initial weights, except those that the
    recipe's `whiten`, `dirac` and `logit_deviation` set; everything random after that (order, augmentation, dropout)
    follows from *seed*, and torch's global random state is left unchanged. On a CPU, the same seed and number of
    threads give the same curve, bit for bit; on a GPU, up to rounding. The caller sets the number of threads
    (`torch.set_num_threads`).

    A run has diverged if its loss is no longer finite (detected at once on a CPU, at the end of the epoch on a GPU),
    or if, from a third of the epochs on (at least the second), it is no better than chance on the train images of an
    epoch and on the validation images after it: both its accuracy and its balanced accuracy are within two standard
    errors of answers that do not depend on the image (`budgetnet.training.chance`). Where one class has at least
    90 % of the images, no run is given up for that.

    Args:
        model: Maps (N, C, H, W) floats to logits (N, K).
        train: At least two images; an epoch leaves out the images that do not fill a last batch.
        validation: Images for the curve and the plateau schedule, or None.
        recipe: How to train.
        seed: Seed of order, augmentation and dropout, >= 0.
        device: See `choose_device`.
        on_epoch: See `OnEpoch`; not told again of epochs before a checkpoint.
        checkpoint: Written now and then, also within an epoch; if it holds a snapshot of this training, the run goes on
            from there, to the same result on the same machine, bit for bit. The caller removes it.
        watched: Images whose accuracy and loss are noted after each epoch and change nothing; the weights are, bit for
            bit, those of a run without them.

    Raises:
        RequestError: no such device, too few images, a negative seed, or a recipe with smaller images for a network of
            one size.
        TrainingError: out of memory.
    """
    if len(train) < 2:
        raise RequestError(f"training needs at least two images, but got {len(train)}")
    if seed < 0:
        raise RequestError(f"seed must be a whole number of at least 0, but got {seed}")
    where = choose_device(device)
    keep_freed_memory()
    devices = [where] if where.type == "cuda" else []
    with memory_errors(f"training with batch {recipe.batch}"), torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        run = FitRun(model, train.to(where), validation, recipe, seed, where, watched)
        if checkpoint is not None:
            found = checkpoint.read()
            if found is not None:
                restore(run, found)
            run.pause = lambda: checkpoint.write(take(run)) if checkpoint.due else None
        try:
            with (
                fast_paths(model, run.dtype) if where.type == "cpu" else nullcontext(),
                stochastic_depth(model, recipe.stochastic_depth, run.noise),
            ):
                return run.to_the_end(on_epoch)
        finally:
            run.learn_all()
