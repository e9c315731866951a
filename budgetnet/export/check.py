"""Check a folder that is being exported against the trained network, before it appears."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from budgetnet.errors import ExportError
from budgetnet.export.codegen.standalone import WEIGHTS
from budgetnet.export.verify.ask_folder import FolderCheck, ask_folder
from budgetnet.files import network_file
from budgetnet.files.network_file import Network
from budgetnet.network.torch.measure import measure_nodes

__all__ = ["Check", "check_network", "check_outputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """Results of the comparison."""

    images: int
    params: int
    flops: int
    """Counted by fvcore."""
    checks: tuple[FolderCheck, ...]
    """Checks made in a process without budgetnet."""

    @property
    def difference(self) -> float:
        """Largest absolute difference between the logits of ``network.py`` and of the trained network."""
        return next(check.difference or 0.0 for check in self.checks if check.check == "network.py")


def check_network(folder: Path, architecture: Network, trained: nn.Module, logits: Tensor) -> tuple[int, int]:
    """Check text, counts and weights of an export; return parameters and FLOPs as counted here.

    Args:
        folder: holds ``network.yaml`` and the weights.
        architecture: what they should describe.
        trained: the network with its weights, as budgetnet builds it.
        logits: of the trained network on the stored images.

    Raises:
        ExportError: anything differs; the message says what.
    """
    written = network_file.read(folder / "network.yaml")
    if (written.network, written.input_shape, written.classes) != (
        architecture.network,
        architecture.input_shape,
        architecture.classes,
    ):
        raise ExportError("network.yaml does not read back as the network that was written; nothing was exported")
    counted = measure_nodes(written.network, written.input_shape, custom=written.plugins.modules)
    claimed = architecture.claimed or {}
    for word, claim, count in (
        ("parameters", claimed.get("params", counted.params), counted.params),
        ("FLOPs", claimed.get("flops", counted.flops), counted.flops),
    ):
        if claim != count:
            raise ExportError(
                f"the trial recorded {claim:,} {word}, the exported network has {count:,}; nothing was exported"
            )
    if not torch.isfinite(logits).all():
        raise ExportError(
            f"the logits of {architecture.name} are not finite: its training diverged; choose another trial"
        )
    _compare_weights(load_file(folder / WEIGHTS), trained.state_dict())
    return counted.params, counted.flops


def check_outputs(folder: Path) -> tuple[FolderCheck, ...]:
    """Run every format of an export in a process without budgetnet, on the stored images.

    Raises:
        ExportError: one does not give the stored logits; the message says which.
    """
    found = ask_folder(folder, manifest=False)
    if found[-1].holds is False:
        raise ExportError(f"{found[-1].check} fails its check: {found[-1].text}; nothing was exported")
    return found


def _compare_weights(written: dict[str, Tensor], trained: dict[str, Tensor]) -> None:
    """Every tensor, also those that no logit depends on.

    Raises:
        ExportError: one is missing, left over or different.
    """
    for name in sorted(written.keys() ^ trained.keys()):
        raise ExportError(f"{WEIGHTS} and the trained network do not both have {name}; nothing was exported")
    for name, tensor in trained.items():
        if not torch.equal(written[name], tensor):
            raise ExportError(f"{WEIGHTS} holds other values for {name} than the trained network; nothing was exported")
