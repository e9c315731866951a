"""Options of the search and of the finalists' training. Loads only the recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from budgetnet.keys.declare import check_keys, key
from budgetnet.keys.key import BadValueError
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["FULL_EPOCHS", "Finalists", "Pruner", "PrunerKind", "SamplerName", "SearchOptions"]

SamplerName = Literal["model", "evolution", "tpe", "random"]

PrunerKind = Literal["median", "halving", "hyperband", "model", "none"]

FULL_EPOCHS = 30
"""Default number of epochs of a finalist (more if its trials take more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """Early stopping of trials. All trials share one schedule, so accuracies after the same epoch are comparable."""

    kind: PrunerKind = key(
        "halving",
        "The rule that stops trials. `halving`: after the epoch `first`, then `reduction` times that, and so on, only "
        "the best 1/`reduction` of the trials that reached it continue. `hyperband`: the same with several starting "
        "points, among which trials are distributed. `median`: a trial ends when its best epoch is below the median "
        "of completed trials at the same epoch. `model`: at the rungs of `halving`, a trial ends when a model of the "
        "study, which knows accuracies, train losses and the networks' features, gives it a chance below 10 % to be "
        "among the best 1/`reduction`. `none`: no trial is stopped.",
        left_out="halving; median if startup or warmup is given",
        example="median",
    )
    startup: int = key(5, "With `median`: completed trials before any trial is stopped.", low=0, unit="trials")
    warmup: int = key(1, "With `median`: number of first epochs in which no trial is stopped.", low=0, unit="epochs")
    first: int | None = key(
        None,
        "With `halving`, `hyperband` and `model`: the epoch of the first rung, before the last epoch of a trial. "
        "Earlier than about two thirds of a trial the learning rate is high, and accuracies rank networks little "
        "better than chance (studies/results/cifar10-200k-calibration).",
        left_out="for hyperband 1, otherwise two thirds of training.epochs",
        low=1,
        unit="epochs",
        example="2",
    )
    reduction: int = key(
        2,
        "With `halving`, `hyperband` and `model`: see `kind`. Stopped trials are not on the frontier, so the default "
        "is the mildest value.",
        low=2,
    )

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)

    def first_rung(self, epochs: int) -> int:
        """Return the epoch of the first rung in trials of *epochs* epochs; if it is the last, no trial is stopped."""
        if self.first is not None:
            return self.first
        return 1 if self.kind == "hyperband" else -(-2 * epochs // 3)

    def check_epochs(self, epochs: int) -> None:
        """Refuse a first rung that does not suit trials of *epochs* epochs.

        Raises:
            BadValueError: it does not come before their last epoch.
        """
        if self.kind not in ("median", "none") and self.first not in (None, 1) and self.first_rung(epochs) >= epochs:
            raise BadValueError(
                "search.pruner.first",
                f"must be below training.epochs, {epochs}, but got {self.first}; "
                "lower search.pruner.first or raise training.epochs",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """Options of the search."""

    sampler: SamplerName = key(
        "model",
        "The sampler that proposes networks. `model`: a model of the study, learnt from brief and full trainings, "
        "decides which network is trained next, and whether briefly or in full. `evolution`: mutations of the best so "
        "far. `tpe`: Optuna's tree-structured Parzen estimator. `random`: independent draws from the grammar.",
    )
    trials: int = key(
        50,
        "Number of networks to train. Those that were stopped early or diverged count; duplicates and networks over "
        "budget do not. With the sampler `model`, which divides epochs between brief and full trainings by itself, it "
        "sets the epochs in all, as if so many networks and the finalists were trained.",
        low=1,
        unit="networks",
        also=("n_trials",),
    )
    workers: int | None = key(
        None,
        "Number of processes that train at the same time, with one thread each.",
        left_out="auto: one per core, on GPUs one per card",
        auto=True,
        low=1,
        high=1024,
        unit="processes",
        example="2",
        also=("jobs", "n_jobs"),
    )
    seed: int = key(0, "Seed of the proposals, the validation split and every trial.", low=0, high=2**31 - 1)
    minutes: float | None = key(
        None,
        "Time for everything that is trained, finalists included. The search measures the machine's pace, says what "
        "fits, and plans again as it goes; with the sampler `model` the time sets the epochs instead of `trials`. Each "
        "start of the search counts from 0.",
        left_out="no limit",
        above=0,
        unit="minutes",
        example="20",
        also=("timeout", "time"),
    )
    count_seconds: float = key(
        6.0,
        "Work of counting what fits, in seconds of one core (counted, so that it is the same on every machine). Where "
        "it does not suffice, draws look ahead part by part, in proportions near the grammar's.",
        above=0,
        high=86_400,
        unit="seconds",
    )
    count_memory: int = key(
        768 << 20,
        "Memory for the arrays of that count. Where it does not suffice, costs are not told apart.",
        in_bytes=True,
        low=1,
        unit="bytes",
        example="2GiB",
    )
    pruner: Pruner = key(
        Pruner(),
        "Early stopping of trials: a `kind`, or the keys below.",
        left_out="none with the sampler model and for other goals than accuracy, else halving",
        example="none",
    )
    stop_at_target: bool = key(False, "True ends the search at the first network that reaches the target.")

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)

    def worker_count(self) -> int:
        """Return the number of workers: the requested one, or the number of cores this process may use."""
        return self.workers or _cores()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalists:
    """Options of the finalists: the best networks, whose full trainings choose the winner, which is then tested."""

    top: int = key(
        3,
        "Most networks to train in full on the train images; 0 for none, and then nothing is tested either. Their "
        "accuracies on the validation images choose the winner; with 1 the best of the brief trainings wins.",
        low=0,
        high=100,
        unit="networks",
        also=("n",),
    )
    seeds: int = key(
        3,
        "Most full trainings of each network, with different seeds. Every network gets one; the next seed goes to "
        "whoever can still win.",
        low=1,
        high=100,
        unit="runs",
    )
    winner_seeds: int = key(
        1,
        "Runs of the winner on train and validation images together, with different seeds; each reads the test images "
        "once.",
        low=1,
        high=100,
        unit="runs",
    )
    checkpoint: float = key(
        5,
        "Minutes between two checkpoints within a full training; one that is cut off goes on from its last checkpoint.",
        above=0,
        unit="minutes",
    )
    training: Recipe = field(default_factory=lambda: Recipe(epochs=FULL_EPOCHS))

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)


def _cores() -> int:
    """Return the number of cores this process may use (a job scheduler may allow fewer than there are)."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
