"""``model.pte``: a network as an ExecuTorch program for Cortex-M processors, and how far it agrees."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from budgetnet.export.mcu.lower import TARGET, Lowered, lower
from budgetnet.training.data.images import Images

__all__ = ["MicrocontrollerProgram", "program_document", "write_pte"]

CALIBRATION = 100
"""Train images whose values give the ranges of the activations."""
COMPARED = 100
"""Other train images on which the program is compared with the float network."""
_SEED = 0


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
            "input": lowered.input.document(),
            "output": lowered.output.document(),
        }


def program_document(program: MicrocontrollerProgram | None) -> dict[str, Any]:
    """Return what config.json and record.json say of a program, under ``pte``; nothing without one."""
    return {} if program is None else {"pte": program.document()}


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
