"""Messages of long work on a space."""

from __future__ import annotations

import pytest

from budgetnet.space import ticker
from budgetnet.space.ticker import Ticker, announce, telling


def test_messages_go_to_who_listens() -> None:
    """Without a listener nothing happens; the innermost one hears."""
    announce("nobody hears this")
    outer: list[str] = []
    inner: list[str] = []
    with telling(outer.append):
        with telling(inner.append):
            announce("one")
        announce("two")
    assert (outer, inner) == (["two"], ["one"])


def test_long_work_tells_of_its_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short work is silent; long work says what it does, how far it is, and how to end it."""
    now = [0.0]
    monkeypatch.setattr(ticker.time, "monotonic", lambda: now[0])
    heard: list[str] = []
    with telling(heard.append):
        work = Ticker("exploring states of the space")
        for _ in range(640):
            work.tick()
        assert heard == []
        for now[0] in (2.5, 3.5, 8.0):
            for _ in range(64):
                work.tick()
    assert heard == [
        "exploring states of the space: 704 in 2 s; Ctrl-C ends it",
        "exploring states of the space: 832 in 8 s; Ctrl-C ends it",
    ]


def test_work_ends_when_asked_to() -> None:
    """Who listens can end the work."""
    with telling(print, stopped=lambda: True):
        work = Ticker("counting")
        for _ in range(63):
            work.tick()
        with pytest.raises(KeyboardInterrupt):
            work.tick()
