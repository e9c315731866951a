"""Requests to end: the first is noted, and only an impatient Ctrl-C interrupts."""

from __future__ import annotations

import os
import signal

import pytest

from budgetnet.workers.interruption import Interruption


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
