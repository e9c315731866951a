"""README and docs tell the truth: commands exist and run, studies can be read, links lead somewhere, set-up is CI's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from budgetnet.derivation.expand import expand
from budgetnet.files.study_file import load_study
from budgetnet.space.choosers import prior

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in ROOT.glob("docs/**/*.md")}
PAGES |= {path.name: path.read_text(encoding="utf-8") for path in ROOT.glob("*.md")}
COMMANDS = sorted(
    {
        line.split("#")[0].strip()
        for text in PAGES.values()
        for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("budgetnet ")
    }
    | set(re.findall(r"\| `(budgetnet [^`]+)` \|", PAGES["docs/questions.md"]))
)
LINKS = sorted(
    {
        (page, link)
        for page, text in PAGES.items()
        for link in re.findall(r"\]\((?!https?:|mailto:)([^)#]+)(?:#[^)]*)?\)", text)
    }
)


def run(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run budgetnet as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "budgetnet", *words], capture_output=True, text=True, check=False, cwd=cwd, timeout=300
    )


@cache
def help_of(command: str) -> str:
    """A command's help, asked for once."""
    shown = run(command, "--help")
    assert shown.returncode == 0, shown.stderr
    return shown.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one(command):
    """Each named command and each of its options is in that command's help."""
    words = shlex.split(command)[1:]
    for option in (word for word in words if word.startswith("--")):
        assert option in help_of(words[0])


def test_the_main_command_runs_offline(tmp_path):
    """The quickstart, cut to three networks and no finalists, trains and prints its frontier."""
    assert "&& .venv/bin/budgetnet search studies/quickstart.yaml" in README
    done = run("search", "studies/quickstart.yaml", "--out", str(tmp_path), "--trials", "3", "--no-finalists")
    assert done.returncode == 0, done.stderr
    assert "Nothing found is both smaller and more accurate than these:" in done.stdout
    assert "budgetnet search studies/cifar10-200k.yaml" in done.stdout


def test_the_example_study_can_be_read_and_derived(tmp_path):
    """The study in the README is a study, and networks come out of it."""
    import random

    text = next(block for block in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "study: my-first" in block)
    path = tmp_path / "my-first.yaml"
    path.write_text(text, encoding="utf-8")
    study = load_study(path)
    derived = expand(
        study.grammar,
        input_shape=(3, 32, 32),
        classes=10,
        vocabulary=study.vocabulary,
        choose=prior(random.Random(0)),
    )
    assert derived.shape == (10,)


def test_the_plugin_in_the_docs_is_the_one_that_ships():
    """docs/plugins.md quotes studies/own-block.yaml and studies/blocks/gated.py."""
    page = PAGES["docs/plugins.md"]
    study = (ROOT / "studies" / "own-block.yaml").read_text(encoding="utf-8")
    assert "plugins: [blocks/gated.py]" in study
    block = next(block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "class Gated" in block)
    shipped = (ROOT / "studies" / "blocks" / "gated.py").read_text(encoding="utf-8")
    constructor = block[block.index("    def __init__") : block.index("    def forward")]
    assert constructor in shipped


def test_the_python_in_the_readme_runs():
    """The section "From Python", as written, in the repository's folder."""
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "import budgetnet" in block)
    code += "print(sum(weight.numel() for weight in module.parameters()) == bn.count(net).params, len(trials))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "True 40", done.stderr


def test_the_readme_is_short():
    """Details belong to docs/."""
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_test_command():
    """`.ci/run` makes an environment of its own, and runs the README's test command in the unpacked distribution."""
    assert ".venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest" in README
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python3 -m venv" in script
    commands = script[script.index("tar -xzf") :]
    assert re.search(r"^python -m pip install .*-e '\.\[test\]'\npython -m pytest", commands, re.MULTILINE)


@pytest.mark.parametrize(("page", "link"), LINKS, ids=lambda part: part)
def test_links_lead_somewhere(page, link):
    """Every relative link in README, docs and the other pages is a file or folder of the repository."""
    assert (ROOT / page).parent.joinpath(link).exists()
