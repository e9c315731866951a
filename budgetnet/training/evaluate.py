"""`evaluate`: accuracy, loss, confusion, calibration and mistakes of a trained network, from one pass over images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from budgetnet.errors import RequestError
from budgetnet.training.data.images import Images
from budgetnet.training.device import choose_device, choose_precision
from budgetnet.training.oom import memory_errors
from budgetnet.training.recipe.recipe import Precision
from budgetnet.training.test_report import BINS, Mistake

__all__ = ["Evaluation", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Results of a network on a set of images. Shares are fractions, 0..1."""

    accuracy: float
    """Share of images whose highest logit is their class; each image is seen once, without augmentation."""

    loss: float
    """Mean cross-entropy in nats, without label smoothing."""

    per_class: tuple[float | None, ...]
    """Accuracy among the images of each class; None for a class without images."""

    confusion: tuple[tuple[int, ...], ...]
    """K x K counts: row = true class, column = predicted class."""

    n: int
    """Number of images."""

    flip_accuracy: float | None = None
    """Accuracy when the logits of each image and its mirror image are averaged; None if not requested. Reported
    in addition to `accuracy`, never instead of it."""

    calibration_error: float | None = None
    """Expected calibration error (see `budgetnet.training.test_report.BINS`), as a fraction; None if mistakes were not
    requested, or if the network's outputs were not finite."""

    mistakes: tuple[Mistake, ...] = ()
    """The most confident mistakes, as many as requested, the most confident first."""

    @property
    def standard_error(self) -> float:
        """Binomial standard error of `accuracy`."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / self.n)


def evaluate(
    model: nn.Module,
    images: Images,
    *,
    batch: int = 500,
    device: str = "auto",
    precision: Precision = "float32",
    flip: bool = False,
    mistakes: int = 0,
) -> Evaluation:
    """Return the results of *model* on *images*, with the images' own normalisation.

    The model is moved to the device and channels-last, run in eval mode, and returned to its previous mode.

    Args:
        model: Maps (N, C, H, W) floats to logits (N, K).
        images: N >= 1 images with labels 0..K-1.
        batch: Images per forward pass, >= 1; changes speed and, in the last bits, rounding.
        device: See `choose_device`.
        precision: Type of activations; ``float32`` for every number that is recorded.
        flip: Also compute `Evaluation.flip_accuracy` (doubles the time).
        mistakes: Number of most confident mistakes to keep; above 0, the calibration error is computed too.

    Raises:
        RequestError: no images, an illegal batch, or no such device.
        TrainingError: out of memory.
    """
    if len(images) == 0:
        raise RequestError("an evaluation needs at least one image, but got none")
    if batch < 1:
        raise RequestError(f"batch must be at least 1, but got {batch}")
    where = choose_device(device)
    dtype = choose_precision(precision, where)
    was_training = model.training
    model.to(where, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model.eval()
    try:
        with memory_errors(f"evaluating batches of {batch}"):
            return _evaluate(model, images, batch, where, dtype, flip, mistakes)
    finally:
        model.train(was_training)


@torch.inference_mode()
def _evaluate(
    model: nn.Module, images: Images, batch: int, device: torch.device, dtype: torch.dtype, flip: bool, mistakes: int
) -> Evaluation:
    """Do the work of `evaluate`; sums stay on the device until the end."""
    confusion: Tensor | None = None
    loss = torch.zeros((), dtype=torch.float64, device="cpu" if device.type == "mps" else device)
    flip_hits = torch.zeros((), dtype=torch.int64, device=device)
    answers: list[_Answers] = []
    for start in range(0, len(images), batch):
        indices = torch.arange(start, min(start + batch, len(images)), device=images.labels.device)
        labels = images.labels[indices].to(device)
        pixels = images.normalisation.apply(images.pixels(indices).to(device))
        logits = _logits(model, pixels, dtype)
        classes = logits.shape[1]
        predicted = logits.argmax(dim=1)
        if confusion is None:
            confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
        confusion += torch.bincount(labels * classes + predicted, minlength=classes * classes)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum").to(loss.device)
        if mistakes:
            answers.append(_Answers.of(logits, labels, predicted))
        if flip:
            logits = logits + _logits(model, pixels.flip(3), dtype)
            flip_hits += (logits.argmax(dim=1) == labels).sum()
    assert confusion is not None  # at least one image, so at least one batch
    size = round(len(confusion) ** 0.5)
    table = confusion.view(size, size).cpu()
    rows = table.sum(dim=1).tolist()
    hits = table.diagonal().tolist()
    given = _Answers.joined(answers) if answers else None
    return Evaluation(
        accuracy=sum(hits) / len(images),
        loss=float(loss) / len(images),
        per_class=tuple(hit / row if row else None for hit, row in zip(hits, rows, strict=True)),
        confusion=tuple(tuple(row) for row in table.tolist()),
        n=len(images),
        flip_accuracy=int(flip_hits) / len(images) if flip else None,
        calibration_error=None if given is None else given.calibration_error(),
        mistakes=() if given is None else given.mistakes(mistakes),
    )


@dataclass(frozen=True)
class _Answers:
    """Predictions of a network for each image, all (N,)."""

    labels: Tensor
    predicted: Tensor
    confidence: Tensor
    """Probability of the predicted class."""
    truth: Tensor
    """Probability of the true class."""

    @classmethod
    def of(cls, logits: Tensor, labels: Tensor, predicted: Tensor) -> _Answers:
        """Return the predictions in one batch's logits (n, K)."""
        probabilities = logits.softmax(dim=1)
        places = torch.stack((predicted, labels), dim=1)
        confidence, truth = probabilities.gather(1, places).unbind(dim=1)
        return cls(labels, predicted, confidence, truth)

    @classmethod
    def joined(cls, batches: list[_Answers]) -> _Answers:
        """Return all batches in order, on the CPU."""
        columns = [(batch.labels, batch.predicted, batch.confidence, batch.truth) for batch in batches]
        return cls(*(torch.cat(column).cpu() for column in zip(*columns, strict=True)))

    def calibration_error(self) -> float | None:
        """Return the mean gap between confidence and accuracy over bins of equal width, weighted by their images."""
        if not bool(self.confidence.isfinite().all()):
            return None
        confidence = self.confidence.to(torch.float64)
        places = (confidence * BINS).ceil().long().clamp(1, BINS) - 1  # bins are open below and closed above
        right = (self.predicted == self.labels).to(torch.float64)
        gaps = torch.zeros(BINS, dtype=torch.float64).index_add_(0, places, right - confidence)
        return float(gaps.abs().sum()) / len(confidence)

    def mistakes(self, most: int) -> tuple[Mistake, ...]:
        """Return the *most* most confident mistakes; equally confident ones in the order of the images."""
        wrong = ((self.predicted != self.labels) & self.confidence.isfinite()).nonzero().flatten()
        order = self.confidence[wrong].sort(descending=True, stable=True).indices[:most]
        return tuple(
            Mistake(
                image=image,
                true=int(self.labels[image]),
                predicted=int(self.predicted[image]),
                confidence=float(self.confidence[image]),
                true_probability=float(self.truth[image]),
            )
            for image in wrong[order].tolist()
        )


def _logits(model: nn.Module, images_nchw: Tensor, dtype: torch.dtype) -> Tensor:
    """Return float32 logits (N, K). In float32 nothing is rounded in between: TensorFloat-32 is off too."""
    device = images_nchw.device.type
    if dtype == torch.float32:
        with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            logits: Tensor = model(images_nchw)
    else:
        with torch.autocast(device, dtype):
            logits = model(images_nchw)
    return logits.flatten(1).float()
