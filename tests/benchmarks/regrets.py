"""Puts runs of `search_table` together, made one after the other with ``--json`` and ``--first``.

python -m tests.benchmarks.regrets RUNS.json [RUNS.json …]
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.tables import table

__all__ = ["summary"]

Cell = tuple[str, str, int, float]


def summary(paths: Sequence[Path]) -> str:
    """Return tables in Markdown: each contender's mean regret, and its difference to the model in the same runs."""
    cells: dict[Cell, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(dict))
    for path in paths:
        for part in json.loads(path.read_text(encoding="utf-8")):
            cell = part["table"], part["noise"], part["trials"], part["epochs"]
            for run, regret in enumerate(part["regrets"], start=part["first"]):
                cells[cell][part["contender"]][run] = regret
    return "\n\n".join(_cell(cell, found) for cell, found in sorted(cells.items(), key=lambda one: one[0]))


def _cell(cell: Cell, found: dict[str, dict[int, float]]) -> str:
    name, noise, trials, epochs = cell
    base = found.get("model", {})
    rows = []
    for contender, mine in found.items():
        values = np.array(list(mine.values()))
        apart = np.array([mine[run] - base[run] for run in mine if run in base])
        paired = "" if contender == "model" or not len(apart) else f"{apart.mean():+.2f} ± {_error(apart):.2f}"
        rows.append([contender, str(len(values)), f"{values.mean():.2f} ± {_error(values):.2f}", paired])
    kind = "raw scores" if noise == "raw" else "fresh noise"
    return f"{name}, {kind}, {trials} trials, {epochs:g} epochs in all\n\n" + table(
        ["contender", "runs", "regret", "less the model's"], rows
    )


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


if __name__ == "__main__":
    print(summary([Path(name) for name in sys.argv[1:]]))
