"""The project's files agree with each other: what is distributed, what CI runs, what CONTRIBUTING names."""

from __future__ import annotations

import re
import tomllib

import pytest
import yaml

from tools.house import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
ALWAYS = {"pyproject.toml", ".gitignore", "PKG-INFO"}
"""hatchling adds these by itself."""

IGNORED = {line.strip("/*") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").split()} | {".git"}


def test_the_source_distribution_holds_the_whole_repository():
    """Its own tests need documentation, tools and CI as well; what .gitignore names stays out."""
    included = {name.strip("/") for name in PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]}
    here = {path.name for path in ROOT.iterdir() if not any(path.name.endswith(name) for name in IGNORED)}
    assert here - ALWAYS == included


def test_the_wheel_holds_the_package_only():
    """What runs, and nothing else; .ci/run compares the list of files."""
    assert PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == ["budgetnet"]
    assert "python -m tools.wheel_contents" in CI


def test_hooks_are_the_linters_of_ci():
    """A commit that passes the hooks passes the linters of CI: the same commands, from the same environment."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    linters = CI.split('echo "== linters"\n')[1].split("\n\n")[0].splitlines()
    assert [hook["entry"] for hook in hooks] == linters
    assert {repo["repo"] for repo in config["repos"]} == {"local"}


@pytest.mark.parametrize(
    "path", sorted(set(re.findall(r"`((?:budgetnet|docs|studies|tests|tools)/[\w./-]*)`", CONTRIBUTING)))
)
def test_contributing_names_what_exists(path):
    """Every file or folder that CONTRIBUTING.md names is in the repository."""
    assert (ROOT / path).exists()


@pytest.mark.parametrize("module", sorted(set(re.findall(r"python -m ((?:tests|tools)[\w.]+)", CONTRIBUTING))))
def test_contributing_names_programs_that_exist(module):
    """So is every program that it says to run."""
    path = ROOT.joinpath(*module.split("."))
    assert path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
