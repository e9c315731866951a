"""Latency, throughput and memory of networks on this device, interleaved, so that a busy moment hits all of them."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import torch

from budgetnet.errors import RequestError
from budgetnet.export.bench.load import BenchEntry, load_entry
from budgetnet.export.bench.runners import Runners, RunWay, many_compilations
from budgetnet.files.network_file import Network
from budgetnet.text import bytes_text, counted, joined_table
from budgetnet.workers.environment import environment

__all__ = ["BenchReport", "Timing", "all_threads", "bench_networks"]

VISIT = 5
"""Runs of each network and way while a setting has its turn, after one that does not count."""
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
    """Resident memory that it adds while it runs; None where the system does not tell (`bench.load`)."""
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

    Settings take turns in short visits, and within a visit networks and ways take turns run by run, so that a busy
    moment of the machine hits all of them.

    Args:
        networks: labels and networks.
        ways: how to run them.
        batches: images per run.
        threads: numbers of threads.
        seconds: least time that each network is measured in each setting (between `LEAST_RUNS` and `MOST_RUNS` runs).
        say: told what is done.

    Raises:
        RequestError: there is no network, or a number is below 1.
    """
    for word, numbers in (("batches", batches), ("threads", threads)):
        if not numbers or min(numbers) < 1:
            raise RequestError(f"{word} must be whole numbers of at least 1, but got {list(numbers)}")
    if not networks:
        raise RequestError("a bench needs at least one network, but got none; name a network file or STUDY:17")
    before = torch.get_num_threads()
    settings = [(count, batch) for count in threads for batch in batches]
    entries: list[BenchEntry] = []
    try:
        with Runners.of([network for _, network in networks]) as runners, torch.inference_mode(), many_compilations():
            for count, batch in settings:
                torch.set_num_threads(count)
                say(f"loading for batch {batch} on {counted(count, 'thread')}")
                for (label, network), made in zip(networks, runners, strict=True):
                    images = torch.randn(batch, *network.input_shape, generator=torch.Generator().manual_seed(0))
                    entries += [load_entry(made, label, way, images, count) for way in ways]
            say(f"measuring {counted(sum(entry.runner is not None for entry in entries), 'way')} of running, in turns")
            _take_turns([entry for entry in entries if entry.runner is not None], seconds)
    finally:
        torch.set_num_threads(before)
    return BenchReport(timings=tuple(_timing(entry) for entry in entries), environment=_machine())


def all_threads() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _take_turns(entries: Sequence[BenchEntry], seconds: float) -> None:
    """Run all of them until each was measured long enough."""
    settings = dict.fromkeys((entry.threads, len(entry.images)) for entry in entries)
    while any(not _enough(entry.times, seconds) for entry in entries):
        for setting in settings:
            visited = [
                entry
                for entry in entries
                if (entry.threads, len(entry.images)) == setting and not _enough(entry.times, seconds)
            ]
            if not visited:
                continue
            torch.set_num_threads(setting[0])
            for entry in visited:  # the caches hold what ran before
                entry.run()
            for _ in range(VISIT):
                for entry in visited:
                    start = time.perf_counter()
                    entry.run()
                    entry.times.append(time.perf_counter() - start)


def _enough(times: list[float], seconds: float) -> bool:
    return len(times) >= MOST_RUNS or (len(times) >= LEAST_RUNS and sum(times) >= seconds)


def _timing(entry: BenchEntry) -> Timing:
    batch, times = len(entry.images), entry.times
    if not times:
        return Timing(network=entry.network, way=entry.way, batch=batch, threads=entry.threads, reason=entry.reason)
    return Timing(
        network=entry.network,
        way=entry.way,
        batch=batch,
        threads=entry.threads,
        median_s=statistics.median(times),
        p95_s=statistics.quantiles(times, n=20, method="inclusive")[-1],
        runs=len(times),
        memory_bytes=entry.memory,
    )


def _machine() -> dict[str, Any]:
    from importlib.metadata import PackageNotFoundError, version

    told = {name: value for name, value in environment().items() if name != "command"}
    told["cores"] = all_threads()
    with suppress(PackageNotFoundError):
        told["onnxruntime"] = version("onnxruntime")
    return told
