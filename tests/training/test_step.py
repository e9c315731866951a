"""One step of `fit`: it asks a GPU for nothing, and copies nothing to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from budgetnet.training import run as room
from budgetnet.training.data.load import Dataset
from budgetnet.training.recipe.recipe import Recipe

ASKS = {
    "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "bincount", "unique_dim", "_unique2",
    "repeat_interleave",
}  # fmt: skip
"""Operations whose result, or whose result's shape, the processor must wait for."""

COPIES = {"lift_fresh"}
"""What `torch.tensor` does with numbers of Python's."""


class Watch(TorchDispatchMode):
    """Notes the names of all operations."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Run the operation as ever."""
        self.seen.add(func.overloadpacket.__name__)
        if func.overloadpacket.__name__ in ("index", "index_put_"):
            masks = [index for index in args[1] if index is not None and index.dtype == torch.bool]
            assert not masks, "an index by a mask has a size that nobody knows beforehand"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(),
        Recipe(optimizer="muon", mixup=0.2, trivial_augment="wide", lookahead=1, cutout=2, whiten=True, padding="zero"),
        Recipe(
            average_last=1.0,
            norm_scale="positive",
            norm_momentum=0.4,
            brightness=0.1,
            contrast=0.1,
            muon_rows=True,
            optimizer="muon",
            mixup=0.2,
            mixup_until=0.5,
            logit_deviation=0.5,
        ),
        Recipe(ema=0.9, flip="alternating", warp_rotate=10, label_smoothing=0.1, norm_bias_rate=8),
    ],
    ids=["default", "muon and much else", "speedruns", "averaged and warped"],
)
def test_a_step_waits_for_nothing(digits: Dataset, recipe: Recipe) -> None:
    """No number leaves the device in a step, no shape depends on data, and no constant is sent there anew."""
    net = nn.Sequential(
        nn.Conv2d(1, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10)
    )  # fmt: skip
    run = room.FitRun(net, digits.train, None, recipe, 0, torch.device("cpu"))
    net.train()
    run.one_step(torch.arange(32), 1)  # the first step makes what is kept
    with Watch() as watch:
        loss, hits = run.one_step(torch.arange(32, 64), 1)
    assert "convolution_backward" in watch.seen  # the watch sees what goes on, the way back included
    assert not watch.seen & ASKS
    assert not watch.seen & COPIES
    assert torch.isfinite(loss)
    assert 0 <= hits <= 32
