"""The record of what commands show on terminals of several widths."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.terminal_views import COMMANDS, ROOT, WIDTHS, live_view, page


@pytest.fixture(scope="module")
def made() -> str:
    """The page, written in the repository's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return page()


def test_the_page_is_up_to_date(made):
    """What is in the docs is what the commands print."""
    recorded = Path(ROOT, "docs", "terminal.md").read_text(encoding="utf-8")
    assert recorded == made, "run python -m tools.terminal_views > docs/terminal.md"


def test_nothing_is_wider_than_the_terminal(made):
    """Except commands, which stay on one line."""
    blocks = re.findall(r"^(\d+) columns:\n\n```text\n(.*?)```", made, re.DOTALL | re.MULTILINE)
    assert [int(width) for width, _ in blocks] == [*WIDTHS] * (1 + len(COMMANDS))
    for width, text in blocks:
        assert all(len(line) <= int(width) or line.lstrip().startswith("budgetnet ") for line in text.splitlines())


@pytest.mark.parametrize("width", WIDTHS)
def test_the_live_picture_says_what_runs_and_why(width):
    """At every width: the time left, the best so far, and each running training."""
    lines = live_view(width).splitlines()
    assert any("left" in line for line in lines)
    assert any(line.startswith("best") for line in lines)
    assert any(line.startswith("now") and "trial 28 briefly" in line for line in lines)
    assert sum(line.startswith("  2") for line in lines) == 2
