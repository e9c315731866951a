"""How a study is searched and how its best networks are trained in the end. Loads nothing but the recipe."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal

from budgetnet.keys import BadValueError, check_keys, key
from budgetnet.training.recipe.recipe import Recipe

__all__ = ["FULL_EPOCHS", "Finalists", "Pruner", "PrunerKind", "SamplerName", "SearchOptions"]

SamplerName = Literal["evolution", "tpe", "random"]

PrunerKind = Literal["median", "halving", "hyperband", "none"]

FULL_EPOCHS = 30
"""Epochs of a finalist where the study does not say (more, if its trials take more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """When a trial is stopped early. All trials have one schedule, so equal epochs are equal places of it."""

    kind: PrunerKind = key(
        "halving",
        "The rule that stops trials. `halving`: after the epoch `first`, then `reduction` times that, and so on, only "
        "the best 1/`reduction` of those that came so far go on. `hyperband`: the same with several starting points, "
        "among which trials are dealt out. `median`: a trial ends when its best epoch is below the median of what "
        "completed trials had at the same epoch. `none`: no trial is stopped.",
        left_out="halving; median where startup or warmup is given",
        example="median",
    )
    startup: int = key(5, "With `median`: completed trials before it judges.", low=0, unit="trials")
    warmup: int = key(1, "With `median`: first epochs that are never judged.", low=0, unit="epochs")
    first: int | None = key(
        None,
        "With `halving` and `hyperband`: the epoch of the first rung, before the last epoch of a trial. Earlier than "
        "about two thirds of a trial the learning rate is high, and accuracies rank networks hardly better than chance "
        "(studies/results/cifar10-200k-calibration).",
        left_out="for hyperband 1, for halving two thirds of training.epochs",
        low=1,
        unit="epochs",
        example="2",
    )
    reduction: int = key(
        2,
        "With `halving` and `hyperband`: see `kind`. What is stopped is on no frontier, so the default is the mildest.",
        low=2,
    )

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)

    def first_rung(self, epochs: int) -> int:
        """Return the epoch of the first rung in trials of *epochs* epochs; where it is the last, nothing is stopped."""
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
    """How the space is searched."""

    sampler: SamplerName = key(
        "evolution",
        "What proposes networks. `evolution`: changes to the best so far. `tpe`: Optuna's tree-structured Parzen "
        "estimator. `random`: independent draws from the grammar.",
    )
    trials: int = key(
        50,
        "Networks to train in all. Those stopped early and those that diverged count; duplicates and networks over "
        "budget are free.",
        low=1,
        unit="networks",
        also=("n_trials",),
    )
    workers: int | None = key(
        None,
        "Processes that train at once, with one thread each.",
        left_out="auto: one per core, on GPUs one per card",
        auto=True,
        low=1,
        high=1024,
        unit="processes",
        example="2",
        also=("jobs", "n_jobs"),
    )
    seed: int = key(0, "Seed of proposals, of the validation split and of every trial.", low=0, high=2**31 - 1)
    minutes: float | None = key(
        None,
        "Start no further trial after this time. Those that run come to their end; each start of the search counts "
        "from 0.",
        left_out="no limit",
        above=0,
        unit="minutes",
        example="20",
        also=("timeout", "time"),
    )
    pruner: Pruner = key(
        Pruner(),
        "When a trial is stopped early: a `kind`, or the keys below.",
        left_out="halving for the goal accuracy, none for the others",
        example="none",
    )
    stop_at_target: bool = key(False, "Whether the first network that reaches the target ends the search.")

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)

    def worker_count(self) -> int:
        """Return the number of workers: as asked for, or the number of cores this process may use."""
        return self.workers or _cores()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalists:
    """What happens to the best networks in the end: trained on train + validation images, tested once."""

    top: int = key(3, "Networks to train in full; 0 for none.", low=0, high=100, unit="networks", also=("n",))
    seeds: int = key(3, "Runs of each network.", low=1, high=100, unit="runs")
    training: Recipe = field(default_factory=lambda: Recipe(epochs=FULL_EPOCHS))

    def __post_init__(self) -> None:
        """Check every field."""
        check_keys(self)


def _cores() -> int:
    """The number of cores this process may use (a job scheduler may allow fewer than there are)."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
