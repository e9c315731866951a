"""Requests to end: the first is noted, and only an impatient Ctrl-C interrupts."""

from __future__ import annotations

import os
import signal
import time

import pytest

from budgetnet.workers import interruption
from budgetnet.workers.interruption import Interruption, heeded, obeyed


@pytest.fixture(autouse=True)
def a_terminal():
    """SIGHUP means something, even if these tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_requests_are_noted_and_a_second_ctrl_c_ends_at_once(first):
    """`timeout` signals a process and then its group: SIGTERM that comes twice is still one request."""
    with Interruption() as asked:
        assert not asked.given
        os.kill(os.getpid(), first)
        assert asked.given
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGHUP)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_nohup_is_respected_and_handlers_are_given_back():
    """A SIGHUP that was switched off before stays so; afterwards every signal means what it meant."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    meant = signal.getsignal(signal.SIGTERM)
    with Interruption() as asked:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not asked.given
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    assert signal.getsignal(signal.SIGTERM) == meant


class Finalized:
    """Gets a SIGTERM while Python finalizes it, where exceptions are passed over."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)


def lose_a_request() -> None:
    """Let a request to end be passed over."""
    thing = Finalized()
    del thing


def test_a_lost_request_is_made_again(monkeypatch, capsys):
    """A signal that arrives in a finalizer or a callback of an import raises where Python passes exceptions over."""
    monkeypatch.setattr(interruption, "AGAIN", 0.05)
    meant = signal.getsignal(signal.SIGTERM)
    lost = ended = False
    with obeyed():
        try:
            lose_a_request()
            lost = True
            time.sleep(60)
        except KeyboardInterrupt:
            ended = True
            heeded()
    assert lost
    assert ended
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)  # nothing comes any more
    assert signal.getsignal(signal.SIGTERM) == meant
    assert capsys.readouterr().err == ""  # Python's report of it would mislead


def test_a_block_that_looks_out_for_requests_hears_one_lost_before(monkeypatch):
    """The request was lost during the imports; the search that begins then gives back what runs, and ends."""
    monkeypatch.setattr(interruption, "AGAIN", 600)
    with obeyed():
        lose_a_request()
        with Interruption() as asked:
            assert asked.given
            assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_clearing_away_is_not_cut_short(monkeypatch):
    """`timeout` signals a process and then its group; the second SIGTERM must not end what the first one began."""
    monkeypatch.setattr(interruption, "AGAIN", 0.02)
    cleared = []
    with obeyed():
        try:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            finally:
                try:
                    raise ValueError
                except ValueError:
                    os.kill(os.getpid(), signal.SIGTERM)
                time.sleep(0.1)
                cleared.append(True)
        except KeyboardInterrupt:
            heeded()
        assert cleared
        monkeypatch.setattr(interruption, "AGAIN", 600)
        with pytest.raises(KeyboardInterrupt):  # another request is heard
            os.kill(os.getpid(), signal.SIGTERM)


def test_errors_in_finalizers_are_reported(capsys):
    """Only requests to end are left out."""

    class Broken:
        def __del__(self):
            raise ValueError("a bug")

    with obeyed():
        thing = Broken()
        del thing
    assert "ValueError: a bug" in capsys.readouterr().err
