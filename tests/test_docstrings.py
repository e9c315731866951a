"""Examples in docstrings run and print what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from types import ModuleType

import pytest

import budgetnet
import tools
from tools.house import ROOT


def with_examples(package: ModuleType) -> list[str]:
    """Dotted names of a package's modules whose text holds an example."""
    found = [package.__name__]
    found += [module.name for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")]
    paths = {name: ROOT.joinpath(*name.split(".")) for name in found}
    return [
        name
        for name, path in paths.items()
        if ">>> " in (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
    ]


@pytest.mark.parametrize("name", [*with_examples(budgetnet), *with_examples(tools)])
def test_examples(name, monkeypatch):
    """As a reader would try them: in the repository's folder."""
    monkeypatch.chdir(ROOT)
    if name == "tools.griffe_examples":
        pytest.importorskip("griffe", reason="griffe comes with the extra docs")
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert tried
    assert not failed
