"""Checkpoints within a training: written now and then, so that a training that was cut off goes on where it was.

A checkpoint is one safetensors file. Its tensors are weights and buffers, the optimisers' states, averaged weights and
the states of the generators; its header is JSON with everything that is a number, and with the identity of the
training, so that nothing else continues from it. Reading one runs no code.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from budgetnet.training.permissions import by_umask

__all__ = ["Checkpoint", "Snapshot"]

_HEADER = "budgetnet"
_FORMAT = "budgetnet-checkpoint/1"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state of a training between two steps."""

    tensors: Mapping[str, Tensor]
    """By name; on any device."""
    numbers: Mapping[str, Any]
    """Everything else, as JSON holds it."""


@dataclass
class Checkpoint:
    """The file of one training's last snapshot."""

    path: Path
    every: float
    """Seconds between two snapshots, >= 0; 0 takes one at each opportunity."""
    identity: Mapping[str, Any]
    """Facts that tell the training from others, as JSON holds them: a snapshot of another one is not continued."""
    _last: float = field(default_factory=time.monotonic)

    @property
    def due(self) -> bool:
        """True if it is time for a snapshot."""
        return time.monotonic() - self._last >= self.every

    def write(self, snapshot: Snapshot) -> None:
        """Replace the file, whole or not at all.

        A disk that is full or read-only costs the snapshot, not the training: it is tried again when the next is due.
        """
        self._last = time.monotonic()
        strides = {name: tensor.stride() for name, tensor in snapshot.tensors.items()}
        document = {
            "format": _FORMAT,
            "identity": self.identity,
            "numbers": snapshot.numbers,
            "strides": strides,
        }
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in snapshot.tensors.items()}
        partial = self.path.with_name(f"{self.path.name}.{os.getpid()}.partial")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, partial, metadata={_HEADER: json.dumps(document)})
            by_umask(partial)
            with partial.open("rb") as written:
                os.fsync(written.fileno())  # a rename may reach the disk before the content does
            partial.replace(self.path)
        except (OSError, SafetensorError):
            partial.unlink(missing_ok=True)

    def read(self) -> Snapshot | None:
        """Return the last snapshot of this training, its tensors laid out in memory as they were; None without one.

        A damaged file, or one of another training, counts as none: the training begins from its start.
        """
        try:
            with safe_open(self.path, "pt") as file:
                document = json.loads((file.metadata() or {})[_HEADER])
                if document["format"] != _FORMAT or document["identity"] != json.loads(json.dumps(self.identity)):
                    return None
                tensors = {
                    # The layout decides in which order sums are taken, so it is part of the result's last bits.
                    name: _laid_out(file.get_tensor(name), document["strides"][name])
                    for name in file.keys()  # noqa: SIM118 - not a mapping
                }
            return Snapshot(tensors, document["numbers"])
        except (OSError, SafetensorError, ValueError, KeyError, TypeError):
            return None

    def remove(self) -> None:
        """Remove the file, if there is one."""
        self.path.unlink(missing_ok=True)


def _laid_out(tensor: Tensor, strides: list[int]) -> Tensor:
    if any(stride == 0 and size > 1 for stride, size in zip(strides, tensor.shape, strict=True)):
        return tensor  # one value seen at many places; it was written once for each
    return torch.empty_strided(tensor.shape, strides, dtype=tensor.dtype).copy_(tensor)
