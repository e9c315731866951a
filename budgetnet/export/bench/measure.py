"""Latency, throughput and memory of networks on this device, interleaved, so that a busy moment hits all of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from budgetnet.errors import BudgetnetError, RequestError
from budgetnet.export.bench.runners import Runner, Runners, RunWay, first_run
from budgetnet.files.network_file import Network
from budgetnet.text import bytes_text, joined_table
from budgetnet.workers.environment import environment

__all__ = ["BenchReport", "Timing", "all_threads", "bench_networks"]

WARM_UP = 3
"""Runs before the first one that counts."""
LEAST_RUNS = 10
MOST_RUNS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """One network, run in one way with one batch and one number of threads."""

    network: str
    way: RunWay
    batch: int
    threads: int
    median_s: float | None = None
    """Median time of a batch in seconds; None if it could not be run."""
    p95_s: float | None = None
    """95th percentile of the same."""
    runs: int = 0
    memory_bytes: int | None = None
    """Growth of the process's peak memory while it was loaded and run once; None where the system does not tell."""
    reason: str | None = None
    """Why it could not be run."""

    @property
    def images_per_second(self) -> float | None:
        """Images of a batch over its median time."""
        return None if self.median_s is None else self.batch / self.median_s

    def document(self) -> dict[str, Any]:
        """Return it for JSON; times in seconds."""
        return {
            "network": self.network,
            "way": self.way,
            "batch": self.batch,
            "threads": self.threads,
            "median_s": self.median_s,
            "p95_s": self.p95_s,
            "images_per_second": self.images_per_second,
            "runs": self.runs,
            "memory_bytes": self.memory_bytes,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchReport:
    """All timings of one run, and what it ran on."""

    timings: tuple[Timing, ...]
    environment: dict[str, Any]

    def text(self) -> list[str]:
        """Return a table; times in milliseconds."""
        header = ["network", "way", "batch", "threads", "median ms", "95 % ms", "images/s", "memory"]
        rows = []
        for entry in self.timings:
            start = [entry.network, entry.way, str(entry.batch), str(entry.threads)]
            if entry.median_s is None or entry.p95_s is None or entry.images_per_second is None:
                rows.append([*start, "–", "–", "–", "–"])
                continue
            memory = "–" if entry.memory_bytes is None else bytes_text(entry.memory_bytes)
            times = [f"{1000 * entry.median_s:.3f}", f"{1000 * entry.p95_s:.3f}", f"{entry.images_per_second:,.0f}"]
            rows.append([*start, *times, memory])
        told = self.environment
        lines = joined_table(header, rows, left=(0, 1))
        for way, reason in dict.fromkeys((entry.way, entry.reason) for entry in self.timings if entry.reason):
            lines.append(f"{way} could not be run: {reason}")
        versions = ", ".join(f"{name} {told[name]}" for name in ("torch", "onnxruntime") if name in told)
        lines.append(f"on {told['processor']}, {told['cores']} cores; {versions}; these times belong to this machine")
        return lines

    def document(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {"timings": [entry.document() for entry in self.timings], "environment": self.environment}


def bench_networks(
    networks: Sequence[tuple[str, Network]],
    ways: Sequence[RunWay],
    *,
    batches: Sequence[int] = (1, 128),
    threads: Sequence[int],
    seconds: float = 2.0,
    say: Callable[[str], object] = str,
) -> BenchReport:
    """Measure every network in every way, with every batch and number of threads.

    Within one setting, networks and ways take turns run by run, so that a busy moment of the machine hits all of them.

    Args:
        networks: labels and networks.
        ways: how to run them.
        batches: images per run.
        threads: numbers of threads.
        seconds: least time that each network is measured in each setting (between `LEAST_RUNS` and `MOST_RUNS` runs).
        say: told what is measured.

    Raises:
        RequestError: there is no network, or a number is below 1.
    """
    for word, numbers in (("batches", batches), ("threads", threads)):
        if not numbers or min(numbers) < 1:
            raise RequestError(f"{word} must be whole numbers of at least 1, but got {list(numbers)}")
    if not networks:
        raise RequestError("a bench needs at least one network, but got none; name a network file or STUDY:17")
    before = torch.get_num_threads()
    timings: list[Timing] = []
    try:
        with Runners.of([network for _, network in networks]) as runners, torch.inference_mode():
            for count in threads:
                torch.set_num_threads(count)
                for batch in batches:
                    say(f"measuring batch {batch} on {count} thread{'s' if count > 1 else ''}")
                    timings += _setting(networks, runners, ways, batch, count, seconds)
    finally:
        torch.set_num_threads(before)
    return BenchReport(timings=tuple(timings), environment=_machine())


def all_threads() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _setting(
    networks: Sequence[tuple[str, Network]],
    runners: Sequence[Runners],
    ways: Sequence[RunWay],
    batch: int,
    threads: int,
    seconds: float,
) -> list[Timing]:
    """Measure one batch size on one number of threads."""
    entries: list[tuple[str, RunWay, Runner | None, torch.Tensor, int | None, str | None]] = []
    for (label, network), made in zip(networks, runners, strict=True):
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(batch, *network.input_shape, generator=generator)
        for way in ways:
            start = _peak_from_now()
            runner: Runner | None = None
            try:
                runner = made.make(way, threads)
                reason = first_run(runner, images)
            except BudgetnetError as error:
                reason = str(error)
            memory = None if start is None or reason else max(0, (_peak() or start) - start)
            entries.append((label, way, None if reason else runner, images, memory, reason))
    times = _interleaved([(runner, images) for _, _, runner, images, _, _ in entries if runner is not None], seconds)
    found = iter(times)
    return [
        _timing(label, way, batch, threads, next(found) if runner is not None else [], memory, reason)
        for label, way, runner, _, memory, reason in entries
    ]


def _interleaved(entries: Sequence[tuple[Runner, torch.Tensor]], seconds: float) -> list[list[float]]:
    """Return the times of each runner's runs; they take turns."""
    times: list[list[float]] = [[] for _ in entries]
    for runner, images in entries:
        for _ in range(WARM_UP):
            runner(images)
    while any(not _enough(found, seconds) for found in times):
        for (runner, images), found in zip(entries, times, strict=True):
            if not _enough(found, seconds):
                start = time.perf_counter()
                runner(images)
                found.append(time.perf_counter() - start)
    return times


def _enough(times: list[float], seconds: float) -> bool:
    return len(times) >= MOST_RUNS or (len(times) >= LEAST_RUNS and sum(times) >= seconds)


def _timing(
    label: str, way: RunWay, batch: int, threads: int, times: list[float], memory: int | None, reason: str | None
) -> Timing:
    if not times:
        return Timing(network=label, way=way, batch=batch, threads=threads, reason=reason)
    return Timing(
        network=label,
        way=way,
        batch=batch,
        threads=threads,
        median_s=statistics.median(times),
        p95_s=statistics.quantiles(times, n=20, method="inclusive")[-1],
        runs=len(times),
        memory_bytes=memory,
    )


def _peak_from_now() -> int | None:
    """Start counting peak memory from what is in use now, and return that in bytes; None where Linux is not."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return None
    return _status("VmRSS")


def _peak() -> int | None:
    return _status("VmHWM")


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _machine() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    told = {name: value for name, value in environment().items() if name != "command"}
    told["cores"] = all_threads()
    with suppress(PackageNotFoundError):
        told["onnxruntime"] = version("onnxruntime")
    return told
