"""Ctrl-C, twice: the first one asks for a clean end, the second one ends at once. SIGTERM asks, too."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interruption"]


class Interruption:
    """Notes signals while a block runs: ``with Interruption() as asked: … if asked.given: …``.

    Signals can only be caught in the main thread; elsewhere the block runs as if none ever came.
    """

    def __init__(self) -> None:
        self.given = False
        """True once a clean end was asked for."""
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.given:
            raise KeyboardInterrupt
        self.given = True
