"""How a search is shown: a live view on a terminal, plain lines elsewhere. Both go to stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from budgetnet.cli.progress.tally import Tally, best_text, duration_text, record_text
from budgetnet.search.events import (
    EpochDone,
    Event,
    FinalistDone,
    FinalistsStarted,
    Listener,
    Packing,
    SearchEnded,
    SearchStarted,
    TargetReached,
    TrialDone,
    TrialStarted,
    Waiting,
)

__all__ = ["plain_line", "progress", "render", "silent"]

_ENDS = {
    "trials": "the study's number of trials is reached",
    "minutes": "the time is up",
    "target": "the target is reached",
    "interrupted": "interrupted; start again to go on",
    "exhausted": "no network is left that fits and is new",
}


def silent(event: Event) -> None:
    """Show nothing."""


@contextmanager
def progress(stream: TextIO | None = None) -> Iterator[Listener]:
    """Show a search on *stream* (stderr if None): live if it is a terminal, else a line per finished trial."""
    stream = stream or sys.stderr
    console = Console(file=stream)
    if not console.is_terminal:
        yield lambda event: _print(stream, event)
        return
    tally = Tally()
    with Live(console=console, refresh_per_second=4, get_renderable=lambda: render(tally)):

        def show(event: Event) -> None:
            tally(event)
            if isinstance(event, TargetReached | FinalistDone | SearchEnded) and (line := plain_line(event)):
                console.print(line, highlight=False)

        yield show


def _print(stream: TextIO, event: Event) -> None:
    line = plain_line(event)
    if line:
        print(line, file=stream, flush=True)


def plain_line(event: Event) -> str | None:
    """Return one line about an event, or None for those that say too little."""
    match event:
        case SearchStarted():
            trained = sum(record.trained for record in event.records)
            line = f"study {event.study}: {trained} of {event.trials} networks trained, {event.workers} workers"
            if event.lost:
                line += f"; trials {', '.join(map(str, event.lost))} were cut off and are repeated"
            return f"{line}; {event.folder}"
        case TrialStarted() | EpochDone():
            return None
        case TrialDone(record, leader, trained):
            mark = " ← best" if leader is not None and leader.number == record.number else ""
            return f"[{trained}] {record_text(record)}{mark}"
        case TargetReached(record, target):
            return f"target reached: {100 * (record.accuracy or 0):.2f} % of {100 * target:g} %, trial {record.number}"
        case Packing(done, total):
            return f"packing images, once: {done:,} of {total:,}"
        case Waiting(running):
            return f"waiting for {running} trials of other processes"
        case SearchEnded(reason, trained, leader):
            head = f"search ended: {_ENDS[reason]}; {trained} networks trained"
            return f"{head}; best: {best_text(leader)}" if leader is not None else head
        case FinalistsStarted(trials, runs, epochs):
            names = ", ".join(map(str, trials))
            return f"finalists: trials {names}; {runs} runs of {epochs} epochs on train + validation images"
        case FinalistDone(number, run, result):
            if result.test_accuracy is None:
                return f"finalist {number}, run {run + 1}: failed, {result.failed}"
            return (
                f"finalist {number}, run {run + 1}: {100 * result.test_accuracy:.2f} % on {result.test_images:,} test "
                f"images, {duration_text(result.seconds)}"
            )


def render(tally: Tally) -> Group:
    """Return the live view."""
    facts = Table.grid(padding=(0, 2), expand=True)
    facts.add_column(style="dim", no_wrap=True, width=max(12, min(len(tally.study), 24)))
    facts.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
    left = tally.left
    clock = f"{duration_text(tally.elapsed)} elapsed" + (f", about {duration_text(left)} left" if left else "")
    facts.add_row(tally.study, f"{tally.phase} · {clock}")
    if tally.packing is not None:
        facts.add_row("images", _bar(*tally.packing))
    facts.add_row("trained", _bar(tally.trained, tally.trials))
    if tally.finals:
        facts.add_row("finalists", _bar(tally.finals_done, tally.finals))
    facts.add_row("trials", _counts(tally.outcomes))
    facts.add_row("not trained", _counts(tally.rejections))
    if tally.best is not None:
        facts.add_row("best", Text(best_text(tally.best), style="bold"))
    for number, network in sorted(tally.running.items()):
        facts.add_row(f"  {number}", f"{tally.status.get(number, ''):<20} {network}")
    return Group(facts)


def _bar(done: int, total: int) -> Table:
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=max(total, 1), completed=done, width=30), f"{done} of {total}")
    return row


def _counts(counts: dict[str, int]) -> str:
    named = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in named) or "–"
