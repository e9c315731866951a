"""The tables of `train_speed`."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.contenders import Turn
from tests.benchmarks.step_clock import PARTS
from tests.benchmarks.tables import spread, table

__all__ = [
    "TWO_AT_ONCE",
    "CompileRow",
    "Rates",
    "better",
    "compile_table",
    "parts_table",
    "ratios",
    "speed_table",
    "thread_table",
]

TWO_AT_ONCE = "ours, 2 processes × 1 thread"
Rates = dict[str, dict[str, list[float]]]
"""Network, contender: images per second, round by round."""


@dataclass(frozen=True, kw_only=True)
class CompileRow:
    """What torch.compile does for one network."""

    network: str
    seconds: float
    """Until the first step is done, beyond what the step itself takes."""
    rate: float
    """Images per second afterwards."""
    without: float
    epochs: float | None
    """After how many the compilation has paid; None: never."""


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Round by round."""
    return [first / second for first, second in zip(above, below, strict=True)]


def better(rates: dict[str, list[float]]) -> str:
    """The faster of the plain loops, by the median."""
    return max((name for name in rates if name.startswith("plain")), key=lambda name: statistics.median(rates[name]))


def speed_table(rates: Rates) -> str:
    """Ours against the other two."""
    rows = []
    for name, found in rates.items():
        plain = better(found)
        rows.append([
            name, spread(found["ours"], 0), spread(found[plain], 0), "2" if "loaders" in plain else "0",
            spread(found["bare"], 0), spread(ratios(found["ours"], found[plain])),
            spread(ratios(found["ours"], found["bare"])),
        ])  # fmt: skip
    return table(["images/s", "ours", "plain", "loaders", "bare", "ours / plain", "ours / bare"], rows)


def thread_table(rates: Rates, threads: int) -> str:
    """One process of several threads against processes of one thread."""
    rows = []
    for name, found in rates.items():
        one, many, pair = (found[key] for key in ("ours, 1 thread", "ours", TWO_AT_ONCE))
        against_bare = spread(ratios(one, found["bare, 1 thread"]))
        rows.append([name, spread(one, 0), spread(many, 0), spread(pair, 0), spread(ratios(pair, many)), against_bare])
    columns = ["1 thread", f"{threads} threads", "2 × 1 thread", f"2 × 1 / {threads}", "1 thread: ours / bare"]
    return table(["ours, images/s", *columns], rows)


def parts_table(turns: dict[str, Turn]) -> str:
    """Where the time of ours goes."""
    rows = []
    for name, turn in turns.items():
        assert turn.parts is not None
        shares = [f"{100 * turn.parts[part] / turn.seconds:.1f} %" for part in PARTS]
        rows.append([name, f"{1e6 * turn.seconds / turn.images:.1f}", *shares])
    return table(["ours", "µs/image", *PARTS], rows)


def compile_table(rows: Sequence[CompileRow]) -> str:
    """What torch.compile costs and gives."""
    cells = [
        [
            row.network, f"{row.seconds:.1f} s", f"{row.without:,.0f}", f"{row.rate:,.0f}",
            "never" if row.epochs is None else f"{row.epochs:.1f}",
        ]
        for row in rows
    ]  # fmt: skip
    return table(["torch.compile", "compiling", "images/s without", "images/s with", "epochs to pay back"], cells)
