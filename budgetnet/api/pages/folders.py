"""Pages about handing over: verify, bench."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from budgetnet.api.folders import verify
from budgetnet.api.pages.networks import found_network
from budgetnet.api.pages.printout import Printout
from budgetnet.api.say import Say
from budgetnet.api.speed import bench
from budgetnet.errors import RequestError

__all__ = ["bench_answer", "verification_answer"]


def verification_answer(folder: Path, *, test_images: Path | None) -> Printout:
    """Verify an exported folder; see `budgetnet.api.folders.verify`."""
    found = verify(folder, test_images=test_images)
    return Printout(lines=found.text(), document=found.document(), command="verify", ok=found.holds)


def bench_answer(
    networks: Sequence[str],
    *,
    ways: str | None,
    batches: str,
    threads: str,
    seconds: float,
    storage: str | None,
    run: Path | None,
    say: Say,
) -> Printout:
    """Measure networks; see `budgetnet.api.speed.bench`.

    Raises:
        RequestError: an option is not made of numbers with commas between them.
    """
    from budgetnet.export.bench.measure import all_threads
    from budgetnet.export.bench.runners import read_ways

    read_ways(ways)
    sizes = _numbers("--batch", batches)
    counts = _numbers("--threads", threads.replace("all", str(all_threads())))
    found = [found_network(name, storage, run, say).architecture for name in networks]
    measured = bench(found, ways=ways, batches=sizes, threads=counts, seconds=seconds, say=say)
    return Printout(lines=measured.text(), document=measured.document(), command="bench")


def _numbers(option: str, text: str) -> tuple[int, ...]:
    """Read whole numbers of at least 1 with commas between them."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) for word in words):
        raise RequestError(f"{option} must be numbers of at least 1, but got {text!r}; write {option} 1,4")
    return tuple(dict.fromkeys(map(int, words)))
