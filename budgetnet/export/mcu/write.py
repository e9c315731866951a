"""``model.pte``: a network as an ExecuTorch program for Cortex-M processors, and how far it agrees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.export.mcu.lower import TARGET, Lowered, lower
from budgetnet.export.verify.run_pte import PteProgram
from budgetnet.training.data.images import Images

__all__ = ["MicrocontrollerProgram", "program_document", "with_test_accuracy", "write_pte"]

CALIBRATION = 100
"""Train images whose values give the ranges of the activations."""
COMPARED = 100
"""Other train images on which the program is compared with the float network."""
_SEED = 0
_AT_ONCE = 100
"""Images that run at once, each in memory of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MicrocontrollerProgram:
    """A program that was written."""

    lowered: Lowered
    bytes: int
    """Size of the file."""
    calibration_images: int
    compared_images: int
    agreement: float | None
    """Share of `compared_images` that the program and the float network give the same class; None without images."""
    test_accuracy: float | None = None
    """Accuracy of the program on the test images, as a fraction, read once."""
    test_images: int | None = None
    test_agreement: float | None = None
    """Share of test images that the program and the float network give the same class."""

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        lowered = self.lowered
        return {
            "target": TARGET,
            "bytes": self.bytes,
            "ram": lowered.ram,
            "flash": lowered.flash,
            "kernels": lowered.kernels,
            "in_float": dict(lowered.in_float),
            "norms_folded": lowered.norms["folded"],
            "norms_depthwise": lowered.norms["depthwise"],
            "calibration_images": self.calibration_images,
            "compared_images": self.compared_images,
            "agreement": self.agreement,
            "test_accuracy": self.test_accuracy,
            "test_images": self.test_images,
            "test_agreement": self.test_agreement,
            "input": lowered.input.document(),
            "output": lowered.output.document(),
        }


def program_document(program: MicrocontrollerProgram | None) -> dict[str, Any]:
    """Return what config.json and record.json say of a program, under ``pte``; nothing without one.

    Results on the test images are left out before they are there: they are no part of the configuration.
    """
    if program is None:
        return {}
    told = program.document()
    return {"pte": {name: value for name, value in told.items() if not name.startswith("test_") or value is not None}}


def write_pte(model: nn.Module, train: Images, samples: Tensor, path: Path) -> MicrocontrollerProgram:
    """Write a trained network as ``model.pte``.

    The answers are those of the file, run by `budgetnet.export.verify.run_pte`.

    Args:
        model: the network in eval mode on the processor.
        train: the train images.
        samples: images (N, C, H, W) as the network takes them, to be answered.
        path: where to write it.

    Raises:
        ExportError: ExecuTorch cannot lower it.
    """
    order = torch.randperm(len(train), generator=torch.Generator().manual_seed(_SEED))
    chosen = order[: CALIBRATION + COMPARED]
    images = train.normalisation.apply(train.pixels(chosen)).contiguous()
    calibration, compared = images[:CALIBRATION], images[CALIBRATION:]
    lowered = lower(model, calibration, torch.cat([samples, compared]))
    with torch.no_grad():
        expected = model(compared).argmax(dim=1) if len(compared) else torch.zeros(0)
    same = (lowered.logits[len(samples) :].argmax(dim=1) == expected).float()
    path.write_bytes(lowered.program)
    return MicrocontrollerProgram(
        lowered=lowered,
        bytes=len(lowered.program),
        calibration_images=len(calibration),
        compared_images=len(compared),
        agreement=float(same.mean()) if len(compared) else None,
    )


def with_test_accuracy(program: MicrocontrollerProgram, model: nn.Module, test: Images) -> MicrocontrollerProgram:
    """Return the program with its accuracy on the test images, which are read once.

    Args:
        program: what `write_pte` returned.
        model: the network in float32, for the share of images that both classify alike.
        test: the test images.
    """
    lowered = program.lowered
    told = {"input": lowered.input.document(), "output": lowered.output.document()}
    runner = _several_at_once(lowered, told, test) or PteProgram(lowered.program)
    hits = same = 0
    for start in range(0, len(test), _AT_ONCE):
        indices = torch.arange(start, min(start + _AT_ONCE, len(test)))
        images = test.normalisation.apply(test.pixels(indices)).contiguous()
        predicted = torch.from_numpy(runner.answers(images.numpy(), told)).argmax(dim=1)
        with torch.no_grad():
            same += int((predicted == model(images).argmax(dim=1)).sum())
        hits += int((predicted == test.labels[indices]).sum())
    return replace(program, test_accuracy=hits / len(test), test_images=len(test), test_agreement=same / len(test))


def _several_at_once(lowered: Lowered, told: Mapping[str, Any], images: Images) -> PteProgram | None:
    """Return a program that runs several images at once, or None if it does not answer them as it does one by one."""
    first = images.normalisation.apply(images.pixels(torch.arange(min(2, len(images))))).contiguous().numpy()
    try:
        runner = PteProgram(lowered.program, _AT_ONCE)
        several = runner.answers(first, told)
    except (ValueError, RuntimeError, AssertionError):  # a tensor has the image elsewhere, or a kernel takes one only
        return None
    return runner if bool((several == PteProgram(lowered.program).answers(first, told)).all()) else None
