"""The common part of all progress views: a live view on a terminal, plain lines elsewhere. Both go to stderr.

A view takes the events of one kind of work in and knows how far it is. It says what an event is worth as a line, and
which rows its live picture has.
"""

from __future__ import annotations

import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TextIO, TypeVar

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from budgetnet.cli.output import SAY_THROUGH
from budgetnet.text import duration, fitted, short_count

__all__ = ["View", "show_progress"]

_BETWEEN = 0.25
"""Seconds between two pictures."""
_NARROW = 80
"""Columns below which the time has a row of its own."""

Happening = TypeVar("Happening")
"""The events that a view understands."""


@dataclass
class View(ABC, Generic[Happening]):
    """The state of a progress view, kept up to date by events."""

    lasting: ClassVar[tuple[type[Any], ...]] = ()
    """Events whose lines stay on a terminal, above the live picture."""

    clock: Callable[[], float] = time.monotonic
    study: str = ""
    phase: str = ""
    begin: float = 0.0
    """When this process began to train, by the clock."""
    running: dict[int, str] = field(default_factory=dict)
    """The network of each running training, by the number it goes by."""
    status: dict[int, str] = field(default_factory=dict)
    """Its last epoch and score."""
    epochs: dict[int, int] = field(default_factory=dict)
    """Number of epochs of its recipe."""
    width: int = 100
    """Columns of the terminal."""
    packing: tuple[int, int] | None = None
    """Images packed and in all, while that goes on."""

    @abstractmethod
    def __call__(self, event: Happening) -> None:
        """Take an event in."""

    @abstractmethod
    def line(self, event: Happening) -> str | None:
        """Return one line about an event that was taken in, or None for those that say too little."""

    @abstractmethod
    def rows(self) -> Iterable[tuple[str, RenderableType]]:
        """Return what the live picture says between its head and what is running."""

    @property
    @abstractmethod
    def left(self) -> float | None:
        """Seconds until all is trained, at the pace so far; None before anything is known of it."""

    @property
    def elapsed(self) -> float:
        """Seconds since this process began to train."""
        return self.clock() - self.begin if self.begin else 0.0

    def starts(self, number: int, arch: str, params: int, epochs: int) -> None:
        """Take note of a training that begins."""
        self.running[number] = f"{short_count(params)} parameters: {arch}"
        self.status[number], self.epochs[number] = "starting", epochs

    def advances(self, number: int, epoch: int, accuracy: float | None) -> None:
        """Take note of an epoch; *accuracy* is on the validation images."""
        score = "" if accuracy is None else f" {100 * accuracy:.2f} %"
        self.status[number] = f"epoch {epoch}/{self.epochs.get(number, '?')}{score}"

    def packs(self, done: int, total: int) -> None:
        """Take note of images that were packed."""
        self.packing = (done, total) if done < total else None

    def render(self) -> Group:
        """Return the live picture."""
        facts = Table.grid(padding=(0, 2), expand=True)
        facts.add_column(style="dim", no_wrap=True, width=max(12, min(len(self.study), self.width // 4, 24)))
        facts.add_column(overflow="ellipsis", no_wrap=True, ratio=1)
        left = self.left
        clock = f"{duration(self.elapsed)} elapsed" + (f", about {duration(left)} left" if left else "")
        if self.width < _NARROW:  # so that the time is not what is cut off
            facts.add_row(self.study, self.phase)
            facts.add_row("time", clock)
        else:
            facts.add_row(self.study, f"{self.phase} · {clock}")
        if self.packing is not None:
            facts.add_row("images", bar(*self.packing))
        for name, said in self.rows():
            facts.add_row(name, said)
        for number, network in sorted(self.running.items()):
            facts.add_row(f"  {number}", f"{self.status.get(number, ''):<20} {network}")
        return Group(facts)


def bar(done: int, total: int) -> Table:
    """Return a progress bar with its numbers."""
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=max(total, 1), completed=done, width=30), f"{done} of {total}")
    return row


def packing_line(done: int, total: int) -> str:
    """Return one line about images that are being packed."""
    return f"packing images, once: {done:,} of {total:,}"


@contextmanager
def show_progress(view: View[Happening], stream: TextIO | None = None) -> Iterator[Callable[[Happening], None]]:
    """Show work on *stream* (stderr if None): live if it is a terminal, else a line per event that says something.

    Yields:
        What is to be told of the events.
    """
    stream = stream or sys.stderr
    console = Console(file=stream)
    if not console.is_terminal:

        def write(event: Happening) -> None:
            view(event)
            if line := view.line(event):
                print(line, file=stream, flush=True)

        yield write
        return
    view.width = console.width
    turn = threading.RLock()

    def say(text: str) -> None:
        with turn:
            lines = fitted(text.split("\n"), console.width)  # rich would break long words and "85 %"
            console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)

    with _silent_keys(), Live(console=console, auto_refresh=False, get_renderable=view.render) as live:

        def show(event: Happening) -> None:
            with turn:
                view(event)
                if isinstance(event, view.lasting) and (line := view.line(event)):
                    say(line)

        token = SAY_THROUGH.set(say)
        try:
            with _refreshed(live, turn):
                yield show
        finally:
            SAY_THROUGH.reset(token)


@contextmanager
def _refreshed(live: Live, turn: threading.RLock) -> Iterator[None]:
    """Draw the picture again and again, never while a line is written.

    Rich's own thread takes no turns: it may erase as many rows as a picture has that is not on the terminal yet, which
    leaves rows behind in the scrollback or takes lines away.
    """
    ended = threading.Event()

    def draw() -> None:
        while not ended.wait(_BETWEEN):
            with turn:
                live.refresh()

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def _silent_keys() -> Iterator[None]:
    """Keep the terminal from writing ``^C`` into the picture, which would then be erased one line too low."""
    try:
        import termios
    except ImportError:  # Windows, which writes none
        yield
        return
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    silent = termios.tcgetattr(keyboard)
    silent[3] &= ~termios.ECHOCTL
    termios.tcsetattr(keyboard, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
