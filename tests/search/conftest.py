"""Fixtures of the search room's tests: the small study, its space and its ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from budgetnet.search.ledger import Ledger
from budgetnet.search.spaces import space_of
from budgetnet.search.study import Study
from budgetnet.search.study_file import parse_study
from budgetnet.space.space import Space
from budgetnet.training.data import load
from tests.search.helpers import GRAMMAR, open_ledger, study_text


@pytest.fixture(scope="session", autouse=True)
def data_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Data sets are packed once, where no test leaves anything behind; child processes find them, too."""
    before = os.environ.get("BUDGETNET_DATA")
    folder = tmp_path_factory.mktemp("data")
    os.environ["BUDGETNET_DATA"] = str(folder)
    load("digits")
    yield folder
    if before is None:
        del os.environ["BUDGETNET_DATA"]
    else:
        os.environ["BUDGETNET_DATA"] = before


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Run every test on one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """Returns the small study, with changes as `study_text` takes them."""

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
    return space_of(study)


@pytest.fixture
def ledger(study: Study, tmp_path: Path) -> Ledger:
    """Its ledger, in a fresh database."""
    return open_ledger(study, tmp_path / "run")
