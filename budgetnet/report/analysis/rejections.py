"""Networks that were proposed but not trained to the end, by reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from budgetnet.records.trial import Record

__all__ = ["Rejections", "rejections"]

Rejections = Counter[str]
"""Numbers of networks by reason, in words."""


def rejections(records: Iterable[Record]) -> Rejections:
    """Count draws that were dropped in memory, and trials that were not trained or broke down.

    Draws that break several bounds count once, by the bound that is exceeded most; recorded trials once per bound.
    """
    found: Rejections = Counter()
    for record in records:
        for reason, number in record.rejected_before.items():
            found[_words(reason)] += number
        match record.outcome:
            case "over_budget":
                broken = [name for name, excess in record.constraints.items() if excess > 0]
                found.update(_words(name) for name in broken or ["over budget"])
            case "duplicate":
                found["equal to an earlier network"] += 1
            case "diverged":
                found["training broke down"] += 1
            case "failed":
                found["failed"] += 1
    return found


def _words(reason: str) -> str:
    names = {
        "duplicate": "equal to an earlier network",
        "params": "too many parameters",
        "flops": "too many FLOPs",
        "latency": "too slow on the machine that searched",
    }
    return names.get(reason, reason.replace("_", " "))
