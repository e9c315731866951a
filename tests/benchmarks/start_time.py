"""How long `budgetnet --help` and a command without torch take: ``python tests/benchmarks/start_time.py``.

Prints the median and the slowest of several fresh processes, and exits with 1 where the median of `--help` is above
half a second.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 10
LIMIT = 0.5
"""Seconds for `--help`; a bare interpreter takes about 0.02 of them."""
STUDY = Path(__file__).parents[2] / "studies" / "quickstart.yaml"


def seconds(*words: str) -> list[float]:
    """Wall-clock times of fresh processes, one after the other."""
    times = []
    for _ in range(RUNS):
        begin = time.perf_counter()
        subprocess.run([sys.executable, *words], capture_output=True, check=True)
        times.append(time.perf_counter() - begin)
    return times


def main() -> int:
    """Print a line per command."""
    cases = {
        "python -c pass": ("-c", "pass"),
        "budgetnet --help": ("-m", "budgetnet", "--help"),
        "budgetnet explore -n 100": ("-m", "budgetnet", "explore", str(STUDY), "-n", "100"),
    }
    medians = {}
    print(f"{'command':<28}{'median s':>10}{'slowest s':>11}   n={RUNS}")
    for name, words in cases.items():
        times = seconds(*words)
        medians[name] = statistics.median(times)
        print(f"{name:<28}{medians[name]:>10.3f}{max(times):>11.3f}")
    return int(medians["budgetnet --help"] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
