"""Judgement of a recipe by paired trainings: the mean difference, its interval, and whether that is enough to stop.

Each network is one pair: the same network and seed, trained by the study's own recipe and by the other one. Networks
are drawn independently, so the differences are too, and the interval is Student's over networks. It is looked at after
every network, which would find differences by chance if each look took 95 %: the error of 5 % is spent over the looks
by the power family of Kim and DeMets (Biometrika 74, 1987) with exponent 3, little at first and most at the end, and
adds up to 5 % whatever the looks have to do with each other (Bonferroni).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import t as student

from budgetnet.calibrate.recipes.plan import LEAST_PAIRS, OWN, RecipePlan
from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun

__all__ = ["RecipeComparison", "Verdict", "compare_recipes", "decided_recipes"]

ERROR = 0.05
"""Chance of a false difference, over all looks at one recipe."""

Verdict = Literal["better", "worse", "no gain", "diverged", "undecided"]
"""better, worse: the interval lies on one side of 0. no gain: it lies below the least gain that counts. diverged: a
training broke down that the own recipe came through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeComparison:
    """One recipe against the study's own. Accuracies are fractions of the validation images."""

    name: str
    differences: tuple[float, ...]
    """Accuracy minus the own recipe's, of each network that decided, in the order of the draw."""
    accuracy: float | None
    """Mean accuracy over these networks."""
    mean: float | None
    """Mean difference; None without a pair."""
    error: float | None
    """Standard error of the mean; None below two pairs."""
    interval: tuple[float, float] | None
    """Interval of the last look, wider than 95 % as it is one of several; None below `LEAST_PAIRS` pairs."""
    time: float | None
    """Median over networks of the time over the own recipe's time."""
    verdict: Verdict

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.differences)


def compare_recipes(
    plan: RecipePlan, networks: Sequence[CalibratedNetwork], runs: Sequence[CalibrationRun]
) -> list[RecipeComparison]:
    """Compare every recipe of a plan with the own one, each by the networks up to the one that decided.

    A network counts once all before it are trained by both recipes, so that the order in which trainings end has no
    influence.
    """
    wanted = {(task.network.index, task.role): task for task in plan.tasks(networks)}
    done = {
        (run.index, run.role): run
        for run in runs
        if (run.index, run.role) in wanted and wanted[run.index, run.role].is_done_by(run)
    }
    return [_compare(plan, name, done) for name in plan.recipes if name != OWN]


def decided_recipes(
    plan: RecipePlan, networks: Sequence[CalibratedNetwork], runs: Sequence[CalibrationRun]
) -> frozenset[str]:
    """Return the recipes that need no further training; the own one too, once no other needs any."""
    found = compare_recipes(plan, networks, runs)
    decided = frozenset(one.name for one in found if one.verdict != "undecided")
    return decided | {OWN} if len(decided) == len(found) else decided


def _compare(plan: RecipePlan, name: str, done: dict[tuple[int, str], CalibrationRun]) -> RecipeComparison:
    pairs: list[tuple[CalibrationRun, CalibrationRun]] = []
    found = _summary(plan, name, pairs)
    for index in range(plan.networks):
        own, other = done.get((index, OWN)), done.get((index, name))
        if own is None or other is None:
            break
        if own.diverged is not None:
            continue  # nothing to compare with; the text says so
        if other.diverged is not None:
            return _summary(plan, name, pairs, verdict="diverged")
        pairs.append((own, other))
        found = _summary(plan, name, pairs)
        if found.verdict != "undecided":
            break
    return found


def _summary(
    plan: RecipePlan,
    name: str,
    pairs: Sequence[tuple[CalibrationRun, CalibrationRun]],
    *,
    verdict: Verdict | None = None,
) -> RecipeComparison:
    differences = tuple((other.accuracy or 0.0) - (own.accuracy or 0.0) for own, other in pairs)
    n = len(differences)
    mean = statistics.fmean(differences) if n else None
    error = statistics.stdev(differences) / n**0.5 if n > 1 else None
    interval = None
    if n >= LEAST_PAIRS and mean is not None and error is not None:
        reach = float(student.ppf(1 - spent(n - LEAST_PAIRS + 1, plan.looks) / 2, n - 1)) * error
        interval = (mean - reach, mean + reach)
    return RecipeComparison(
        name=name,
        differences=differences,
        accuracy=statistics.fmean(other.accuracy or 0.0 for _, other in pairs) if n else None,
        mean=mean,
        error=error,
        interval=interval,
        time=statistics.median(other.seconds / own.seconds for own, other in pairs if own.seconds) if n else None,
        verdict=verdict or _judged(interval, plan.margin),
    )


def spent(look: int, looks: int) -> float:
    """Return the share of `ERROR` that one look may take, counted from 1; over all looks they add up to it.

    >>> round(sum(spent(look, 6) for look in range(1, 7)), 3)
    0.05
    """
    return ERROR * ((look / looks) ** 3 - ((look - 1) / looks) ** 3)


def _judged(interval: tuple[float, float] | None, margin: float) -> Verdict:
    if interval is None:
        return "undecided"
    low, high = interval
    if low > 0:
        return "better"
    if high < 0:
        return "worse"
    return "no gain" if high < margin else "undecided"
