"""Claims: one process alone gets a piece of work, and a dead one's is taken over."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from budgetnet.records.process import host, this_process
from budgetnet.records.sharing.claims import Claims
from budgetnet.records.storage import GRACE, default_url, open_storage


class Clock:
    """Seconds that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Tell them."""
        return self.now


@pytest.fixture
def storage(tmp_path):
    """A fresh database."""
    return open_storage(default_url(tmp_path))


def test_one_of_many_gets_it(storage):
    """However many ask at once."""
    gate = threading.Barrier(6)
    everyone = [Claims(storage, 1, owner=f"elsewhere/{number}/then") for number in range(6)]

    def ask(claims: Claims) -> bool:
        gate.wait()
        return claims.take("network:abc")

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(ask, everyone)) == [False] * 5 + [True]
    assert Claims(storage, 2).take("network:abc")  # of another study


def test_a_claim_is_given_up_by_its_owner_only(storage):
    """After that the next one gets it; asking twice is no harm."""
    first, second = Claims(storage, 1), Claims(storage, 1, owner="elsewhere/1/then")
    assert first.take("run:1")
    assert first.take("run:1")
    assert not second.take("run:1")
    second.release("run:1")
    assert not second.take("run:1")
    assert (first.others(), second.others("run:")) == ([], ["run:1"])
    assert second.others("network:") == []
    first.release("run:1")
    assert second.take("run:1")
    assert first.others() == ["run:1"]


def test_a_dead_process_of_this_machine_holds_nothing(storage):
    """Its claim is taken over at once; a living one's is not."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    dead = Claims(storage, 1, owner=f"{host()}/{process.pid}/long-ago")
    assert dead.take("run:1")
    heir, living = Claims(storage, 1, owner="elsewhere/1/then"), Claims(storage, 1, owner=this_process())
    assert heir.others() == []
    assert living.take("run:1")
    assert not heir.take("run:1")


def test_a_silent_machine_loses_its_claim_by_the_observers_clock(storage):
    """Signs of life count, not times: the clocks of two machines need not agree."""
    clock = Clock()
    far, here = Claims(storage, 1, owner="elsewhere/1/then"), Claims(storage, 1, clock=clock)
    assert far.take("run:1")
    assert not here.take("run:1")
    clock.now = GRACE - 1
    assert not here.take("run:1")
    far.beat()
    clock.now = GRACE + 1
    assert not here.take("run:1")
    clock.now = 2 * GRACE
    assert here.others() == ["run:1"]
    clock.now = 2 * GRACE + 2
    assert here.others() == []
    assert here.take("run:1")
    far.release("run:1")  # it wakes up, too late
    assert here._take_over("run:1")


def test_without_a_database_there_is_one_process():
    """Everything is granted."""
    claims = Claims(optuna.storages.InMemoryStorage(), 0)
    assert claims.take("run:1")
    assert claims.take("run:1")
    claims.beat()
    claims.release("run:1")
    assert claims.others() == []
