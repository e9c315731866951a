"""Accuracy over several runs of one network: n, mean and deviation, computed in one place."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Score"]


@dataclass(frozen=True, slots=True)
class Score:
    """Accuracies over runs, as fractions."""

    accuracies: tuple[float, ...]

    @classmethod
    def of(cls, accuracies: Iterable[float | None]) -> Score:
        """Collect the accuracies of the runs that have one."""
        return cls(tuple(accuracy for accuracy in accuracies if accuracy is not None))

    @property
    def n(self) -> int:
        """How many runs."""
        return len(self.accuracies)

    @property
    def mean(self) -> float | None:
        """None without a run."""
        return statistics.fmean(self.accuracies) if self.accuracies else None

    @property
    def deviation(self) -> float | None:
        """Sample standard deviation; None below two runs."""
        return statistics.stdev(self.accuracies) if self.n > 1 else None

    @property
    def spread(self) -> str:
        """``91.30 ± 0.12``: mean and standard deviation in percent; a dash without a run."""
        if self.mean is None:
            return "–"
        return f"{100 * self.mean:.2f}" + ("" if self.deviation is None else f" ± {100 * self.deviation:.2f}")

    def __str__(self) -> str:
        """``91.30 ± 0.12 % (3 seeds)``."""
        return f"{self.spread} % ({self.n} seed{'s' if self.n > 1 else ''})" if self.n else self.spread

    def document(self) -> dict[str, Any]:
        """Return mean, deviation and n for JSON."""
        return {"mean": self.mean, "deviation": self.deviation, "n": self.n}
