"""The page docs/terminal.md: commands on terminals of 60, 100 and 160 columns, from recorded results.

python -m tools.terminal_views > docs/terminal.md
"""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from typer.testing import CliRunner

from budgetnet.cli import app
from budgetnet.cli.progress.search import SearchProgress
from budgetnet.files.study_file import load_study
from budgetnet.records.lookup import open_trials
from budgetnet.search.events import EpochDone, SearchEvent, SearchStarted, TrialDone, TrialStarted

__all__ = ["WIDTHS", "live_view", "page", "printed"]

WIDTHS = (60, 100, 160)
"""Columns of the terminals."""

ROOT = Path(__file__).parents[1]

STUDY = "studies/cifar10-200k.yaml"
RECORD = "studies/results/cifar10-200k"
COMMANDS = {
    "What a study has found": ("list", STUDY, "--run", RECORD, "--top", "5"),
    "One of its networks": ("show", f"{STUDY}:best", "--run", RECORD),
}
"""Commands whose output is on the page, by their headings."""

HEAD = """\
# On the terminal

Results go to stdout and fit the terminal's columns: texts end with an ellipsis first, then columns at the right are
left out and named; numbers stay whole. Messages go to stderr and break between words. Commands stay on one line, so
that they can be copied. In a file or a pipe nothing is cut; `COLUMNS` sets another width.

This page shows recorded results on terminals of 60, 100 and 160 columns. It is written by
`python -m tools.terminal_views`.
"""


def page() -> str:
    """Return the whole page."""
    lines = [
        HEAD,
        "## While a search runs\n",
        "`search` keeps this picture at the lower end of the terminal, and its messages above it. Here, the recorded",
        "search of the flagship trains its 28th and 29th network.\n",
    ]
    for width in WIDTHS:
        lines += _block(width, live_view(width))
    for title, words in COMMANDS.items():
        lines += [f"## {title}\n", f"```sh\nbudgetnet {' '.join(words)}\n```\n"]
        for width in WIDTHS:
            lines += _block(width, printed(words, width))
    return "\n".join(lines)


def _block(width: int, text: str) -> list[str]:
    lines = "\n".join(line.rstrip() for line in text.rstrip().splitlines())
    return [f"{width} columns:\n", f"```text\n{lines}\n```\n"]


def printed(words: Sequence[str], width: int) -> str:
    """Return what a command prints on a terminal of so many columns."""
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": str(width)}, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def live_view(width: int) -> str:
    """Return the picture of the recorded search at its 28th trial, 12 minutes after it began."""
    trials = open_trials(load_study(ROOT / STUDY), out=ROOT / RECORD)
    before, (one, other) = trials.records[:27], trials.records[27:29]
    view = SearchProgress(clock=lambda: 720.0, width=width)
    events: list[SearchEvent] = [
        SearchStarted(trials.study.name, RECORD, trials.study.goal, trials.study.target, 40, 2, (), ()),
        *(
            TrialDone(record, max(before, key=lambda one: one.accuracy or 0.0), place + 1)
            for place, record in enumerate(before)
        ),
    ]
    for record in (one, other):
        why = "best seen 80.9 %; can still win"
        events.append(TrialStarted(record.number, record.arch, record.params or 0, record.flops or 0, 3, why))
    events.append(EpochDone(one.number, 1, one.curve[0]))
    for event in events:
        view(event)
    view.begin = 1.0
    stream = io.StringIO()
    Console(file=stream, width=width).print(view.render())
    return stream.getvalue()


def main() -> None:
    """Print the page."""
    sys.stdout.write(page())


if __name__ == "__main__":
    main()
