"""Does a search waste anything: ``python -m tests.benchmarks.bench_space_search``.

A search of the flagship grammar by each sampler, on the code path of `budgetnet search` (loop, candidates, ledger,
an SQLite database, fvcore's count of each candidate), with one thing replaced: the worker answers at once with a score
that is a fixed function of the network. Shows what was rejected after the fact, whether any network was trained twice,
and what a trial costs besides its training. ``--trials`` for fewer, ``--json PATH`` writes the results, too.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from budgetnet.files.spaces import space_of
from budgetnet.files.study import Pruner, SamplerName, Study
from budgetnet.files.study_file import read_study
from budgetnet.network.canonical.hash import canonical_hash
from budgetnet.records.ledger import Ledger
from budgetnet.records.open import open_study
from budgetnet.records.other_studies import OtherStudies
from budgetnet.records.storage import default_url
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.loop import SearchLoop
from budgetnet.search.propose import make_sampler
from budgetnet.space.space import Space
from budgetnet.workers.messages import Done, Job, Message, Result
from tests.benchmarks.spaces import STUDY, arguments, finish, header, markdown

__all__ = ["SAMPLERS", "Oracle", "searched"]

SAMPLERS: tuple[SamplerName, ...] = ("random", "tpe", "evolution")


class Oracle:
    """A worker that knows every network's score: better with depth and FLOPs, plus a part that only the hash knows."""

    def __init__(self, space: Space) -> None:
        self._space = space
        self._done: list[Message] = []
        self.trained: Counter[str] = Counter()

    @property
    def idle(self) -> list[int]:
        """One worker, busy while its answer waits to be read."""
        return [] if self._done else [0]

    def start(self) -> None:
        """Nothing is to be started."""

    def submit(self, worker: int, job: Job) -> None:
        """Answer at once."""
        cost, digest = self._space.cost(job.network), canonical_hash(job.network)
        self.trained[digest] += 1
        noise = int(digest[:8], 16) / 16**8
        score = 0.5 + 0.02 * math.log10(cost.flops) + 0.01 * min(cost.depth, 12) + 0.03 * noise
        result = Result(validation_accuracies=(score,), epochs=1, device="none", precision="none", threads=1)
        self._done.append(Done(worker, result))

    def answer(self, worker: int, *, go_on: bool) -> None:
        """Never asked."""

    def wait(self, timeout: float) -> list[Message]:  # noqa: ARG002
        """The answers."""
        said, self._done = self._done, []
        return said


def searched(study: Study, sampler: SamplerName, trials: int, folder: Path) -> dict[str, Any]:
    """Run a search in a new database."""
    options = replace(study.search, sampler=sampler, trials=trials, workers=1, minutes=None, pruner=Pruner(kind="none"))
    study = replace(study, search=options)
    space = space_of(study)
    recorded, database = open_study(study, default_url(folder))
    ledger = Ledger(recorded, database, goal=study.goal, target=study.target, seed=options.seed)
    workers = Oracle(space)
    elsewhere = OtherStudies(database, study)
    candidates = CandidateSource(space, ledger, make_sampler(study, space), options.seed, other_studies=elsewhere)
    begun, worked = time.perf_counter(), time.process_time()
    ended = SearchLoop(
        study=study, ledger=ledger, candidates=candidates, pool=workers, listen=lambda _: None, stopped=lambda: False
    ).run()
    seconds, worked = time.perf_counter() - begun, time.process_time() - worked
    assert ended == "trials", ended
    records = ledger.records()
    outcomes = Counter(record.outcome for record in records)
    dropped: Counter[str] = Counter()
    for record in records:
        dropped.update(dict(record.rejected_before))
    return {
        "sampler": sampler,
        "completed": outcomes["completed"],
        "recorded over budget": outcomes["over_budget"],
        "draws over budget": sum(number for reason, number in dropped.items() if reason != "duplicate"),
        "trained twice": sum(number - 1 for number in workers.trained.values()),
        "duplicates recorded": outcomes["duplicate"],
        "duplicates dropped": dropped["duplicate"],
        "other outcomes": sum(outcomes[name] for name in outcomes if name not in ("completed", "duplicate")),
        "best": max(record.accuracy or 0.0 for record in records),
        "ms per trial": 1000 * seconds / trials,
        "CPU ms per trial": 1000 * worked / trials,
    }


def main() -> None:
    """Print one row per sampler."""
    chosen = arguments(__doc__, trials=200)
    begun = header()
    study = read_study(STUDY)
    rows = []
    for sampler in SAMPLERS:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(searched(study, sampler, chosen.trials, Path(folder)))
    print(markdown(rows))
    finish(begun, {"searches": rows}, chosen.json)
    assert not any(row["recorded over budget"] or row["draws over budget"] or row["trained twice"] for row in rows)


if __name__ == "__main__":
    main()
