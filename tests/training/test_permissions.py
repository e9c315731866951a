"""Everything that is written has the permissions that the umask gives new files and folders."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from budgetnet.export.folder import appearing_folder
from budgetnet.export.samples import write_samples
from budgetnet.records.storage import default_url, open_storage
from budgetnet.training.checkpoint import Checkpoint, Snapshot
from budgetnet.training.data.load import load_dataset
from budgetnet.training.permissions import by_umask, fresh_folder
from budgetnet.workers.trainer import save_weights

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no umask")


@pytest.fixture(params=[0o077, 0o022, 0o002])
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    """The umask, for the time of a test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_everything_is_as_the_umask_says(mask: int, tmp_path: Path) -> None:
    """Packed copies, databases, weights, checkpoints, exports."""
    place = tmp_path / "run"
    place.mkdir()
    load_dataset("digits", data_dir=place)
    open_storage(default_url(place / "study"))
    save_weights(nn.Linear(2, 2), place / "weights.safetensors", label="a", network="b")
    Checkpoint(place / "a.checkpoint", 1.0, {}).write(Snapshot({"a": torch.zeros(1)}, {}))
    with appearing_folder(place / "export") as folder:
        write_samples(folder / "samples.safetensors", {"pixels": torch.zeros(1)})
        (folder / "plugins").mkdir()
    found = {path: stat.S_IMODE(path.stat().st_mode) for path in place.rglob("*")}
    assert {path.suffix for path in found} >= {".npy", ".json", ".db", ".safetensors", ".checkpoint", ""}
    wrong = {
        str(path): oct(mode) for path, mode in found.items() if mode != (0o777 if path.is_dir() else 0o666) & ~mask
    }
    assert wrong == {}


def test_the_umask_stays(mask: int, tmp_path: Path) -> None:
    """Looking at it leaves it as it was; two fresh folders are two."""
    (tmp_path / "a").touch()
    by_umask(tmp_path / "a")
    assert os.umask(mask) == mask
    assert fresh_folder(tmp_path / "b") != fresh_folder(tmp_path / "b")
