"""A clean end on Ctrl-C, SIGTERM or SIGHUP; a second Ctrl-C ends at once.

A block that looks out for requests notes them (`Interruption`). Everywhere else they raise `KeyboardInterrupt`
(`obeyed`), and that can be lost: where Python calls something on its own, such as a finalizer or a callback of
the import system, it passes exceptions over. So a request is made again until it is seen to be heeded.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

__all__ = ["ENDING", "Interruption", "heeded", "obeyed"]

ENDING: tuple[signal.Signals, ...] = tuple(
    signal.Signals[name] for name in ("SIGINT", "SIGTERM", "SIGHUP") if name in signal.Signals.__members__
)
"""Signals that ask a process to end: Ctrl-C, what schedulers and ``timeout`` send, and the end of a terminal."""
AGAIN = 1.0
"""Seconds after which a request that had no effect is made again."""
_ALARM: signal.Signals | None = getattr(signal, "SIGALRM", None) if hasattr(signal, "setitimer") else None
_pending = False
"""True from a request to end until it is heeded."""


@contextmanager
def obeyed() -> Iterator[None]:
    """Let every request to end raise `KeyboardInterrupt` while a block runs, as Ctrl-C does.

    Requests that were switched off before (``nohup``) stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    meant = (signal.SIG_DFL, signal.default_int_handler)
    before = {number: signal.signal(number, _end) for number in ENDING if signal.getsignal(number) in meant}
    if _ALARM is not None:
        before[_ALARM] = signal.signal(_ALARM, _again)
    hook, sys.unraisablehook = sys.unraisablehook, _tell_unraisable
    try:
        yield
    finally:
        heeded()
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def heeded() -> None:
    """Take note that a request to end has had its effect, so it is not made again."""
    if _pending:
        _set_pending(to=False)


def _set_pending(*, to: bool) -> None:
    global _pending  # signals belong to the process
    _pending = to
    if _ALARM is not None:
        signal.setitimer(signal.ITIMER_REAL, AGAIN if to else 0, AGAIN if to else 0)


def _end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if number != signal.SIGINT and _unwinding():
        return  # the request is at work; what is cleared away now must not be cut short
    _set_pending(to=True)
    raise KeyboardInterrupt


def _again(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    if _pending and not _unwinding():
        raise KeyboardInterrupt


def _unwinding() -> bool:
    """Tell whether the main thread clears away after a `KeyboardInterrupt` at this moment."""
    error = sys.exc_info()[1]
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _tell_unraisable(unraisable: Any) -> None:
    """Report an exception that is passed over, as Python does, but not a request to end: it will be made again."""
    if not (_pending and issubclass(unraisable.exc_type, KeyboardInterrupt)):
        sys.__unraisablehook__(unraisable)


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
            if _pending:
                self.given = True  # it was lost before this block began
                heeded()
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self.given and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.given = True
