"""Fixtures that several rooms share: data, small studies, networks and records made by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from budgetnet.files.network_file import Network
    from budgetnet.files.study import Study
    from budgetnet.network.nodes import Node
    from budgetnet.records.ledger import Ledger
    from budgetnet.records.lookup import Trials
    from budgetnet.records.trial import Record
    from budgetnet.space.space import Space
    from budgetnet.training.data.load import Dataset

# A busy machine makes an example slow; that is not a fault of the code under test.
settings.register_profile("budgetnet", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("budgetnet")

# The rooms are imported where they are used: the tests of the grammar need no torch.

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
finalists: {top: 2, seeds: 1, winner_seeds: 2, epochs: 3}
"""

NETWORK = """\
format: budgetnet/1
name: by-hand
input: [1, 8, 8]
classes: 10
network: |
  network = conv(3, 8) skip(conv(3, 8)) maxpool gap linear(10)
"""

ORDER = "conv act norm drop"

SECRET_STORAGE = "postgresql+psycopg://me:chanterelle@host/db?sslpassword=x&password=parasol"
"""Address with two passwords, as it may stand on the command line of a search."""


@pytest.fixture(scope="session", autouse=True)
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data sets are packed once, where no test leaves anything behind; child processes find them, too."""
    before = os.environ.get("BUDGETNET_DATA")
    folder = tmp_path_factory.mktemp("data")
    os.environ["BUDGETNET_DATA"] = str(folder)
    os.environ.pop("COLUMNS", None)  # texts are as wide as they are, whatever the terminal of the tests
    yield folder
    if before is None:
        del os.environ["BUDGETNET_DATA"]
    else:
        os.environ["BUDGETNET_DATA"] = before


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run every test on one thread, so that timings and sums do not depend on the machine."""
    torch: Any = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits(data_directory: Path) -> Dataset:
    """Scikit-learn's digits, packed once."""
    from budgetnet.training.data.load import load_dataset

    return load_dataset("digits")


# --- a small study that is read -----------------------------------------------------------------------


@pytest.fixture
def make_study(tmp_path: Path, digits: Dataset) -> Callable[..., Study]:
    """Returns the small study of `tests.search.helpers`, with changes as `study_text` takes them."""
    from budgetnet.files.study_file import parse_study
    from tests.search.helpers import GRAMMAR, study_text

    def make(grammar: str = GRAMMAR, **changes: str) -> Study:
        return parse_study(study_text(grammar, **changes), tmp_path / "tiny.yaml")

    return make


@pytest.fixture
def study(make_study: Callable[..., Study]) -> Study:
    """The small study."""
    return make_study()


@pytest.fixture
def space(study: Study) -> Space:
    """Its space."""
    from budgetnet.files.spaces import space_of

    return space_of(study)


@pytest.fixture
def ledger(study: Study, tmp_path: Path) -> Ledger:
    """Its ledger, in a fresh database."""
    from tests.search.helpers import open_ledger

    return open_ledger(study, tmp_path / "run")


# --- a small study that is searched once ---------------------------------------------------------------


@pytest.fixture(scope="session")
def study_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of `STUDY`."""
    path = tmp_path_factory.mktemp("study") / "tiny.yaml"
    path.write_text(STUDY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run_folder(study_path: Path) -> Path:
    """The run folder of `STUDY` after its search, finalists included."""
    from typer.testing import CliRunner

    from budgetnet.cli import app

    folder = study_path.parent / "run"
    words = ["search", str(study_path), "--out", str(folder), "--device", "cpu", "--json"]
    # The command line is recorded with each training; a password in it is not (tests/test_secrets.py).
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["budgetnet", *words, "--storage", SECRET_STORAGE])
        result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    (folder / "search.json").write_text(result.stdout, encoding="utf-8")  # for the tests of the command
    (folder / "events.jsonl").write_text(result.stderr, encoding="utf-8")
    return folder


@pytest.fixture
def trials(study_path: Path, run_folder: Path) -> Trials:
    """What the searched study's database holds."""
    from budgetnet.files.study_file import load_study
    from budgetnet.records.lookup import open_trials

    return open_trials(load_study(study_path), out=run_folder)


@pytest.fixture
def by_hand() -> Network:
    """A network for digits."""
    from budgetnet.files.network_file import parse_network_file

    return parse_network_file(NETWORK)


@pytest.fixture
def by_hand_path(tmp_path: Path) -> Path:
    """The file of `by_hand`."""
    path = tmp_path / "by-hand.yaml"
    path.write_text(NETWORK, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    """Makes a completed trial; every field can be set."""
    from budgetnet.records.trial import Record

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


# --- the network the project starts from ----------------------------------------------------------------


@pytest.fixture(scope="session")
def hand_made() -> Node:
    """A hand-made network of dilated residual blocks for images of 3 x 32 x 32 and 10 classes."""
    from budgetnet.network.nodes import Conv, GlobalAvgPool, Sequence, Skip

    def block(dilation: int = 1, padding: int | str = "same") -> Sequence:
        grouped = Conv(3, 128, dilation=dilation, groups=32, padding=padding, bias="false", dropout=0.05, order=ORDER)
        return Sequence((grouped, Conv(1, 64, bias="false", dropout=0.05, order=ORDER)))

    items: list[Node] = [Conv(3, 64, padding=0, bias="false", dropout=0.05, order=ORDER)]
    for _ in range(2):
        items += block(padding=0).items
    items += [Skip(block(dilation)) for dilation in (2, 4, 8, 12, 16, 20, 22)]
    return Sequence((*items, GlobalAvgPool(), Conv(1, 10, bias="false", norm="none", act="none")))
