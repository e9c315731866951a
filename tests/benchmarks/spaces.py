"""What the benchmarks of the space share: the two grammars they speak of, their tables, and how results are shown."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from budgetnet.files.spaces import space_of as space_of_study
from budgetnet.files.study_file import load_study
from budgetnet.space.counting.table import Table
from budgetnet.space.counting.tabulate import tabulate
from budgetnet.space.space import Space
from tests.benchmarks.tables import header, table, write_json
from tests.space.spaces import FLAGSHIP, space_of

__all__ = ["STUDY", "arguments", "bars", "example", "finish", "flagship", "header", "markdown", "quantiles", "table_of"]

STUDY = Path(__file__).parents[2] / "studies" / "cifar10-200k.yaml"
"""The flagship study: what the project's own result was found with."""


def flagship() -> Space:
    """The flagship study's space: at most 200,000 parameters and 20M FLOPs."""
    return space_of_study(load_study(STUDY))


def example() -> Space:
    """The language's first example for CIFAR-10, 10 orders of magnitude larger: 200,000 parameters, 60M FLOPs."""
    return space_of(FLAGSHIP, shape=(3, 32, 32), classes=10, params=200_000, flops=60_000_000)


def table_of(space: Space) -> Table:
    """The exact table of a space, which must exist."""
    made = tabulate(space)
    assert isinstance(made, Table)
    return made


def arguments(text: str | None, **numbers: int) -> argparse.Namespace:
    """Read ``--json PATH`` and whole numbers with defaults from the command line."""
    parser = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, help="write the results here, too")
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default:,}")
    return parser.parse_args()


def markdown(rows: Sequence[Mapping[str, object]]) -> str:
    """Rows of equal keys as a table in Markdown."""
    return table(list(rows[0]), [[_text(cell) for cell in row.values()] for row in rows])


def _text(cell: object) -> str:
    match cell:
        case bool() | None:
            return {True: "yes", False: "no", None: "–"}[cell]
        case int():
            return f"{cell:,}" if cell < 10**15 else f"{cell:.4e}"
        case float():
            return f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.4g}"
        case _:
            return str(cell)


def quantiles(values: Sequence[int], at: Sequence[float] = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)) -> list[int]:
    """Values at some shares of a sample (the nearest rank below)."""
    ordered = sorted(values)
    return [ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in at]


def bars(shares: Sequence[float]) -> str:
    """A histogram as one line of blocks, the largest the highest; a dot where there is nothing."""
    most = max(shares, default=0.0) or 1.0
    return "".join("·" if share == 0 else "▁▂▃▄▅▆▇█"[min(7, int(8 * share / most))] for share in shares)


def finish(begun: Mapping[str, object], results: Mapping[str, Any], path: Path | None) -> None:
    """Print what it ran on; write the results where a file was asked for.

    Args:
        begun: `header` as it was before the work.
        results: plain values.
        path: of the JSON file.
    """
    print("\n" + ", ".join(f"{key}: {value}" for key, value in begun.items() if isinstance(value, int | float | str)))
    write_json(path, {**begun, **results})
