"""Repeating a trial's brief training exactly as in its search, and comparing it with the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from budgetnet.errors import RequestError, TrainingError
from budgetnet.records.checks.data import require_same_data
from budgetnet.records.lookup import Found, Trials
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record
from budgetnet.text import percent
from budgetnet.training.data.identity import data_identity
from budgetnet.training.data.load import load_dataset
from budgetnet.workers.environment import unlike
from budgetnet.workers.loop import JobLoop, TaskList
from budgetnet.workers.messages import Job, Result, Setup
from budgetnet.workers.pool import Pool

__all__ = ["FirstDifference", "Repetition", "repeat_trial", "repetition_document", "repetition_text"]

SERIES = {
    "train loss": "train_losses",
    "train accuracy": "train_accuracies",
    "validation loss": "validation_losses",
    "validation accuracy": "validation_accuracies",
}
"""Numbers compared after each epoch, in the order in which they arise, each with the field of a training."""


@dataclass(frozen=True, slots=True)
class FirstDifference:
    """The first number in which two trainings differ."""

    epoch: int
    """Epoch, counted from 1."""
    what: str
    """A key of `SERIES`."""
    recorded: float | None
    """None: the recorded training had no such epoch."""
    repeated: float | None
    """None: the repetition had no such epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """Results of a trial then and now. Accuracies are fractions."""

    trial: int
    study: str
    recorded: Mapping[str, tuple[float, ...]]
    """By `SERIES`; trials of version 0.1 have recorded validation accuracies only."""
    repeated: Mapping[str, tuple[float, ...]]
    difference: FirstDifference | None
    """None: equal bit for bit."""
    unlike: Mapping[str, tuple[Any, Any]]
    """Versions, hardware, threads, precision or device where they are not as they were: (then, now)."""
    known: bool
    """True if the record tells what it ran on."""

    @property
    def equal(self) -> bool:
        """True if every recorded number is the same, bit for bit."""
        return self.difference is None


def repeat_trial(found: Found, *, device: str = "auto", say: Callable[[str], object]) -> Repetition:
    """Train a trial's network again as its search did: same split, recipe, seed, threads, and as many epochs.

    Nothing is recorded, and no test image is read.

    Args:
        found: one of a study's trials.
        device: where; ``auto`` takes the kind of device that the trial ran on.
        say: told how it goes, a line at a time.

    Raises:
        RequestError: it is not a trial, it trained nothing, or there is no such device.
        DataError: the data set is missing or damaged.
        StudyError: the images are not those that the study was made with.
        TrainingError: out of memory, or the worker died.
    """
    trials, record = found.trials, found.record
    if trials is None or record is None:
        raise RequestError(f"--brief repeats a trial, but {found.label} is not one; name one as STUDY:17")
    then = _recorded(record, trials)
    setup = Setup.of(
        trials.study,
        device=(then.device or "auto").partition(":")[0] if device == "auto" else device,
        threads=then.threads or 1,
    )
    job = Job(
        network=found.architecture.network,
        recipe=trials.study.training,
        seed=record.seed or 0,
        ask=True,
        label=found.label,
    )
    pool = Pool(setup, 1, prepare=lambda: _check_images(trials))
    repeat = _Repeat(job, record, say)
    try:
        JobLoop(pool, repeat).run()
    finally:
        pool.stop()
    result = repeat.result
    assert result is not None  # a failure was raised
    recorded = {what: tuple(getattr(then, name)) for what, name in SERIES.items()}
    repeated = {what: tuple(getattr(result, name)) for what, name in SERIES.items()}
    return Repetition(
        trial=record.number,
        study=trials.study.name,
        recorded=recorded,
        repeated=repeated,
        difference=_first(recorded, repeated),
        unlike=_unlike(then, result),
        known=_known(then),
    )


def repetition_text(found: Repetition) -> list[str]:
    """Return the verdict, and what was not as it was then."""
    score = found.repeated["validation accuracy"]
    last = f"{percent(score[-1])} % on validation images after {_epochs(len(score))}" if score else "no finite epoch"
    lines = [f"trial {found.trial} of {found.study}, trained again as in the search: {last}"]
    difference = found.difference
    if difference is None:
        compared = [what for what, values in found.recorded.items() if values]
        lines.append(
            f"equal to its record bit for bit, in every epoch: {', '.join(compared) or 'no epoch was recorded'}"
        )
    else:
        lines.append(
            f"differs from its record, first in epoch {difference.epoch}: {difference.what} "
            f"{_number(difference.repeated)}, recorded {_number(difference.recorded)}"
        )
    if not found.known:
        lines.append("the record does not tell versions and threads: it was made by version 0.1")
    elif found.unlike:
        changes = [f"{name} {_said(then)} → {_said(now)}" for name, (then, now) in found.unlike.items()]
        lines.append(f"not as it was then: {'; '.join(changes)}")
    elif difference is not None:
        lines.append("versions, processor, threads and precision are those of the record: this should not happen")
    return lines


def repetition_document(found: Repetition) -> dict[str, Any]:
    """Return it for `--json`; accuracies are fractions."""
    return {
        "study": found.study,
        "trial": found.trial,
        "equal": found.equal,
        "first_difference": None if found.difference is None else asdict(found.difference),
        "recorded": {what.replace(" ", "_"): values for what, values in found.recorded.items()},
        "repeated": {what.replace(" ", "_"): values for what, values in found.repeated.items()},
        "unlike": {name: {"then": then, "now": now} for name, (then, now) in found.unlike.items()},
    }


def _recorded(record: Record, trials: Trials) -> TrainingRun:
    """The training to repeat.

    Raises:
        RequestError: there was none.
    """
    if record.trained and record.training is not None and record.seed is not None:
        return record.training
    address = f"{trials.study.path}:{record.number}"
    why = f" ({record.reason})" if record.reason else ""
    if record.duplicate_of is not None:
        raise RequestError(
            f"trial {record.number} trained nothing{why}; repeat the one whose score it has: "
            + trials.command("train", f"{trials.study.path}:{record.duplicate_of}", "--brief")
        )
    if record.copied_from:
        raise RequestError(
            f"trial {record.number} trained nothing{why}; repeat {record.copied_from} with that study's file, or "
            f"{trials.command('train', address)} trains its network in full"
        )
    raise RequestError(
        f"trial {record.number} ended as {record.outcome.replace('_', ' ')}{why} and has no score to repeat; "
        f"{trials.command('train', address)} trains its network in full"
    )


def _check_images(trials: Trials) -> None:
    found = data_identity(load_dataset(trials.study.dataset))
    if trials.data is not None:
        require_same_data(trials.data, found, f"the study {trials.study.name}", "repeat it where they are")


class _Repeat(TaskList[Job]):
    """One training, for as many epochs as the record has; one that diverged may go on until it does so again."""

    def __init__(self, job: Job, record: Record, say: Callable[[str], object]) -> None:
        super().__init__([job])
        self.result: Result | None = None
        self._record = record
        self._say = say

    def job(self, task: Job) -> Job:
        return task

    def epoch(self, worker: int, task: Job, epoch: int, accuracy: float | None) -> bool:  # noqa: ARG002
        self._say(f"epoch {epoch} of {task.recipe.epochs}: {percent(accuracy)} %")
        return self._record.outcome == "diverged" or epoch < self._record.epochs

    def done(self, worker: int, task: Job, result: Result) -> None:  # noqa: ARG002
        self.result = result

    def failed(self, worker: int, task: Job, reason: str) -> None:  # noqa: ARG002
        raise TrainingError(f"trial {self._record.number} could not be trained again: {reason}")


def _first(
    recorded: Mapping[str, tuple[float, ...]], repeated: Mapping[str, tuple[float, ...]]
) -> FirstDifference | None:
    """The first difference by epoch, and within an epoch by the order of `SERIES`; what is not recorded is left out."""
    known = [what for what in SERIES if recorded[what]] or ["validation accuracy"]
    epochs = max(len(series[what]) for what in known for series in (recorded, repeated))
    for epoch in range(epochs):
        for what in known:
            then, now = (series[what][epoch] if epoch < len(series[what]) else None for series in (recorded, repeated))
            if then != now:
                return FirstDifference(epoch + 1, what, then, now)
    return None


def _known(then: TrainingRun) -> bool:
    """Tell whether a record says what it ran on; those of version 0.1 do not."""
    return bool(then.environment)


def _unlike(then: TrainingRun, now: Result) -> dict[str, tuple[Any, Any]]:
    """Return the conditions that differ: (then, now)."""
    if not _known(then):
        return {}
    pairs = {name: (getattr(then, name), getattr(now, name)) for name in ("device", "precision", "threads")}
    changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return changed | unlike(then.environment, now.environment)


def _epochs(number: int) -> str:
    return "1 epoch" if number == 1 else f"{number} epochs"


def _number(value: float | None) -> str:
    return "none" if value is None else repr(value)


def _said(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return "unknown" if value is None else str(value)
