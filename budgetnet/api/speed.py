"""Speed of networks from Python, measured on this machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from budgetnet.api.say import Say, say_nothing
from budgetnet.errors import RequestError

if TYPE_CHECKING:
    from budgetnet.api.networks import Network
    from budgetnet.export.bench.measure import BenchReport

__all__ = ["bench"]


def bench(
    networks: Sequence[Network | str | Path],
    *,
    ways: str | Sequence[str] | None = None,
    batches: Sequence[int] = (1, 128),
    threads: Sequence[int] | None = None,
    seconds: float = 2.0,
    say: Say = say_nothing,
) -> BenchReport:
    """Measure latency, throughput and memory of networks on this machine, all of them in one run.

    Networks and ways take turns run by run, so that a busy moment of the machine hits all of them. Weights are
    random: they do not change the time.

    Args:
        networks: networks, network files, exported folders, or ``STUDY:best`` or ``STUDY:17``.
        ways: among ``eager`` (PyTorch as it is), ``compile`` (``torch.compile``), ``onnx`` and ``int8`` (ONNX Runtime),
            in one text with commas or a list; all whose libraries are installed if None.
        batches: images per run, each at least 1.
        threads: numbers of threads; 1 and all cores if None.
        seconds: least time that each is measured in each setting.
        say: told what is measured.

    Returns:
        Median and 95th percentile of the time of a batch, images per second and memory; `BenchReport.text` is a table.

    Raises:
        RequestError: no such network, an unknown way, one whose libraries are not installed, or no time.

    >>> import budgetnet as bn
    >>> bn.bench(["studies/networks/tiniest.yaml"], ways="fast")
    Traceback (most recent call last):
        ...
    budgetnet.errors.RequestError: ways must be names among eager, compile, onnx, int8, but got 'fast'; write for
        example eager,onnx
    """
    from budgetnet.api.networks import Network, read_network
    from budgetnet.export.bench.measure import all_threads, bench_networks
    from budgetnet.export.bench.runners import read_ways

    if not 0 < seconds < math.inf:
        raise RequestError(f"seconds must be a number above 0, but got {seconds:g}")
    wanted = read_ways(ways)
    found = [each if isinstance(each, Network) else read_network(each) for each in networks]
    labelled = [(network.name or str(number), network) for number, network in enumerate(found, start=1)]
    counts = tuple(dict.fromkeys((1, all_threads()))) if threads is None else tuple(threads)
    return bench_networks(labelled, wanted, batches=batches, threads=counts, seconds=seconds, say=say)
