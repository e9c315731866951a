"""Events of a search, as frozen values: a progress view shows them, tests read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from budgetnet.files.study import Goal
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record

__all__ = [
    "EndReason",
    "EpochDone",
    "FinalistDone",
    "FinalistsStarted",
    "Packing",
    "SearchEnded",
    "SearchEvent",
    "SearchListener",
    "SearchStarted",
    "SpaceNote",
    "TargetReached",
    "TrialDone",
    "TrialStarted",
    "Waiting",
    "silent",
]

EndReason = Literal["trials", "minutes", "target", "interrupted", "exhausted"]
"""trials: the study's number is reached. minutes: the time is up. target: it was reached, and the study stops there.
interrupted: by Ctrl-C or SIGTERM. exhausted: no network is left that fits and is new."""


@dataclass(frozen=True, slots=True)
class SearchStarted:
    """The database is open."""

    study: str
    folder: str
    goal: Goal
    target: float | None
    trials: int
    """Number of networks to be trained in all."""
    workers: int
    records: tuple[Record, ...]
    """Trials that exist already, when a study goes on."""
    lost: tuple[int, ...] = ()
    """Trials that a killed process left behind; they are repeated first."""


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A network went to a worker."""

    number: int
    arch: str
    params: int
    flops: int
    epochs: int
    """Epochs of the whole recipe."""


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of a trial or of a finalist's run is over."""

    number: int
    epoch: int
    accuracy: float | None
    """On the validation images; None for finalists, which have none."""


@dataclass(frozen=True, slots=True)
class TrialDone:
    """A trial has its final outcome."""

    record: Record
    best: Record | None
    """The best of all so far, by the study's goal."""
    trained: int
    """Number of networks trained so far."""


@dataclass(frozen=True, slots=True)
class TargetReached:
    """For the first time, a completed trial has the target accuracy on the validation images."""

    record: Record
    target: float


@dataclass(frozen=True, slots=True)
class Packing:
    """A folder of images is being decoded into one file, once, before the first network trains."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SpaceNote:
    """Something is known about the space that networks are drawn from, or looking into it takes long."""

    text: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing is left to start here, but other processes are still training for this study."""

    running: int


@dataclass(frozen=True, slots=True)
class SearchEnded:
    """No further trial will start."""

    reason: EndReason
    trained: int
    best: Record | None


@dataclass(frozen=True, slots=True)
class FinalistsStarted:
    """The best networks are trained in full."""

    trials: tuple[int, ...]
    runs: int
    """Runs still to do."""
    epochs: int


@dataclass(frozen=True, slots=True)
class FinalistDone:
    """One run of one finalist is over and has read the test images."""

    number: int
    run: int
    """Number of the run, from 0."""
    result: TrainingRun


SearchEvent = (
    SearchStarted
    | TrialStarted
    | EpochDone
    | TrialDone
    | TargetReached
    | SpaceNote
    | Waiting
    | Packing
    | SearchEnded
    | FinalistsStarted
    | FinalistDone
)

SearchListener = Callable[[SearchEvent], None]
"""Is told everything that happens in a search."""


def silent(event: object) -> None:
    """Show nothing."""
