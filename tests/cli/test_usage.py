"""Mistakes in the words of a command: one voice, exit code 2."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.cli.app import Commands


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("bananas", "there is no command 'bananas'; commands are search, worker, explore, "),
        ("serch x.yaml", "there is no command 'serch'; did you mean 'search'?"),
        ("diff A", "diff needs A and B, but got no B; see: budgetnet diff --help"),
        ("diff A B C", "diff takes A and B, but got C, too; see: budgetnet diff --help"),
        ("show", "show needs NETWORK, but got none; see: budgetnet show --help"),
        ("show --verifi x.yaml", "show has no option --verifi; did you mean --verify?; see: budgetnet show --help"),
        ("--verbose", "budgetnet has no option --verbose; did you mean --version?; see: budgetnet --help"),
        ("list x.yaml --top", "--top needs a value, but got none"),
        ("show x.yaml --json=yes", "--json takes no value, but got one; write it alone"),
        ("sample x.yaml --weighting pri", "--weighting must be one of prior, uniform, but got 'pri'"),
        ("sample x.yaml --stratify wide", "--stratify must be one of size, depth, but got 'wide'"),
    ],
)
def test_mistakes_in_words_are_told_in_one_voice(words, message):
    """Rule, what came, what to do; nothing on stdout."""
    result = CliRunner().invoke(app, words.split(), prog_name="budgetnet")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {message}")


def test_help_lists_every_command():
    """In the order of a user's work, each with its line."""
    result = CliRunner().invoke(app, ["--help"])
    assert result.exit_code == 0
    listed = [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines()]
    assert listed[:3] == ["search", "worker", "explore"]
    assert listed == list(Commands.homes)
