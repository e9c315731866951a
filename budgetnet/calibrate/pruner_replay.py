"""Savings and losses of a pruner: recorded trainings, replayed under it in many random orders.

Every network was trained to its end, so what would have happened after any stop is known. The pruner is asked as a
search asks it, on an Optuna study in memory; workers take the next network of an order when they are free, and every
epoch takes the time that was measured. No training is repeated.
"""

from __future__ import annotations

import heapq
import random
import statistics
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import optuna
from optuna.trial import TrialState

from budgetnet.calibrate.statistics import interval
from budgetnet.files.study import Pruner
from budgetnet.records.pruning import make_pruner

__all__ = ["ORDERS", "PrunerReplay", "Recording", "ReplayOutcome", "replay_pruner", "run_order"]

ORDERS = 1000
"""Random orders of the networks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One network, as far as a replay needs it."""

    curve: Sequence[float]
    """Validation accuracy after each epoch of one schedule; all recordings of a replay have as many."""
    seconds: float
    """Time of the whole training."""
    quality: float
    """Worth of choosing this network: its accuracy after the full training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOutcome:
    """One order, replayed."""

    spent: float
    """Seconds of training, over all workers."""
    stopped: int
    """Networks that the pruner stopped."""
    chosen: int
    """Index of the network that ends with the best accuracy, among those that were not stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunerReplay:
    """One pruner over many orders. Shares and accuracies are fractions; a pair is the 90 % interval over orders."""

    pruner: Pruner
    epochs: int
    """Epochs of the schedule that was replayed."""
    n: int
    """Networks."""
    orders: int
    workers: int
    saved: float
    """Mean share of training time saved."""
    saved_interval: tuple[float, float]
    stopped: float
    """Mean share of networks stopped early."""
    quality: float
    """Mean accuracy after the full training of the network that was chosen."""
    quality_without: float
    """The same without a pruner."""
    loss: float
    """`quality_without` less `quality`: what the pruner costs."""
    loss_interval: tuple[float, float]
    kept: float
    """Share of orders in which the same network is chosen as without a pruner."""


def replay_pruner(
    recordings: Sequence[Recording], pruner: Pruner, *, workers: int = 1, orders: int = ORDERS, seed: int = 0
) -> PrunerReplay:
    """Replay recordings under a pruner.

    Args:
        recordings: at least two, of equally long curves.
        pruner: which; `budgetnet.records.pruning.make_pruner` makes Optuna's of it.
        workers: trainings that run at once.
        orders: how many random orders.
        seed: of the orders; equal seeds give all pruners the same ones.

    Raises:
        ValueError: fewer than two recordings, or curves of different lengths.
    """
    lengths = {len(recording.curve) for recording in recordings}
    if len(recordings) < 2 or len(lengths) != 1 or 0 in lengths:
        given = f"{len(recordings)} of {sorted(lengths)}"
        raise ValueError(f"a replay needs two or more curves of one length, but got {given}")
    rng = random.Random(f"{seed}:replay")  # noqa: S311 - no secret
    order = list(range(len(recordings)))
    total = sum(recording.seconds for recording in recordings)
    saved: list[float] = []
    losses: list[float] = []
    stopped: list[float] = []
    without: list[float] = []
    kept = 0
    with _quiet():
        for number in range(orders):
            rng.shuffle(order)
            found = run_order(recordings, order, pruner, workers=workers, name=f"replay-{number}")
            free = max(order, key=lambda index: recordings[index].curve[-1])  # of equal ones the first in the order
            saved.append(1 - found.spent / total)
            stopped.append(found.stopped / len(recordings))
            without.append(recordings[free].quality)
            losses.append(recordings[free].quality - recordings[found.chosen].quality)
            kept += found.chosen == free
    return PrunerReplay(
        pruner=pruner,
        epochs=lengths.pop(),
        n=len(recordings),
        orders=orders,
        workers=workers,
        saved=statistics.fmean(saved),
        saved_interval=interval(saved),
        stopped=statistics.fmean(stopped),
        quality=statistics.fmean(without) - statistics.fmean(losses),
        quality_without=statistics.fmean(without),
        loss=statistics.fmean(losses),
        loss_interval=interval(losses),
        kept=kept / orders,
    )


def run_order(
    recordings: Sequence[Recording], order: Sequence[int], pruner: Pruner, *, workers: int = 1, name: str = "replay"
) -> ReplayOutcome:
    """Replay one order: trials are numbered by it, and epochs end in the order of the clock.

    Args:
        recordings: see `replay_pruner`.
        order: indices of the recordings, the first to be trained first.
        pruner: see `replay_pruner`.
        workers: see `replay_pruner`.
        name: of the study in memory; Hyperband deals its ladders out by name and number.
    """
    epochs = len(recordings[order[0]].curve)
    study = optuna.create_study(
        study_name=name,
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),  # never asked
        pruner=make_pruner(pruner, epochs),
    )
    storage, study_id = study._storage, study._study_id
    waiting = iter(order)
    clock: list[tuple[float, int, int, int]] = []
    """When an epoch ends, the worker (which decides between equal times), the network, the epoch."""
    trials: dict[int, int] = {}
    spent = 0.0
    ended: list[int] = []

    def start(worker: int, now: float) -> None:
        index = next(waiting, None)
        if index is not None:
            trials[index] = storage.create_new_trial(study_id)
            heapq.heappush(clock, (now + recordings[index].seconds / epochs, worker, index, 1))

    for worker in range(workers):
        start(worker, 0.0)
    while clock:
        now, worker, index, epoch = heapq.heappop(clock)
        recording, trial_id = recordings[index], trials[index]
        value, step = recording.curve[epoch - 1], recording.seconds / epochs
        spent += step
        storage.set_trial_intermediate_value(trial_id, epoch, value)
        # As a search does: after the last epoch nothing is left to stop.
        if epoch == epochs:
            storage.set_trial_state_values(trial_id, state=TrialState.COMPLETE, values=(value,))
            ended.append(index)
            start(worker, now)
        elif study.pruner.prune(study, storage.get_trial(trial_id)):
            storage.set_trial_state_values(trial_id, state=TrialState.PRUNED, values=(value,))
            start(worker, now)
        else:
            heapq.heappush(clock, (now + step, worker, index, epoch + 1))
    places = {index: place for place, index in enumerate(order)}
    chosen = max(ended, key=lambda index: (recordings[index].curve[-1], -places[index]))
    return ReplayOutcome(spent=spent, stopped=len(order) - len(ended), chosen=chosen)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without a line of Optuna's for each of a thousand studies."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
