"""Judgement of a calibration: how well each brief length ranks networks, at what cost, and which one to take.

The rule: take the cheapest brief length that cannot be told apart from the best one, that is, whose rank correlation
lies below the best by no more than that difference's own standard error (the one-standard-error rule of Breiman,
Friedman, Olshen and Stone 1984, on paired resamples). A brief training must also rank better than the number of
parameters or FLOPs alone does, which cost nothing (few proxies do: ZiCo, Li et al. 2023).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from budgetnet.calibrate.plan import LEAST
from budgetnet.calibrate.pruner_replay import ORDERS, PrunerReplay
from budgetnet.calibrate.record import CalibratedNetwork, CalibrationRun
from budgetnet.calibrate.replay_choice import replay_all
from budgetnet.calibrate.run import Calibrated
from budgetnet.calibrate.statistics import Agreement, Paired, agreement, deficit

__all__ = ["Judgement", "Length", "judge_calibration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One way to judge networks before they are trained in full."""

    epochs: int
    """Epochs trained."""
    schedule: int
    """Epochs of the whole schedule: equal to `epochs` for a brief training, more for a checkpoint of a longer one."""
    agreement: Agreement
    """With the accuracy after the full training."""
    seconds: float
    """Median over networks, training and validation."""
    share: float
    """Share of the full training's time, median over networks."""
    deficit: float | None = None
    """By how much its rank correlation is below the best brief length's."""
    deficit_error: float | None = None
    """Standard error of `deficit`."""

    @property
    def per_hour(self) -> float:
        """Networks that one worker judges in an hour."""
        return 3600 / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that follows from the trainings. Accuracies are fractions of the validation images."""

    calibrated: Calibrated
    full: Scores
    """Accuracy after the full training, by the network's index, one per repetition."""
    full_seconds: float | None
    """Median over networks."""
    brief: tuple[Length, ...]
    """Trainings to the end of a schedule of their own, shortest first."""
    checkpoints: tuple[Length, ...]
    """Checkpoints of longer schedules, at equal positions: what a pruner sees. By schedule, shortest first."""
    by_size: dict[str, Agreement]
    """Ranking by ``parameters`` and by ``FLOPs`` alone, without any training."""
    ceiling: Agreement | None
    """Full trainings with different seeds against each other: more than this no brief training can reach."""
    noise: float | None
    """Standard deviation of the full training's accuracy between seeds of one network."""
    spread: float | None
    """Standard deviation of the full training's accuracy between networks."""
    chosen: Length | None
    """By the rule above; None without enough trainings."""
    replays: tuple[PrunerReplay, ...]
    """Savings and losses of pruners, by schedule."""

    @property
    def beats_size(self) -> bool:
        """True if the chosen length ranks better than parameters and FLOPs alone."""
        own = None if self.chosen is None else self.chosen.agreement.spearman
        sizes = [found.spearman for found in self.by_size.values() if found.spearman is not None]
        return own is not None and own > max(sizes, default=-1.0)


Scores = dict[int, list[float]]
"""By the network's index: one number per repetition."""


def judge_calibration(calibrated: Calibrated, *, orders: int = ORDERS) -> Judgement:
    """Compare what is there; lengths of which too few trainings are done yet are left out.

    Args:
        calibrated: the trainings.
        orders: of the replays, see `budgetnet.calibrate.pruner_replay.replay_pruner`; 0 leaves them out.
    """
    plan, runs = calibrated.plan, calibrated.runs
    full = _scores(runs, plan.full, plan.repeats, _accuracy)
    seconds = _scores(runs, plan.full, plan.repeats, _seconds)
    mean = {index: [statistics.fmean(values)] * plan.repeats for index, values in full.items()}
    brief: list[Length] = []
    pairs: dict[int, Paired] = {}
    for epochs in plan.brief:
        own = _scores(runs, epochs, plan.repeats, _accuracy)
        common = _common(own, mean)
        if len(common) >= LEAST:
            pairs[epochs] = _paired(own, mean, common)
            times = _scores(runs, epochs, plan.repeats, _seconds)
            brief.append(_length(epochs, epochs, pairs[epochs], times, seconds, common))
    brief = _with_deficits(brief, pairs)
    chosen = _choose(brief)
    looked = {calibrated.study.training.epochs, plan.full} | ({chosen.epochs} if chosen else set())
    schedules = sorted(looked & {*plan.brief, plan.full})
    return Judgement(
        calibrated=calibrated,
        full=full,
        full_seconds=statistics.median(map(statistics.fmean, seconds.values())) if seconds else None,
        brief=tuple(brief),
        checkpoints=tuple(
            length for schedule in schedules for length in _checkpoints(calibrated, schedule, full, mean, seconds)
        ),
        by_size=_by_size(calibrated.networks, mean),
        ceiling=_ceiling(full, plan.repeats),
        noise=_noise(full, plan.repeats),
        spread=statistics.stdev(values[0] for values in mean.values()) if len(mean) > 1 else None,
        chosen=chosen,
        replays=tuple(
            found
            for schedule in (schedules if orders else ())
            for found in replay_all(
                [run for run in runs if run.schedule == schedule and run.repeat == 0],
                {index: values[0] for index, values in mean.items()},
                own=calibrated.study.search.pruner,
                orders=orders,
            )
        ),
    )


def _accuracy(run: CalibrationRun) -> float | None:
    return run.accuracy


def _seconds(run: CalibrationRun) -> float | None:
    return run.seconds


def _scores(
    runs: Sequence[CalibrationRun], schedule: int, repeats: int, value: Callable[[CalibrationRun], float | None]
) -> Scores:
    """One number per repetition of a schedule, of the networks that have all of them."""
    found: dict[int, dict[int, float]] = {}
    for run in runs:
        number = value(run) if run.schedule == schedule else None
        if number is not None:
            found.setdefault(run.index, {})[run.repeat] = number
    return {
        index: [values[repeat] for repeat in range(repeats)]
        for index, values in sorted(found.items())
        if len(values) == repeats
    }


def _common(first: Scores, second: Scores) -> list[int]:
    return [index for index in first if index in second]


def _paired(score: Scores, truth: Scores, networks: Sequence[int]) -> Paired:
    repeats = range(len(score[networks[0]]))
    return [([score[i][r] for i in networks], [truth[i][r] for i in networks]) for r in repeats]


def _length(epochs: int, schedule: int, pairs: Paired, own: Scores, full: Scores, networks: Sequence[int]) -> Length:
    return Length(
        epochs=epochs,
        schedule=schedule,
        agreement=agreement(pairs),
        seconds=statistics.median(statistics.fmean(own[index]) for index in networks),
        share=statistics.median(statistics.fmean(own[index]) / statistics.fmean(full[index]) for index in networks),
    )


def _checkpoints(calibrated: Calibrated, schedule: int, full: Scores, mean: Scores, seconds: Scores) -> list[Length]:
    """The epochs before the last of one schedule; those of the full one against the end of the same training."""
    plan, runs = calibrated.plan, calibrated.runs
    truth = full if schedule == plan.full else mean
    times = _scores(runs, schedule, plan.repeats, _seconds)
    found: list[Length] = []
    for epochs in range(1, schedule):

        def at(run: CalibrationRun, place: int = epochs - 1) -> float | None:
            # A training that broke down before keeps its last accuracy.
            return run.validation_accuracies[: place + 1][-1] if run.validation_accuracies else None

        own = _scores(runs, schedule, plan.repeats, at)
        common = _common(own, truth)
        if len(common) >= LEAST:
            so_far = {index: [value * epochs / schedule for value in values] for index, values in times.items()}
            found.append(_length(epochs, schedule, _paired(own, truth, common), so_far, seconds, common))
    return found


def _by_size(networks: Sequence[CalibratedNetwork], truth: Scores) -> dict[str, Agreement]:
    known = [network for network in networks if network.index in truth]
    if len(known) < LEAST:
        return {}
    accuracies = [truth[network.index][0] for network in known]
    sizes = {"parameters": [n.params for n in known], "FLOPs": [n.flops for n in known]}
    return {name: agreement([([float(value) for value in values], accuracies)]) for name, values in sizes.items()}


def _ceiling(full: Scores, repeats: int) -> Agreement | None:
    if repeats < 2 or len(full) < LEAST:
        return None
    columns = list(zip(*full.values(), strict=True))
    return agreement(list(combinations(columns, 2)))


def _noise(full: Scores, repeats: int) -> float | None:
    """Pooled over networks."""
    if repeats < 2 or not full:
        return None
    return math.sqrt(statistics.fmean(statistics.variance(values) for values in full.values()))


def _with_deficits(lengths: Sequence[Length], pairs: dict[int, Paired]) -> list[Length]:
    """Compare each length with the best one, where they are of the same networks."""
    best = _best(lengths)
    found: list[Length] = []
    for length in lengths:
        behind = None
        if best is not None and length.agreement.n == best.agreement.n:
            behind = deficit(pairs[best.epochs], pairs[length.epochs])
        found.append(length if behind is None else replace(length, deficit=behind[0], deficit_error=behind[1]))
    return found


def _best(lengths: Sequence[Length]) -> Length | None:
    known = [length for length in lengths if length.agreement.spearman is not None]
    return max(known, key=lambda length: (length.agreement.spearman or 0.0, -length.epochs), default=None)


def _choose(lengths: Sequence[Length]) -> Length | None:
    """The cheapest that is no worse than the best, as far as can be told; none if none ranks better than chance."""
    lengths = [length for length in lengths if (length.agreement.spearman or 0.0) > 0]
    for length in sorted(lengths, key=lambda length: length.epochs):
        if length.deficit is not None and length.deficit_error is not None and length.deficit <= length.deficit_error:
            return length
    return _best(lengths)
