"""Checkpoints: a training that is cut off anywhere goes on to the result that it would have had, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from budgetnet.training.checkpoint import Checkpoint, Snapshot
from budgetnet.training.data.images import Images
from budgetnet.training.fit import fit
from budgetnet.training.recipe.recipe import Recipe

BASE = Recipe(epochs=3, batch=16, shift=1, flip="random", precision="float32")
RECIPES = {
    "sgd, TrivialAugment, mixup": replace(BASE, trivial_augment="wide", mixup=0.2, cutout=2),
    "Muon, averaging, alternating flips": replace(BASE, optimizer="muon", ema=0.9, flip="alternating"),
    "AdamW, lookahead": replace(BASE, optimizer="adamw", lr=0.01, lookahead=2),
    "plateau, bfloat16, whitening": replace(
        BASE, schedule="plateau", plateau_patience=0, precision="bfloat16", whiten=True, whiten_frozen=1
    ),
}


class KilledError(Exception):
    """Stands for SIGKILL: nothing after the write of a checkpoint happens."""


class Deadly(Checkpoint):
    """A checkpoint that ends the run right after so many snapshots."""

    left: int = 10**9

    def write(self, snapshot: Snapshot) -> None:
        """Write it, and perhaps die."""
        super().write(snapshot)
        self.left -= 1
        if self.left == 0:
            raise KilledError


def model(seed: int) -> nn.Module:
    """A small network with everything that has a state: norm statistics, dropout, depthwise and full convolutions."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Conv2d(8, 8, 3, padding=1, groups=8),
        nn.Conv2d(8, 16, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 4),
    )


@pytest.fixture(scope="module")
def images() -> Images:
    """Noise whose mean tells the class."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(72) % 4
    noise = torch.randint(0, 60, (72, 3, 8, 8), generator=generator)
    return Images((noise + 50 * labels.view(-1, 1, 1, 1)).to(torch.uint8), labels)


def trained(images: Images, recipe: Recipe, network: nn.Module, checkpoint: Checkpoint | None = None):
    """A run's epochs without their times, the curve, and the final weights."""
    curve = fit(network, images, images, recipe, seed=5, device="cpu", checkpoint=checkpoint)
    return [replace(epoch, seconds=0) for epoch in curve.epochs], curve, network.state_dict()


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_run_that_is_cut_off_goes_on_to_the_same_result(images, recipe, tmp_path):
    """Cut in the middle of the first epoch, at the end of one, and in the last: losses and weights are the same."""
    epochs, calm, weights = trained(images, recipe, model(1))
    checkpoint = Deadly(tmp_path / "run.checkpoint", every=0, identity={"seed": 5})
    for start, snapshots in ((1, 2), (2, 2), (3, 5)):  # four steps an epoch: step 2, epoch 1, step 1 of epoch 3
        checkpoint.left = snapshots
        with pytest.raises(KilledError):
            trained(images, recipe, model(start), checkpoint)
    again, stormy, ended = trained(images, recipe, model(4), checkpoint)
    assert again == epochs
    assert stormy.resumed == (0, 1, 2)
    assert stormy.images == calm.images
    assert ended.keys() == weights.keys()
    for name, tensor in weights.items():
        assert torch.equal(ended[name], tensor), name
    assert checkpoint.path.exists()  # whoever has the result removes it
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_snapshots_keep_values_and_layout(tmp_path):
    """What comes back has the bits, the type and the strides of what was written."""
    checkpoint = Checkpoint(tmp_path / "folder" / "x", every=0, identity={"a": [1, 2.5]})
    assert checkpoint.read() is None
    tensors = {
        "last": torch.rand(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "turned": torch.rand(3, 5).T,
        "number": torch.tensor(7),
        "spread": torch.zeros(1).expand(3),
        "half": torch.rand(4).to(torch.bfloat16),
    }
    checkpoint.write(Snapshot(tensors, {"loss": 0.1 + 0.2, "best": float("inf")}))
    found = checkpoint.read()
    assert found.numbers == {"loss": 0.1 + 0.2, "best": float("inf")}
    for name, tensor in tensors.items():
        assert torch.equal(found.tensors[name], tensor)
        assert found.tensors[name].dtype == tensor.dtype
        assert name == "spread" or found.tensors[name].stride() == tensor.stride()


@pytest.mark.parametrize("change", ["another training", "cut", "empty", "pickle", "folder"])
def test_what_is_not_this_trainings_checkpoint_is_left_aside(tmp_path, change):
    """The training begins from its start; no code in the file runs."""
    path = tmp_path / "run.checkpoint"
    checkpoint = Checkpoint(path, every=0, identity={"seed": 1})
    checkpoint.write(Snapshot({"w": torch.rand(100)}, {}))
    assert checkpoint.read() is not None
    if change == "another training":
        checkpoint = Checkpoint(path, every=0, identity={"seed": 2})
    elif change == "cut":
        path.write_bytes(path.read_bytes()[:-7])
    elif change == "empty":
        path.write_bytes(b"")
    elif change == "pickle":
        torch.save({"w": torch.rand(3)}, path)
    else:
        path.unlink()
        path.mkdir()
    assert checkpoint.read() is None


def test_a_full_disk_costs_the_snapshot_and_not_the_training(tmp_path, monkeypatch):
    """The last one that was written stays; no part of a file is left."""
    checkpoint = Checkpoint(tmp_path / "x", every=0, identity={})
    checkpoint.write(Snapshot({"w": torch.zeros(3)}, {"n": 1}))

    def full(*args: object, **options: object) -> None:
        (tmp_path / f"x.{__import__('os').getpid()}.partial").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("budgetnet.training.checkpoint.save_file", full)
    checkpoint.write(Snapshot({"w": torch.ones(3)}, {"n": 2}))
    assert checkpoint.read().numbers == {"n": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_snapshot_is_due_after_its_time(tmp_path):
    """Not before, and counted from the last one."""
    assert not Checkpoint(tmp_path / "x", every=60, identity={}).due
    checkpoint = Checkpoint(tmp_path / "x", every=0, identity={})
    assert checkpoint.due
    checkpoint.every = 60
    assert not checkpoint.due
