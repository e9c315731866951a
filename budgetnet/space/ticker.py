"""Messages of long work on a space: the listener is set around the call, and no function in between passes it on.

>>> heard = []
>>> with telling(heard.append):
...     announce("the space is large")
>>> heard
['the space is large']
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

__all__ = ["Ticker", "announce", "telling"]

SILENCE = 2.0
"""Seconds of work after which its progress is told."""
PAUSE = 5.0
"""Seconds between two messages."""
_LOOK = 64
"""Steps between two looks at the clock."""


class _Listener(NamedTuple):
    say: Callable[[str], object]
    stopped: Callable[[], bool]


_LISTENER: ContextVar[_Listener | None] = ContextVar("listener", default=None)


@contextmanager
def telling(say: Callable[[str], object], stopped: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Send messages of work on spaces to *say*.

    Args:
        say: takes one line.
        stopped: asked during the work; once it returns True, the work ends with `KeyboardInterrupt`.
    """
    token = _LISTENER.set(_Listener(say, stopped))
    try:
        yield
    finally:
        _LISTENER.reset(token)


def announce(text: str) -> None:
    """Send a message to the listener, if there is one."""
    listener = _LISTENER.get()
    if listener is not None:
        listener.say(text)


class Ticker:
    """The progress of one piece of work."""

    def __init__(self, what: str) -> None:
        """Begin.

        Args:
            what: is done, and to what, in the plural: "exploring states of the space".
        """
        self._what = what
        self._listener = _LISTENER.get()
        self._steps = 0
        self._begun = time.monotonic()
        self._next = self._begun + SILENCE

    def tick(self) -> None:
        """Count one step, and report it if the last message was long ago.

        Raises:
            KeyboardInterrupt: the listener asked for the work to end.
        """
        self._steps += 1
        if self._listener is None or self._steps % _LOOK:
            return
        if self._listener.stopped():
            raise KeyboardInterrupt
        now = time.monotonic()
        if now >= self._next:
            self._next = now + PAUSE
            self._listener.say(f"{self._what}: {self._steps:,} in {now - self._begun:.0f} s; Ctrl-C ends it")
