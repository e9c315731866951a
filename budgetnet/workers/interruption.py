"""A clean end on Ctrl-C, SIGTERM or SIGHUP; a second Ctrl-C ends at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["ENDING", "Interruption"]

ENDING: tuple[signal.Signals, ...] = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
"""Signals that ask a process to end: Ctrl-C, what schedulers and ``timeout`` send, and the end of a terminal."""


class Interruption:
    """Notes signals while a block runs: ``with Interruption() as asked: … if asked.given: …``.

    Only a second Ctrl-C ends at once: ``timeout`` and schedulers signal a process and then its
    group, so the same request arrives several times. A SIGHUP that ``nohup`` has switched off stays switched off.

    Signals can only be caught in the main thread; elsewhere the block runs as if none ever came.
    """

    def __init__(self) -> None:
        self.given = False
        """True once a clean end was asked for."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in ENDING:
                if signal.getsignal(number) != signal.SIG_IGN or number == signal.SIGINT:
                    self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.given and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.given = True
