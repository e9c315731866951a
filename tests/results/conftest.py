"""Records made by hand, and one small study on digits that is searched once for all tests of this folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.network.files import Architecture, parse
from budgetnet.results.lookup import Trials, open_trials, read_study_file
from budgetnet.search.record import Record

STUDY = """\
study: tiny
dataset: digits
budget: {params: 4k}
target: {accuracy: 30%}
grammar: |
  network = conv(3, 8|12) maxpool(2) part{1..2} gap linear(classes)
  part = conv(3, 8|12) | skip(conv(3, 12)) | parallel(conv(1, 8), dwconv(3) conv(1, 8), join=concat)
search: {sampler: random, trials: 4, workers: 1, seed: 0}
training: {epochs: 2, batch: 64, shift: 0, flip: none}
finalists: {top: 1, seeds: 2, epochs: 3}
"""

NETWORK = """\
format: budgetnet/1
name: by-hand
input: [1, 8, 8]
classes: 10
network: |
  network = conv(3, 8) skip(conv(3, 8)) maxpool gap linear(10)
"""


@pytest.fixture(scope="session", autouse=True)
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data sets are packed once, where no test leaves anything behind; child processes find them, too."""
    before = os.environ.get("BUDGETNET_DATA")
    folder = tmp_path_factory.mktemp("data")
    os.environ["BUDGETNET_DATA"] = str(folder)
    yield folder
    if before is None:
        del os.environ["BUDGETNET_DATA"]
    else:
        os.environ["BUDGETNET_DATA"] = before


@pytest.fixture(scope="session")
def study_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study's file."""
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run_folder(study_path: Path) -> Path:
    """The run folder of the small study after its search, finalists included."""
    folder = study_path.parent / "run"
    result = CliRunner().invoke(app, ["search", str(study_path), "--out", str(folder), "--device", "cpu", "--json"])
    assert result.exit_code == 0, result.output
    (folder / "search.json").write_text(result.stdout, encoding="utf-8")  # for the test of the command
    return folder


@pytest.fixture
def trials(study_path: Path, run_folder: Path) -> Trials:
    """What the small study's database holds."""
    return open_trials(read_study_file(study_path), out=run_folder)


@pytest.fixture
def by_hand() -> Architecture:
    """A network for digits."""
    return parse(NETWORK)


@pytest.fixture
def by_hand_path(tmp_path: Path) -> Path:
    """The file of `by_hand`."""
    path = tmp_path / "by-hand.yaml"
    path.write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """Makes a completed trial; every field can be set."""

    def make(number: int, accuracy: float | None = 0.5, params: int | None = 1000, **fields: Any) -> Record:
        values: dict[str, Any] = {
            "outcome": "completed",
            "arch": f"conv3-{number + 1} · linear-10",
            "network": "network = conv(3, 8) gap linear(10)\n",
            "hash": str(number),
            "flops": 50_000,
            "epochs": 2,
            "seconds": 1.5,
            "curve": () if accuracy is None else (0.2, accuracy),
        }
        return Record(number=number, accuracy=accuracy, params=params, **(values | fields))

    return make
