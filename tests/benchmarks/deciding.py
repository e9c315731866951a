"""A search with clocks in the process that decides, and records read from a study's database. For `search_overhead`."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna

from budgetnet.files.study_file import read_study
from budgetnet.records.ledger import Ledger
from budgetnet.records.trial import Record, read_records
from budgetnet.search import candidates
from budgetnet.search.candidates import CandidateSource
from budgetnet.search.loop import SearchLoop
from budgetnet.search.run import search
from budgetnet.workers.pool import Pool

__all__ = ["Deciding", "clocks", "read_database", "run_search"]

PARTS: tuple[tuple[str, Any, str], ...] = (
    ("propose", candidates, "propose"),
    ("count", CandidateSource, "_wrong_count"),
    ("record start", Ledger, "start"),
    ("record end", Ledger, "finish"),
    ("read records", Ledger, "records"),
    ("look for others", SearchLoop, "look_around"),
    ("epoch", SearchLoop, "epoch"),
    ("start worker", Pool, "_start"),
)
"""Part, owner, name of the function. count: with fvcore, against the closed form. epoch: recording it, asking the
pruner, answering. start worker: with what must be there before the first, such as packing images."""


@dataclass(kw_only=True)
class Deciding:
    """What the deciding process of a search did."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys([name for name, _, _ in PARTS], 0.0))
    """Of each part, without other parts called from within it."""
    calls: dict[str, int] = field(default_factory=lambda: dict.fromkeys([name for name, _, _ in PARTS], 0))
    wall: float = 0.0
    """Seconds of the whole search, with opening and closing it."""
    processor: float = 0.0
    """Processor seconds of this process, without its workers."""


@contextmanager
def clocks(parts: Sequence[tuple[str, Any, str]], into: Deciding) -> Iterator[None]:
    """Put clocks around functions, and take them away again. A part called by another one stops that one's clock."""
    inside = [0.0]  # for each call under way: the seconds of the clocked calls within it

    def clocked(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            inside.append(0.0)
            try:
                return function(*arguments, **named)
            finally:
                spent = time.perf_counter() - begun
                into.seconds[part] += spent - inside.pop()
                into.calls[part] += 1
                inside[-1] += spent

        return call

    before = [(owner, name, getattr(owner, name)) for _, owner, name in parts]
    for part, owner, name in parts:
        setattr(owner, name, clocked(part, getattr(owner, name)))
    try:
        yield
    finally:
        for owner, name, function in before:
            setattr(owner, name, function)


def run_search(
    path: Path, folder: Path, *, trials: int, workers: int, epochs: int | None
) -> tuple[tuple[Record, ...], Deciding]:
    """Run a study without finalists, to a number of trials; return its records and what the deciding took."""
    study = read_study(path)
    study = replace(
        study,
        search=replace(study.search, trials=trials, minutes=None, workers=workers),
        training=study.training if epochs is None else replace(study.training, epochs=epochs),
        finalists=replace(study.finalists, top=0),
    )
    deciding = Deciding()
    with clocks(PARTS, deciding):
        begun, processor = time.perf_counter(), time.process_time()
        done = search(study, out=folder, device="cpu")
        deciding.wall, deciding.processor = time.perf_counter() - begun, time.process_time() - processor
    return done.records, deciding


def read_database(path: Path) -> tuple[Record, ...]:
    """Read the trials of the one study in a copy of a database (SQLite leaves files beside what it reads)."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        for part in (path, path.with_name(f"{path.name}-wal")):
            if part.exists():
                shutil.copy(part, folder)
        study = optuna.load_study(study_name=None, storage=f"sqlite:///{Path(folder) / path.name}")
        return read_records(study)
