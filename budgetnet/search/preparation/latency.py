"""Latency of a candidate, measured on this machine before it is trained: nothing predicts it.

Whoever trains at the same time only adds to a run's time, so a look is the lower quartile of its runs. One look decides
where it is clear; near the bound the median of several does.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from budgetnet.errors import SearchError
from budgetnet.files.study import Study
from budgetnet.network.nodes import Node, Shape
from budgetnet.network.torch.build import build_nodes
from budgetnet.numbers import time_text
from budgetnet.records.trial import Record
from budgetnet.space.space import Space
from budgetnet.text import counted
from budgetnet.workers.environment import environment

__all__ = ["Latency", "LatencyJudge", "latency_judge", "look"]

_WARM_UP = 3
"""Runs before the first one that counts."""
_LEAST_RUNS = 20
_MOST_RUNS = 200
_SECONDS = 0.25
"""Time of a look, within these numbers of runs."""
_NEAR = 0.25
"""Distance from the bound, as a share of it, within which looks are repeated."""
LOOKS = 5
"""Looks near the bound."""
MOST_SLOW = 100
"""Networks that may be too slow in a row before anything was trained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Measured time of one image on one thread."""

    seconds: float
    looks: int
    processor: str

    def attributes(self) -> dict[str, Any]:
        """Return it as attributes of a trial."""
        return {"latency": self.seconds, "latency_on": self.processor}

    def excess(self, limit: float) -> str | None:
        """Return the reason why it breaks a bound; None if it keeps it."""
        if self.seconds <= limit:
            return None
        over = 100 * (self.seconds / limit - 1)
        return (
            f"{time_text(self.seconds)} for one image, {over:.3g} % over {time_text(limit)}, measured on "
            f"{self.processor} ({self.looks} look{'s' if self.looks > 1 else ''}, one thread)"
        )


@dataclass(slots=True)
class LatencyJudge:
    """Measures candidates of one study on this machine."""

    limit: float
    """The bound in seconds."""
    input_shape: Shape
    modules: Mapping[str, Any]
    """Torch modules of the study's own primitives."""
    clock: Callable[[], float] = time.perf_counter
    processor: str = field(default_factory=lambda: str(environment()["processor"]))
    _slow: list[float] = field(default_factory=list)

    def notes(self, records: Iterable[Record]) -> list[str]:
        """Return what a start of the search says: where latency belongs to, and whether some was measured elsewhere."""
        told = [
            f"latency ≤ {time_text(self.limit)} is measured before each training, on {self.processor}, one thread: it "
            "belongs to this machine"
        ]
        others = [record.latency_on for record in records if record.latency_on not in ("", self.processor)]
        if others:
            named = ", ".join(dict.fromkeys(others))
            told.append(
                f"latency was measured on another processor so far, {named} ({counted(len(others), 'trial')}); it is "
                f"now measured on {self.processor}, where the bound does not mean the same"
            )
        return told

    def measure(self, network: Node) -> Latency:
        """Measure a network; random weights, which do not change the time, and the random state stays as it is."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            with torch.random.fork_rng(devices=[]), torch.inference_mode():
                model = build_nodes(network, self.input_shape, custom=self.modules).eval()
                image = torch.randn(1, *self.input_shape)
                found = [look(lambda: model(image), self.clock)]
                while len(found) < LOOKS and abs(found[0] / self.limit - 1) <= _NEAR:
                    found.append(look(lambda: model(image), self.clock))
        finally:
            torch.set_num_threads(before)
        return Latency(seconds=statistics.median(found), looks=len(found), processor=self.processor)

    def excess(self, found: Latency) -> str | None:
        """Return the reason why a network must not be trained; None if it may.

        Raises:
            SearchError: very many networks in a row were too slow, and none was fast enough.
        """
        reason = found.excess(self.limit)
        if reason is None:
            self._slow = []
            return None
        self._slow.append(found.seconds)
        if len(self._slow) >= MOST_SLOW:
            raise SearchError(
                f"{MOST_SLOW} networks in a row took longer than budget.latency, {time_text(self.limit)}, on "
                f"{self.processor}, the fastest {time_text(min(self._slow))}; raise the bound, offer smaller parts, or "
                "bound flops, too, which is counted before anything is drawn"
            )
        return reason


def look(run: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the lower quartile of the times of a few runs, in seconds."""
    for _ in range(_WARM_UP):
        run()
    times: list[float] = []
    while len(times) < _LEAST_RUNS or (len(times) < _MOST_RUNS and sum(times) < _SECONDS):
        start = clock()
        run()
        times.append(clock() - start)
    return statistics.quantiles(times, n=4, method="inclusive")[0]


def latency_judge(study: Study, space: Space) -> LatencyJudge | None:
    """Return who measures a study's candidates; None if its budget does not bound latency."""
    limit = study.budget.latency
    return None if limit is None else LatencyJudge(limit, space.input_shape, study.plugins.modules)
