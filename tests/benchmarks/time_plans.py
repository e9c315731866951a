"""Planned against actual end of searches with ``minutes``, on a pretended clock and machines of several kinds.

    python -m tests.benchmarks.time_plans [--minutes 10,30,60] [--workers 1,2] [--seeds 2]

The study is small; its epochs take as long as the flagship's do on two cores (6 s for a network at its bound of FLOPs,
3 epochs briefly, 20 in full). Decisions are real ones; nothing is trained.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from budgetnet.files.study_file import parse_study
from budgetnet.search.events import FullTrainingDone, TrialDone
from tests.benchmarks.tables import table
from tests.search.clockwork import Machine, timed_search
from tests.search.helpers import study_text

__all__ = ["MACHINES"]

MACHINES = {
    "steady": Machine(seconds=6.0),
    "sizes differ tenfold": Machine(seconds=6.0, least=0.1),
    "twice as slow from half-time on": Machine(seconds=6.0),
    "twice as fast from half-time on": Machine(seconds=6.0),
    "comes and goes, by half, every 4 minutes": Machine(seconds=6.0, slowdown=lambda at: 1.5 + 0.5 * math.sin(at / 76)),
    "loud": Machine(seconds=6.0, noise=0.4),
}


def _machine(name: str, minutes: float) -> Machine:
    """Return a machine, whose half-time is that of the search."""
    machine, half = MACHINES[name], 30 * minutes
    if name.startswith("twice"):
        factor = 2.0 if "slow" in name else 0.5
        return replace(machine, slowdown=lambda at: factor if at > half else 1.0)
    return machine


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", default="10,30,60")
    parser.add_argument("--workers", default="2")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--samplers", default="model,evolution")
    asked = parser.parse_args()
    rows = []
    for sampler in asked.samplers.split(","):
        for minutes in map(float, asked.minutes.split(",")):
            for workers in map(int, asked.workers.split(",")):
                for name in MACHINES:
                    for seed in range(asked.seeds):
                        rows.append(_row(sampler, minutes, workers, name, seed))
                        print(rows[-1], flush=True)
    heads = ["sampler", "minutes", "workers", "machine", "seed", "end, minutes", "off", "brief", "in full", "cpu s"]
    print(table(heads, rows))


def _row(sampler: str, minutes: float, workers: int, name: str, seed: int) -> list[str]:
    text = study_text(
        search=f"{{trials: 1000, workers: {workers}, seed: {seed}, sampler: {sampler}, minutes: {minutes}}}",
        training="{epochs: 3}",
        finalists="{top: 3, seeds: 2, winner_seeds: 2, epochs: 20}",
    )
    study = parse_study(text, Path("timed.yaml"))
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        found = timed_search(study, Path(folder), _machine(name, minutes), workers=workers)
    brief = sum(isinstance(event, TrialDone) for event in found.events)
    full = sum(isinstance(event, FullTrainingDone) for event in found.events)
    end = found.seconds / 60
    return [
        sampler, f"{minutes:g}", str(workers), name, str(seed), f"{end:.1f}", f"{100 * (end / minutes - 1):+.0f} %",
        str(brief), str(full), f"{time.process_time() - begun:.1f}",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
