"""Commands of budgetnet as processes that can be killed: one of them, their workers, or the whole group.

A signal that this script was told to ignore (by ``nohup``, or by a shell that starts it in the background) would be
ignored by the commands, too, which inherit that. `hear_signals` gives the signals their meaning back.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from budgetnet.workers.interruption import ENDING

__all__ = ["KILLS", "WORKER_KILLS", "Command", "hear_signals", "worker_numbers"]

KILLS = (
    "SIGKILL main",
    "SIGKILL group",
    "SIGTERM main",
    "SIGTERM group",
    "SIGHUP main",
    "SIGHUP group",
    "SIGINT group",
)
"""Ways to end a command."""
WORKER_KILLS = ("SIGKILL worker", "SIGTERM worker", "SIGHUP worker")
"""Ways that a command outlives."""
PATIENCE = 120.0
"""Seconds within which a command must have ended after it was asked to."""
DUMPING = 10.0
"""Seconds that a command has to write down what it was doing."""


def hear_signals() -> None:
    """Let commands that are started from now on obey the signals that this process ignores; it still ignores them."""
    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)  # a program that is started gets its default in place of a function


@dataclass
class Command:
    """One command, started again and again until it ends by itself."""

    words: list[str]
    log: Path
    """What it writes to stderr; results go nowhere."""
    environment: Mapping[str, str] = field(default_factory=dict)
    program: Sequence[str] = ("-m", "budgetnet")
    """What Python runs."""
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    too_slow: list[str] = field(default_factory=list)
    """Signals after which it had not ended in `PATIENCE` seconds, and was killed, with what it was doing."""

    def start(self) -> None:
        """Start it in a group of its own."""
        self.starts += 1
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, *self.words],
                stdout=subprocess.DEVNULL, stderr=log, start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONFAULTHANDLER": "1", **self.environment},
            )  # fmt: skip

    @property
    def code(self) -> int | None:
        """The exit code; None while it runs."""
        assert self.process is not None
        return self.process.poll()

    def kill(self, kind: str, rng: random.Random) -> bool:
        """Send a signal; return False if there is nobody to receive it. Waits for the end, except of a worker's."""
        assert self.process is not None
        name, whom = kind.split()
        number = signal.Signals[name]
        workers = worker_numbers(self.process.pid)
        if self.code is not None or (whom == "worker" and not workers):
            return False
        with suppress(ProcessLookupError):
            if whom == "worker":
                os.kill(rng.choice(workers), number)
            elif whom == "main":
                os.kill(self.process.pid, number)
            else:
                os.killpg(self.process.pid, number)
        if whom != "worker":
            self.end(PATIENCE, kind)
        return True

    def end(self, patience: float, kind: str = "") -> None:
        """Wait for the end, and leave nothing of the group behind."""
        assert self.process is not None
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            if kind:
                self.too_slow.append(f"{kind}: {self._doing()}")
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _doing(self) -> str:
        """End it; return its last line, how it takes signals, and what each of its threads was doing."""
        assert self.process is not None
        before, number = self.said, self.process.pid
        deaf = f"ignores {_signals(number, 'SigIgn')}, blocks {_signals(number, 'SigBlk')}"
        self.process.send_signal(signal.SIGABRT)  # on which PYTHONFAULTHANDLER writes the stacks
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(DUMPING)
        return "\n".join([*before.splitlines()[-1:], deaf, self.said[len(before) :]])

    def until(self, reached: Callable[[], bool], patience: float) -> bool:
        """Wait until something is reached; return False if the command ended, or took too long, before."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.code is None:
            if reached():
                return True
            time.sleep(0.1)
        return reached()

    @property
    def said(self) -> str:
        """Everything that it wrote to stderr."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""


def _signals(number: int, kind: str) -> str:
    """Name the requests to end that a process ignores or blocks, where the system tells."""
    with suppress(OSError):
        for line in Path(f"/proc/{number}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{kind}:"):
                mask = int(line.split()[1], 16)
                return "/".join(one.name for one in ENDING if mask >> (one - 1) & 1) or "none"
    return "unknown"


def worker_numbers(parent: int) -> list[int]:
    """Return the process numbers of a command's workers."""
    listed = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in listed.splitlines()[1:]]
    return [int(row[0]) for row in rows if len(row) == 3 and int(row[1]) == parent and "spawn_main" in row[2]]
