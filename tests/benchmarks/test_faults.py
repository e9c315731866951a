"""The commands of the faults script: they obey signals although it ignores them, and tell what they were doing."""

from __future__ import annotations

import os
import random
import signal

import pytest

from tests.benchmarks.faults import commands, processes
from tests.benchmarks.faults.processes import Command, hear_signals

DEAF = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef dream(): time.sleep(60)\n"
"""A program that does not end when it is asked to."""


UP = "import sys, time\nprint('up', file=sys.stderr, flush=True)\ntime.sleep(60)"


@pytest.fixture(autouse=True)
def under_nohup():
    """Ignore SIGHUP and SIGINT, as a script does that a shell starts with nohup in the background."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGHUP, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("kind", ["SIGHUP main", "SIGINT group"])
def test_commands_obey_although_the_script_runs_under_nohup(tmp_path, kind):
    """A script under nohup passed its deafness on, and every second SIGHUP seemed to be a command that hangs."""
    hear_signals()
    os.kill(os.getpid(), signal.SIGHUP)  # which this process still does not heed
    command = Command(["-c", UP], tmp_path / "log", program=())
    command.start()
    assert command.until(lambda: "up" in command.said, 30)
    assert command.kill(kind, random.Random(0))
    assert not command.too_slow
    assert command.code == -signal.Signals[kind.split()[0]]


def test_a_command_that_does_not_end_tells_what_it_was_doing(tmp_path, monkeypatch):
    """Its last line, the signals that it ignores, and the stack of each thread."""
    monkeypatch.setattr(processes, "PATIENCE", 0.2)
    hear_signals()
    code = DEAF + "import sys; print('at work', file=sys.stderr, flush=True); dream()"
    command = Command(["-c", code], tmp_path / "log", program=())
    command.start()
    assert command.until(lambda: "at work" in command.said, 30)
    assert command.kill("SIGTERM main", random.Random(0))
    (told,) = command.too_slow
    assert told.startswith("SIGTERM main: at work\nignores SIGTERM, blocks none\n")
    assert "in dream" in told
    assert command.code is not None


def test_what_train_and_export_need_is_searched_once(tmp_path, monkeypatch):
    """The search takes longer than the kills of either."""
    searches = []

    def search(folder) -> None:
        searches.append(folder)
        (folder / "run").mkdir()
        (folder / "faults.yaml").write_text("study: faults", encoding="utf-8")

    monkeypatch.setattr(commands, "_search", search)
    for name in ("train", "export"):
        (tmp_path / name).mkdir()
        study = commands.searched(tmp_path / name, tmp_path / "kept")
        assert study.read_text(encoding="utf-8") == "study: faults"
        assert (tmp_path / name / "run").is_dir()
    assert searches == [tmp_path / "kept"]
