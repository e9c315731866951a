"""Networks, loaded and run once, and the resident memory that each adds.

What a library sets up at its first use belongs to nobody: a tiny network runs first, in the same way. Memory that is
free again goes back to the system before anything is counted, so that a network counts what it takes, not what
another one left behind.
"""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from torch import Tensor

from budgetnet.errors import BudgetnetError
from budgetnet.export.bench.runners import Runner, Runners, RunWay, first_run

__all__ = ["BenchEntry", "load_entry"]


@dataclass(slots=True, kw_only=True)
class BenchEntry:
    """One network in one way, with one batch and number of threads."""

    network: str
    way: RunWay
    threads: int
    images: Tensor
    runner: Runner | None = None
    """None if it cannot be run."""
    reason: str | None = None
    memory: int | None = None
    times: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Run one batch."""
        assert self.runner is not None
        self.runner(self.images)


def load_entry(made: Runners, label: str, way: RunWay, images: Tensor, threads: int) -> BenchEntry:
    """Load a network in one way, run it twice, and count the memory.

    The first run compiles and sets up; the memory is the process's peak while the second one runs, less what it had
    before the network was loaded: weights, activations, and what the runtime keeps for it.
    """
    entry = BenchEntry(network=label, way=way, threads=threads, images=images)
    try:
        made.prepare(way)
        first_run(_tiny(made, way, threads), images)
        before = _resident()
        runner = made.make(way, threads)
        entry.reason = first_run(runner, images)
    except BudgetnetError as error:
        entry.reason = str(error)
    if entry.reason is not None:
        return entry
    entry.runner = runner
    counting = before is not None and _resident() is not None and _peak_from_now()
    entry.run()
    peak = _status("VmHWM") if counting else None
    entry.memory = None if peak is None or before is None else max(0, peak - before)
    return entry


def _tiny(made: Runners, way: RunWay, threads: int) -> Runner:
    """Return a tiny network in the same way."""
    tiny = made.tiny()
    tiny.prepare(way)
    return tiny.make(way, threads)


def _resident() -> int | None:
    """Give free memory back, and return what the process has in bytes; None where Linux is not."""
    gc.collect()
    trim = _trim()
    if trim is not None:
        trim(0)
    return _status("VmRSS")


@cache
def _trim() -> Any:
    """The C library's function that gives free memory back, if it has one (glibc)."""
    with suppress(OSError, AttributeError):
        return ctypes.CDLL(None).malloc_trim
    return None


def _peak_from_now() -> bool:
    """Start counting peak memory from what is in use now; False where Linux is not."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)
