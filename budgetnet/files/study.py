"""What a study asks for, as frozen values; `budgetnet.files.study_file` reads them from YAML. Loads no torch."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from budgetnet.errors import StudyError
from budgetnet.files.plugins.plugins import NO_PLUGINS, Plugins
from budgetnet.grammar.syntax import Grammar
from budgetnet.network.budget import Budget
from budgetnet.ops.signature import Vocabulary
from budgetnet.training.data.sources import Source
from budgetnet.training.recipe.recipe import Recipe

__all__ = [
    "Finalists",
    "Goal",
    "Pruner",
    "PrunerKind",
    "SamplerName",
    "SearchOptions",
    "Study",
]

Goal = Literal["accuracy", "smallest", "pareto"]
"""accuracy: the highest that fits. smallest: the fewest parameters that reach the target. pareto: both at once."""

SamplerName = Literal["evolution", "tpe", "random"]

PrunerKind = Literal["median", "halving", "hyperband", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """When a trial is stopped early. All trials have one schedule, so equal epochs are equal places of it."""

    kind: PrunerKind = "halving"
    """halving: after the epoch `first`, then `reduction` times that, and so on, only the best 1/`reduction` of those
    that came so far go on. hyperband: the same with several starting points, among which trials are dealt out. median:
    its best epoch is below the median of what completed trials had at the same epoch; taken where only `startup` or
    `warmup` is given. none."""
    startup: int = 5
    """median: completed trials before it judges."""
    warmup: int = 1
    """median: first epochs that are never judged."""
    first: int | None = None
    """halving, hyperband: the epoch of the first rung, below the trials' epochs; >= 1. None: for hyperband 1, for
    halving two thirds of the trials' epochs, rounded up. Before that the learning rate is high, and accuracies rank
    networks hardly better than chance (studies/results/cifar10-200k-calibration)."""
    reduction: int = 2
    """halving, hyperband: see `kind`; >= 2. What is stopped is on no frontier, so the default is the mildest."""

    def first_rung(self, epochs: int) -> int:
        """Return the epoch of the first rung in trials of *epochs* epochs; where it is the last, nothing is stopped."""
        if self.first is not None:
            return self.first
        return 1 if self.kind == "hyperband" else -(-2 * epochs // 3)

    def problem(self, epochs: int) -> str | None:
        """Say why this does not suit trials of *epochs* epochs, or None."""
        if self.kind in ("median", "none") or self.first is None or self.first == 1 or self.first < epochs:
            return None
        return (
            f"the pruner's first rung, after epoch {self.first}, must come before the last of a trial's {epochs} "
            "epochs; lower search.pruner.first or raise training.epochs"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How the space is searched."""

    sampler: SamplerName = "evolution"
    trials: int = 50
    """Networks to train, counting those stopped early and those that diverged; duplicates and rejections are free."""
    workers: int | None = None
    """Processes that train at once, with one thread each; None: one per core, on GPUs one per card."""
    seed: int = 0
    """Seeds proposals, the validation split and every trial."""
    minutes: float | None = None
    """After this time no further trial is started; those that run come to their end. Counted anew at each start."""
    pruner: Pruner = field(default_factory=Pruner)
    stop_at_target: bool = False
    """Whether the first network that reaches the target ends the search."""

    def worker_count(self) -> int:
        """Return the number of workers: as asked for, or the number of cores this process may use."""
        return self.workers or _cores()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finalists:
    """What happens to the best networks in the end: trained on train + validation images, tested once."""

    top: int = 3
    """How many networks; 0 for none."""
    seeds: int = 3
    """Runs of each."""
    training: Recipe = field(default_factory=lambda: Recipe(epochs=30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One study file, checked."""

    name: str
    path: Path
    """The file it was read from."""
    dataset: Source
    """A known name, or a folder with an absolute path."""
    budget: Budget
    target: float | None = None
    """Accuracy as a fraction."""
    goal: Goal = "accuracy"
    grammar: Grammar
    grammar_text: str
    """As written."""
    vocabulary: Vocabulary
    """The primitives, with the study's own defaults."""
    plugins: Plugins = NO_PLUGINS
    """The study's own primitives."""
    start_from: tuple[Path, ...] = ()
    """Architecture files of known networks, which are tried first."""
    search: SearchOptions = field(default_factory=SearchOptions)
    training: Recipe
    """The brief training of every trial."""
    validation: float = 0.1
    """Share of the train images that trials are judged by."""
    finalists: Finalists = field(default_factory=Finalists)

    def __post_init__(self) -> None:
        """Check what concerns several keys at once.

        Raises:
            StudyError: the goal lacks a target, or does not go with a pruner; a pruner that never judges.
        """
        if self.goal == "smallest" and self.target is None:
            raise StudyError("the goal 'smallest' needs a target to reach; write for example target: {accuracy: 85%}")
        if self.goal != "accuracy" and self.search.pruner.kind != "none":
            raise StudyError(
                f"the goal {self.goal!r} does not go with the pruner {self.search.pruner.kind!r}: stopping by accuracy "
                "alone would remove the small networks; leave the pruner out or write pruner: none"
            )
        problem = self.search.pruner.problem(self.training.epochs)
        if problem:
            raise StudyError(problem)

    def run_folder(self, out: Path | None = None) -> Path:
        """Return the folder that holds the study's database and weights.

        Args:
            out: the folder, if the user names one. Otherwise it is ``runs/NAME`` in the working directory, or beside
                the study file if there is such a folder only there.
        """
        if out is not None:
            return out
        here = Path("runs") / self.name
        beside = self.path.parent / here
        return beside if beside.is_dir() and not here.is_dir() else here


def _cores() -> int:
    """The number of cores this process may use (a job scheduler may allow fewer than there are)."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
