"""The pruners that a calibration replays, and the choice among them.

The rule: of the pruners that lose at most `LOSS_TOLERANCE` of accuracy on average over random orders, the one that
saves most; none if none keeps that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from budgetnet.calibrate.pruner_replay import ORDERS, PrunerReplay, Recording, replay_pruner
from budgetnet.calibrate.record import CalibrationRun
from budgetnet.files.study import Pruner
from budgetnet.records.pruning import rungs

__all__ = ["LOSS_TOLERANCE", "best_replay", "contenders", "replay_all"]

LOSS_TOLERANCE = 0.001
"""A tenth of a percentage point: far below what a few thousand validation images can tell apart."""


def contenders(epochs: int, own: Pruner | None = None) -> list[Pruner]:
    """Return the pruners worth comparing for trials of *epochs* epochs, the study's *own* first.

    Halving with early and late first rungs, mild and sharp; median and Hyperband with their defaults. Those that
    could never stop such a trial are left out. All of them name the epoch of their first rung.
    """
    found = [] if own is None else [own]
    found.append(Pruner(kind="median"))
    firsts = sorted({1, 2, 4, epochs // 2, Pruner().first_rung(epochs)} - {0})
    found += [Pruner(kind="halving", first=first, reduction=sharp) for first in firsts for sharp in (2, 3)]
    found += [Pruner(kind="hyperband", reduction=sharp) for sharp in (2, 3)]
    named = dict.fromkeys(_named(pruner, epochs) for pruner in found)
    return [pruner for pruner in named if rungs(pruner, epochs) and pruner.kind != "model"]


def _named(pruner: Pruner, epochs: int) -> Pruner:
    """The same pruner, with its first rung as a number; so two that do the same are one."""
    return pruner if pruner.kind in ("median", "none") else replace(pruner, first=pruner.first_rung(epochs))


def replay_all(
    runs: Sequence[CalibrationRun], quality: Mapping[int, float], *, own: Pruner | None = None, orders: int = ORDERS
) -> list[PrunerReplay]:
    """Replay the trainings of one schedule under all contenders.

    Args:
        runs: one of each network, all of one schedule.
        quality: accuracy after the full training, by the network's index; others are left out.
        own: the study's pruner.
        orders: see `budgetnet.calibrate.pruner_replay.replay_pruner`.
    """
    known = [run for run in runs if run.index in quality and run.validation_accuracies]
    if len(known) < 2:
        return []
    epochs, workers = known[0].schedule, max(run.workers for run in known)
    recordings = [
        Recording(curve=_whole(run, epochs), seconds=run.seconds, quality=quality[run.index])
        for run in sorted(known, key=lambda run: run.index)
    ]
    return [replay_pruner(recordings, pruner, workers=workers, orders=orders) for pruner in contenders(epochs, own)]


def best_replay(replays: Sequence[PrunerReplay]) -> PrunerReplay | None:
    """Return the one to take by the rule above; None if pruning does not pay."""
    good = [found for found in replays if found.loss <= LOSS_TOLERANCE and found.saved > 0]
    return max(good, key=lambda found: (found.saved, -found.loss), default=None)


def _whole(run: CalibrationRun, epochs: int) -> tuple[float, ...]:
    """The curve; a training that broke down keeps its last accuracy."""
    curve = tuple(run.validation_accuracies)
    return curve + curve[-1:] * (epochs - len(curve))
