"""Events of a search, as frozen values: a progress view shows them, tests read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from budgetnet.files.study import Goal
from budgetnet.records.finals.choice import StudyChoice
from budgetnet.records.generations.generation import Generation
from budgetnet.records.training_run import TrainingRun
from budgetnet.records.trial import Record

if TYPE_CHECKING:
    from budgetnet.training.data.facts import DataFacts  # loads torch

__all__ = [
    "DataDescribed",
    "EndReason",
    "EpochDone",
    "EpochsPlanned",
    "FinalistDone",
    "FinalistsStarted",
    "FullTrainingDone",
    "FullTrainingStarted",
    "GenerationBegun",
    "Packing",
    "PlannedInTime",
    "SearchEnded",
    "SearchEvent",
    "SearchListener",
    "SearchStarted",
    "SpaceNote",
    "TargetReached",
    "TrialDone",
    "TrialStarted",
    "Waiting",
    "WinnerChosen",
    "WorkerLost",
    "silent",
]

EndReason = Literal["trials", "epochs", "minutes", "target", "interrupted", "exhausted"]
"""trials: the study's number is reached. epochs: with the sampler ``model``, which divides the epochs of trials and
finalists by itself, all are spent. minutes: the time is up. target: it was reached, and the study stops there.
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
class GenerationBegun:
    """The grammar or the budget has changed, so a new generation of the study has begun."""

    generation: Generation


@dataclass(frozen=True, slots=True)
class TrialStarted:
    """A network went to a worker."""

    number: int
    arch: str
    params: int
    flops: int
    epochs: int
    """Epochs of the whole recipe."""
    why: str = ""
    """Reason to train it, for people; with the sampler ``model``, what is predicted and the best seen so far."""


@dataclass(frozen=True, slots=True)
class EpochDone:
    """An epoch of a trial or of a full training is over."""

    number: int
    epoch: int
    accuracy: float | None
    """On the validation images; None for trainings on all images, which have none."""


@dataclass(frozen=True, slots=True)
class EpochsPlanned:
    """Progress of a search with the sampler ``model``: epochs of all trainings that were started, of those planned."""

    spent: float
    planned: float


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """The worker of a trial or of a finalist's run died; it is tried again."""

    number: int
    """The trial."""
    reason: str
    tries: int
    """How often it has been tried so far; see `budgetnet.workers.loop.TRIES`."""


@dataclass(frozen=True, slots=True)
class PlannedInTime:
    """Trainings that fit into the minutes of a search at the pace that was measured."""

    epoch_seconds: float
    """Seconds of an epoch on the train images, on one worker."""
    epochs: float
    """Epochs that can still be started."""
    trials: int
    """Networks that these would be if all were trained briefly and as much of it in full as the study plans."""
    full: int
    """Full trainings among them."""
    seconds: float
    """Seconds until the end, everything included."""
    too_short: str | None
    """Reason why the time is too short; None if it is not."""


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
class DataDescribed:
    """The images are open, and nothing is trained on them yet."""

    data: DataFacts


@dataclass(frozen=True, slots=True)
class SpaceNote:
    """Message about the space that networks are drawn from, or about how far its exploration is."""

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
    """The best networks are trained in full on the train split; validation images choose among them."""

    networks: int
    """At most so many."""
    runs: int
    """At most so many trainings, those of an earlier start included."""
    epochs: int
    """Epochs of each."""


@dataclass(frozen=True, slots=True)
class FullTrainingStarted:
    """A full training went to a worker."""

    number: int
    """The trial's."""
    run: int
    """Number of the training among those of its kind, from 0."""
    arch: str
    params: int
    epochs: int
    final: bool
    """True if it is on all images, False if it is on the train split."""
    why: str = ""
    """Reason to train it, for people."""


@dataclass(frozen=True, slots=True)
class FullTrainingDone:
    """A full training on the train split is over."""

    number: int
    """The trial's."""
    run: int
    """Number of the training among those of the network, from 0."""
    result: TrainingRun


@dataclass(frozen=True, slots=True)
class WinnerChosen:
    """The winner is known, or several where the goal asks for more than one; they are trained on all images."""

    choices: tuple[StudyChoice, ...]
    """The main one first."""
    runs: int
    """Trainings on all images still to do."""
    epochs: int


@dataclass(frozen=True, slots=True)
class FinalistDone:
    """A training of a winner on all images is over and has read the test images."""

    number: int
    run: int
    """Number of the run, from 0."""
    result: TrainingRun


SearchEvent = (
    SearchStarted
    | GenerationBegun
    | TrialStarted
    | EpochDone
    | EpochsPlanned
    | PlannedInTime
    | WorkerLost
    | TrialDone
    | TargetReached
    | SpaceNote
    | Waiting
    | Packing
    | DataDescribed
    | SearchEnded
    | FinalistsStarted
    | FullTrainingStarted
    | FullTrainingDone
    | WinnerChosen
    | FinalistDone
)

SearchListener = Callable[[SearchEvent], None]
"""Receives everything that happens in a search."""


def silent(event: object) -> None:
    """Show nothing."""
