"""Try 20,000 mutated grammars, study files and network files, and count what becomes of them.

    python tests/benchmarks/fuzz_language.py [--cases 20000] [--first 0] [--jobs 1]

Prints the outcomes by kind, the slowest texts, and every text that must not be: one that gives anything else than a
value or a located error, or takes more than a second of processor time. Exits with 1 if there is one.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent))

from tests.fuzzing import Outcome, case, judge


def try_some(numbers: range) -> list[tuple[int, Outcome]]:
    """Judge the texts of some numbers."""
    with tempfile.TemporaryDirectory() as folder:
        return [(number, judge(case(number), Path(folder))) for number in numbers]


def main() -> int:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--cases", type=int, default=20_000)
    options.add_argument("--first", type=int, default=0, help="number of the first text")
    options.add_argument("--jobs", type=int, default=1, help="processes")
    given = options.parse_args()
    begun = time.perf_counter()
    parts = [
        range(start, min(start + 250, given.first + given.cases))
        for start in range(given.first, given.first + given.cases, 250)
    ]
    found: list[tuple[int, Outcome]] = []
    with ProcessPoolExecutor(given.jobs) as pool:
        for part in pool.map(try_some, parts):
            found += part
            for number, outcome in part:
                if outcome.bad:
                    print(f"BAD {number} ({case(number).origin}, {case(number).changes}): {outcome}", flush=True)
    outcomes = Counter((case(number).kind, outcome.word) for number, outcome in found)
    last = given.first + given.cases - 1
    print(f"\n{len(found):,} texts, numbers {given.first:,} to {last:,}; Python {platform.python_version()}")
    for (kind, word), count in sorted(outcomes.items(), key=lambda entry: (entry[0][0], -entry[1])):
        print(f"{count:8,}  {kind:8} {word}")
    slowest = sorted(found, key=lambda entry: -entry[1].seconds)[:5]
    total = sum(outcome.seconds for _, outcome in found)
    print(f"\n{total:.0f} s of processor time, {time.perf_counter() - begun:.0f} s in all; the slowest:")
    for number, outcome in slowest:
        mutated = case(number)
        what = f"{mutated.kind} {mutated.origin}, {', '.join(mutated.changes)}"
        print(f"{outcome.seconds:8.3f} s  {number}: {what}: {outcome.word}")
    bad = sum(outcome.bad for _, outcome in found)
    print(f"{bad} that must not be")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
