"""Quantisation-aware fine-tuning: a few epochs in which a trained network learns against the rounding of int8.

The float network is the teacher: the rounded one learns its answers on augmented train images (distillation, Hinton et
al. 2015, arXiv 1503.02531), so nothing is learned that the float network does not know, and labels are not used.
Whether it is worth it is judged on train images that the fine-tuning does not see; no test image is read.
"""

from __future__ import annotations

import copy
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from budgetnet.export.formats import exported_program, write_onnx
from budgetnet.export.int8.quantise import (
    FineTuning,
    Quantised,
    calibration_images,
    onnx_predictions,
    quantise,
)
from budgetnet.export.int8.rounding import RoundedNetwork
from budgetnet.text import counted
from budgetnet.training.augment.basic import shift
from budgetnet.training.data.images import Images

__all__ = ["ROUNDING_LIMIT", "fine_tune", "quantise_aware"]

ROUNDING_LIMIT = 0.005
"""Accuracy that rounding may cost on the judging images before fine-tuning begins, as a fraction."""
JUDGING_IMAGES = 5000
"""Most train images that judge, and are not seen by the fine-tuning; at most a fifth of them all."""
_BATCH = 128
_RATE = 3e-4
"""First learning rate of Adam; it falls to 0 along a half cosine."""
_SEED = 0


def quantise_aware(
    model: nn.Module,
    source: Path,
    target: Path,
    train: Images,
    *,
    epochs: int,
    recipe: Mapping[str, Any],
    name: str,
    classes: Sequence[str],
    say: Callable[[str], object] = str,
) -> Quantised:
    """Write the int8 form of a network, fine-tuned if rounding alone costs more than `ROUNDING_LIMIT`.

    Of the rounded and the fine-tuned network the one that is better on the judging images is kept.

    Args:
        model: the trained network, in eval mode; it stays as it is.
        source: the same as ONNX in float32.
        target: where to write it.
        train: the train images.
        epochs: of fine-tuning, at least 1.
        recipe: how the network was trained; its flips and shifts are used.
        name: the network's name.
        classes: class names.
        say: told what rounding costs, and of every epoch.

    Raises:
        ExportError: ONNX Runtime cannot quantise it.
    """
    rounded = quantise(source, target, train)
    judging, learning = _parts(train)
    float_accuracy, before = _accuracy(source, judging), _accuracy(target, judging)
    cost = float_accuracy - before
    say(f"rounding costs {100 * cost:.2f} points on {counted(len(judging), 'train image')}")
    told = FineTuning(
        epochs=0,
        judging_images=len(judging),
        float_accuracy=float_accuracy,
        rounded_accuracy=before,
        tuned_accuracy=None,
        kept=False,
        seconds=0.0,
    )
    if cost <= ROUNDING_LIMIT:
        return replace(rounded, fine_tuning=told)
    begin = time.perf_counter()
    tuned = fine_tune(model, learning, calibration_images(train), epochs=epochs, recipe=recipe, say=say)
    seconds = time.perf_counter() - begin
    with tempfile.TemporaryDirectory(prefix="budgetnet-int8-") as place:
        floats, candidate = Path(place) / "tuned.onnx", Path(place) / "int8.onnx"
        write_onnx(exported_program(tuned, calibration_images(train)[:2]), floats, name=name, classes=classes)
        found = quantise(floats, candidate, train)
        after = _accuracy(candidate, judging)
        say(f"fine-tuned, it costs {100 * (float_accuracy - after):.2f} points")
        told = replace(told, epochs=epochs, tuned_accuracy=after, kept=after > before, seconds=seconds)
        if not told.kept:
            return replace(rounded, fine_tuning=told)
        told = replace(told, rounded_file=target.read_bytes())
        target.write_bytes(candidate.read_bytes())
    return replace(found, fine_tuning=told)


def fine_tune(
    model: nn.Module,
    train: Images,
    calibration: torch.Tensor,
    *,
    epochs: int,
    recipe: Mapping[str, Any],
    say: Callable[[str], object] = str,
) -> nn.Module:
    """Return a copy of a network that has learned against the rounding of int8.

    Args:
        model: the trained network, in eval mode; it stays as it is.
        train: images to learn from; their labels are not used.
        calibration: images (N, C, H, W) as the network takes them, for the ranges.
        epochs: passes over *train*.
        recipe: how the network was trained; its flips and shifts are used.
        say: told of every epoch.
    """
    tuned = copy.deepcopy(model).eval()
    rounded = RoundedNetwork(tuned, calibration)
    generator = torch.Generator().manual_seed(_SEED)
    batch = min(_BATCH, len(train))
    steps = epochs * (len(train) // batch)
    parameters = [parameter for parameter in tuned.parameters() if parameter.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 + math.cos(math.pi * step / steps)) / 2)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(train), generator=generator)
        loss_sum = 0.0
        for start in range(0, len(train) - batch + 1, batch):
            images = train.normalisation.apply(train.pixels(order[start : start + batch]))
            flipped = None if recipe["flip"] == "none" else torch.rand(batch, generator=generator) < 0.5
            images = shift(images, recipe["shift"], recipe["padding"], generator, flipped)
            with torch.no_grad():
                answers = model(images).softmax(dim=1)
            loss = functional.kl_div(rounded(images).log_softmax(dim=1), answers, reduction="batchmean")
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            loss_sum += float(loss.detach())
        say(f"fine-tuning, epoch {epoch} of {epochs}: {loss_sum * batch / len(train):.4f} nats from float32")
    return tuned


def _parts(train: Images) -> tuple[Images, Images]:
    """Return the images that judge, and the others; the same ones every time."""
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(_SEED + 1))
    count = min(JUDGING_IMAGES, len(train) // 5)
    return train.take(order[:count]), train.take(order[count:])


def _accuracy(path: Path, images: Images) -> float:
    return float((onnx_predictions(path, images) == images.labels.numpy()).mean())
