"""The limit of what can be said of a bound on latency before anything is measured."""

from __future__ import annotations

from budgetnet.numbers import time_text

__all__ = ["latency_text"]


def latency_text(limit: float) -> str:
    """Return what a reader should know of a bound on latency, in seconds, before a search."""
    return (
        f"latency ≤ {time_text(limit)} cannot be known before measuring: nothing is counted or left out by it; a "
        "search measures each network before it trains, on its own machine"
    )
