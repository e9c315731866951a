"""The process that is responsible for a running trial, and whether it is still alive.

A process number alone is not enough: numbers are reused, and a machine may have been restarted. So the
owner is named by host, process number and the process's start time, and only the host itself can tell whether it
lives; other hosts rely on heartbeats.
"""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from pathlib import Path
from typing import Literal

__all__ = ["host", "life_of", "this_process"]


@functools.cache
def host() -> str:
    """The name of this machine."""
    return platform.node() or "localhost"


@functools.cache
def this_process() -> str:
    """The name of this process: ``host/pid/start``."""
    return f"{host()}/{os.getpid()}/{_started(os.getpid())}"


def life_of(owner: str) -> Literal["alive", "gone", "unknown"]:
    """Tell whether a process named by `this_process` is alive; unknown if it belongs to another machine."""
    parts = owner.rsplit("/", 2)
    if len(parts) != 3 or not parts[1].isdigit() or parts[0] != host():
        return "unknown"
    started = _started(int(parts[1]))
    return "alive" if started is not None and started == parts[2] else "gone"


def _started(pid: int) -> str | None:
    """Return the start time of a process in the system's own format; None if there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        try:
            # Field 22, counted behind the command's name, which may hold blanks and brackets.
            ticks = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
            state = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return None
        return None if state == "Z" else f"{_boot()}-{ticks}"
    done = subprocess.run(  # noqa: S603 - a fixed command and a number
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return "-".join(done.stdout.split()) or None


@functools.cache
def _boot() -> str:
    """Return an identifier of the machine's current boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "boot"
