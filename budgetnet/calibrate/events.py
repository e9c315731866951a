"""Events of a calibration or a comparison of recipes, as frozen values: a progress view shows them, tests read them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun
from budgetnet.search.events import DataDescribed, Packing

__all__ = [
    "CalibrationEnded",
    "CalibrationEvent",
    "CalibrationListener",
    "CalibrationStarted",
    "RolesDecided",
    "RunDone",
    "RunEpoch",
    "RunFailed",
    "RunStarted",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationStarted:
    """The record is open, the networks are drawn."""

    campaign: str
    """Name of the campaign: calibration, comparison of recipes."""
    study: str
    folder: str
    networks: int
    runs: int
    """Trainings in all."""
    done: int
    """Trainings that the record holds already."""
    work: int
    """Epochs times FLOPs of the trainings still to do."""
    workers: int


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A network went to a worker."""

    worker: int
    network: CalibratedNetwork
    schedule: int


@dataclass(frozen=True, slots=True)
class RunEpoch:
    """An epoch is over."""

    worker: int
    epoch: int
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class RunDone:
    """A training is recorded."""

    worker: int
    run: CalibrationRun


@dataclass(frozen=True, slots=True)
class RunFailed:
    """A training gave no result; the next start tries it again."""

    worker: int
    network: CalibratedNetwork
    schedule: int
    reason: str


@dataclass(frozen=True, slots=True)
class RolesDecided:
    """Roles that need no further training."""

    names: tuple[str, ...]
    work: int
    """Epochs times FLOPs of the trainings that are not done for it."""
    runs: int
    """The number of these trainings."""


@dataclass(frozen=True, slots=True)
class CalibrationEnded:
    """No further training will start."""

    campaign: str
    why: str
    missing: int
    """Trainings still to do."""


CalibrationEvent = (
    CalibrationStarted
    | RunStarted
    | RunEpoch
    | RunDone
    | RunFailed
    | RolesDecided
    | CalibrationEnded
    | Packing
    | DataDescribed
)

CalibrationListener = Callable[[CalibrationEvent], None]
"""Receives everything that happens in one."""
