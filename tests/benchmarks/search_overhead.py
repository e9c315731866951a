"""How much of a search's time its workers do not train, from a study's record or from a search run here.

    python -m tests.benchmarks.search_overhead studies/results/cifar10-200k/study.db
    python -m tests.benchmarks.search_overhead --search studies/cifar10-200k.yaml --trials 8 [--workers 2]
    python -m tests.benchmarks.search_overhead --quick

A record holds when each trial began and ended (Optuna), which process and worker had it, and the seconds that `fit`
took. So the time of a worker, from its first trial's start to its last one's end, divides without rest into

- *training*: what `fit` took: steps, validation, and waiting for the pruner's leave to go on after an epoch;
- *between*: from the end of one trial to the start of the next: proposing, counting with fvcore, recording;
- *within*: the rest of each trial but the first: handing the network over, building it, writing how it ended;
- *starting*: the same of the first: starting the process, importing torch, loading the images;
- *last*: from its last trial's end to that of the other workers of its session, when nothing further was to start.

A session is one process's part in the study. The last two happen once a session, so their share falls with its length;
*share* is between + within of all but them. In a session that was interrupted *last* is unknown, since a trial that was
cut off names no worker, and so is what came after each worker's last finished trial. A search run here also shows
what the deciding process does, by clocks around its parts, and how long the pruner's answers may have taken.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from budgetnet.records.trial import Record
from tests.benchmarks.deciding import Deciding, read_database, run_search
from tests.benchmarks.tables import header, table, write_json

ROOT = Path(__file__).parents[2]
LIMIT = 0.02
"""The share that is aimed at, of trials of CIFAR-10's size."""


@dataclass(frozen=True, kw_only=True)
class Span:
    """The time of one worker in one session, in seconds; the five last fields add up to all of it."""

    session: int
    worker: str
    trials: int
    training: float
    between: float
    within: float
    starting: float
    last: float | None
    """None in a session that was interrupted."""

    @property
    def steady(self) -> float:
        """Seconds without starting and last."""
        return self.training + self.between + self.within


def spans(records: Iterable[Record]) -> list[Span]:
    """Divide the time of every worker; trials that were not trained to an end of their own are left out."""
    sessions: dict[str, list[Record]] = {}
    for record in sorted(records, key=lambda record: record.number):
        if record.started is not None and record.owner:
            sessions.setdefault(record.owner, []).append(record)
    found = []
    for number, members in enumerate(sessions.values()):
        cut = any(record.outcome in ("interrupted", "running") for record in members)
        timed = [record for record in members if record.seconds is not None and record.finished is not None]
        for worker in sorted({record.worker for record in timed}):
            own = sorted((record for record in timed if record.worker == worker), key=_begun)
            last = None if cut else max(map(_ended, timed)) - _ended(own[-1])
            found.append(_span(number, worker.rpartition("/")[2], own, last))
    return found


def _span(session: int, worker: str, own: Sequence[Record], last: float | None) -> Span:
    """Divide one worker's time; *own* are its trials in order."""
    beside = [_ended(record) - _begun(record) - (record.seconds or 0.0) for record in own]
    return Span(
        session=session,
        worker=worker,
        trials=len(own),
        training=sum(record.seconds or 0.0 for record in own),
        between=sum(_begun(after) - _ended(before) for before, after in itertools.pairwise(own)),
        within=sum(beside[1:]),
        starting=beside[0],
        last=last,
    )


def _begun(record: Record) -> float:
    assert record.started is not None
    return record.started.timestamp()


def _ended(record: Record) -> float:
    assert record.finished is not None
    return record.finished.timestamp()


def share(found: Sequence[Span]) -> float:
    """Between and within, as a share of all time but starting and last."""
    return sum(span.between + span.within for span in found) / sum(span.steady for span in found)


def span_table(found: Sequence[Span]) -> str:
    """A line per worker and session, and what they come to."""
    rows = [
        [
            f"{span.session} / {span.worker}", str(span.trials),
            *(f"{value:.2f}" for value in (span.training, span.between, span.within, span.starting)),
            "?" if span.last is None else f"{span.last:.2f}", f"{100 * share([span]):.2f} %",
        ]
        for span in found
    ]  # fmt: skip
    sums = [
        f"{sum(values):.2f}"
        for values in zip(
            *((span.training, span.between, span.within, span.starting, span.last or 0.0) for span in found),
            strict=True,
        )
    ]
    rows.append(["together", str(sum(span.trials for span in found)), *sums, f"{100 * share(found):.2f} %"])
    return table(
        ["session / worker", "trials", "training s", "between s", "within s", "starting s", "last s", "share"], rows
    )


def verdict(found: Sequence[Span]) -> str:
    """The result in words."""
    repeated = sum(span.trials - 1 for span in found)
    outside = sum(span.between + span.within for span in found)
    total = sum(span.steady + span.starting + (span.last or 0.0) for span in found)
    once = sum(span.starting + (span.last or 0.0) for span in found)
    lines = [
        f"Outside training: {100 * share(found):.2f} % (aim: under {100 * LIMIT:.0f} %); with starting and the wait at "
        f"the end, once a session: {100 * (outside + once) / total:.2f} %."
    ]
    if repeated:
        lines.append(
            f"That is {outside / repeated:.3f} s a trial: under {100 * LIMIT:.0f} % for trials that train longer than "
            f"{outside / repeated * (1 - LIMIT) / LIMIT:.1f} s."
        )
    return "\n".join(lines)


def deciding_table(deciding: Deciding) -> str:
    """What the process that decides did."""
    rows = [
        [part, str(deciding.calls[part]), f"{seconds:.3f}", f"{1000 * seconds / max(1, deciding.calls[part]):.1f}",
         f"{100 * seconds / deciding.wall:.2f} %"]
        for part, seconds in sorted(deciding.seconds.items(), key=lambda entry: -entry[1])
    ]  # fmt: skip
    return table(["the deciding process", "calls", "s", "ms a call", "of the wall time"], rows)


def answers(deciding: Deciding, workers: int) -> str:
    """What may be hidden in the training seconds."""
    busy = sum(deciding.seconds.values())
    return (
        f"Wall time {deciding.wall:.1f} s. Answering workers after epochs took {deciding.seconds['epoch']:.2f} s, "
        f"which their training seconds hold; with waiting while another was served, at most {busy:.2f} s each, "
        f"{100 * busy / deciding.wall:.2f} %.\nThe deciding process used {deciding.processor:.1f} s of processor time: "
        f"{100 * deciding.processor / deciding.wall / workers:.2f} % of {workers} cores."
    )


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("database", nargs="?", type=Path, help="a study.db; it is copied, not touched")
    parser.add_argument("--search", type=Path, metavar="STUDY", help="run this study, without finalists")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, help="instead of the study's")
    parser.add_argument("--quick", action="store_true", help="a search of a few seconds: whether it runs")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    if given.quick:
        given.search, given.trials, given.workers, given.epochs = ROOT / "studies/quickstart.yaml", 3, 1, 1
    if (given.database is None) == (given.search is None):
        parser.error("name either a study.db or --search STUDY (or --quick)")
    return given


def main(arguments: Sequence[str] | None = None) -> int:
    """Read or run, and print."""
    given = options(arguments)
    deciding: Deciding | None = None
    if given.search is not None:
        about = header(study=given.search.name, trials=given.trials, workers=given.workers)
        print("\n".join(f"{key}: {value}" for key, value in about.items()), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            records, deciding = run_search(
                given.search, Path(folder), trials=given.trials, workers=given.workers, epochs=given.epochs
            )
    else:
        about = {"record": str(given.database)}
        records = read_database(given.database)
    found = spans(records)
    if not found:
        outcomes = ", ".join(f"trial {record.number} {record.outcome}" for record in records) or "none was begun"
        print(f"no trial was trained to an end: {outcomes}")
        return 1
    print(f"\n{span_table(found)}\n\n{verdict(found)}")
    trained = [record.seconds for record in records if record.seconds is not None]
    print(f"Trials took {statistics.median(trained):.1f} s (median of {len(trained)}).")
    if deciding is not None:
        print(f"\n{deciding_table(deciding)}\n\n{answers(deciding, given.workers)}")
    write_json(
        given.json,
        {
            "about": about, "share": share(found), "workers": [asdict(span) for span in found],
            "deciding": None if deciding is None else asdict(deciding),
        },
    )  # fmt: skip
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
