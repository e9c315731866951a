"""Studies side by side: the best at equal trials and at equal time, and whether groups of seeds differ."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from statistics import fmean
from typing import Any

from budgetnet.errors import RequestError
from budgetnet.files.settings import settings_of
from budgetnet.records.lookup import Trials
from budgetnet.records.training_run import Score
from budgetnet.records.trial import Record
from budgetnet.report.analysis.progress import Milestone, best_so_far, value_after, working_seconds
from budgetnet.report.frontier import frontier
from budgetnet.report.study import best_trial

__all__ = ["Compared", "Comparison", "Group", "GroupTest", "compare_studies", "require_two"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One of the studies."""

    name: str
    """As the user named it."""
    trials: Trials
    steps: tuple[Milestone, ...]
    seconds: float
    """Time at work, pauses left out."""
    best: Record | None
    """The network that the study has chosen."""
    at_equal_trials: float | None
    """Best validation accuracy after as many trained networks as all studies have."""
    at_equal_time: float | None
    """Best validation accuracy after as much time at work as all studies have had."""

    @property
    def trained(self) -> int:
        """Number of networks trained."""
        return sum(record.trained for record in self.trials.records)

    @property
    def frontier(self) -> tuple[Record, ...]:
        """Networks that no other of the study beats in parameters and accuracy at once."""
        return frontier(self.trials.records)

    @property
    def test(self) -> Score:
        """Test accuracy of the network that was chosen; no run if it was not tested."""
        finalist = None if self.best is None else self.trials.finalist(self.best.number)
        return Score(()) if finalist is None else finalist.score

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that may set it apart from the others, its seed among it."""
        study = self.trials.study
        return {
            "sampler": study.search.sampler,
            "seed": study.search.seed,
            "budget": study.budget_text,
            "pruner": study.search.pruner.kind,
            "epochs": study.training.epochs,
            "training": study.training.to_mapping(),
            "grammar": settings_of(study)["grammar"],
            "dataset": settings_of(study)["dataset"],
            "validation": study.validation,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Studies that differ by their seed alone."""

    words: str
    """Settings that set the group apart from the others."""
    names: tuple[str, ...]
    seeds: tuple[int, ...]
    """Seeds of the studies, each once, ascending."""
    at_equal_trials: Score
    """One accuracy a seed: the mean of its studies, where it has several."""
    at_equal_time: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTest:
    """Two groups of at least two seeds each, at equal trials."""

    first: str
    second: str
    difference: float
    """Mean of the first less that of the second, as a fraction."""
    p_value: float | None
    """Two-sided, by Welch's t test; None where both have no variance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All of it."""

    studies: tuple[Compared, ...]
    equal_trials: int
    equal_seconds: float | None
    """None if the record of a study has no times."""
    differences: tuple[str, ...]
    """Settings that are not the same in all studies."""
    comparable: bool
    """True if images, split and brief training are the same, so that accuracies compare."""
    groups: tuple[Group, ...]
    tests: tuple[GroupTest, ...]


def require_two(studies: Sequence[object]) -> None:
    """Refuse to compare fewer than two studies, which can be said before any of them is opened.

    Raises:
        RequestError: there are fewer.
    """
    if len(studies) < 2:
        raise RequestError(f"a comparison needs at least two studies, but got {len(studies)}; name another study file")


def compare_studies(named: Sequence[tuple[str, Trials]]) -> Comparison:
    """Compare studies by what they had found after equal numbers of trained networks, and after equal time.

    Validation accuracy after brief training is compared, which the searches saw. The split of train and validation
    images follows from a study's seed, so seeds differ by it, too.

    Args:
        named: each with the name by which to show it; at least two.

    Raises:
        RequestError: there are fewer than two, two are one record, or one has trained nothing.
    """
    require_two(named)
    for (one, first), (other, second) in combinations(named, 2):
        if _one_record(first, second):
            raise RequestError(
                f"a comparison needs different records, but {one} and {other} hold the same trials; name each once, or "
                "a run with another seed"
            )
    known = [(name, trials, best_so_far(trials.records)) for name, trials in named]
    for name, _, steps in known:
        if not steps:
            raise RequestError(f"a comparison needs trained networks, but {name} has none; run its search first")
    times = [working_seconds(trials.records) for _, trials, _ in known]
    equal_trials = min(steps[-1].trials for _, _, steps in known)
    equal_seconds = min(times) if all(times) else None
    studies = tuple(
        Compared(
            name=name,
            trials=trials,
            steps=steps,
            seconds=seconds,
            best=best_trial(trials),
            at_equal_trials=value_after(steps, trials=equal_trials)[0],
            at_equal_time=None if equal_seconds is None else value_after(steps, seconds=equal_seconds)[0],
        )
        for (name, trials, steps), seconds in zip(known, times, strict=True)
    )
    settings = [study.settings for study in studies]
    differing = [name for name in settings[0] if any(one[name] != settings[0][name] for one in settings)]
    groups = _groups(studies, settings, differing)
    return Comparison(
        studies=studies,
        equal_trials=equal_trials,
        equal_seconds=equal_seconds,
        differences=tuple(differing),
        comparable=not {"training", "dataset", "validation"} & set(differing),
        groups=groups,
        tests=_tests(groups),
    )


def _one_record(first: Trials, second: Trials) -> bool:
    """Tell whether two names are of one record, or of a copy: every trained trial that both could hold is the same."""
    if first.study.name != second.study.name:
        return False
    kept = [
        [(one.number, one.hash, one.started, one.finished, one.accuracy) for one in trials.records if one.trained]
        for trials in (first, second)
    ]
    both = min(map(len, kept))
    return both > 0 and kept[0][:both] == kept[1][:both]


def _groups(
    studies: Sequence[Compared], settings: Sequence[Mapping[str, Any]], differing: Sequence[str]
) -> tuple[Group, ...]:
    """Group the studies by everything but their seed."""
    members: dict[str, list[int]] = {}
    for place, one in enumerate(settings):
        members.setdefault(repr([one[name] for name in one if name != "seed"]), []).append(place)
    groups = []
    for places in members.values():
        first = settings[places[0]]
        seeds = tuple(sorted({settings[place]["seed"] for place in places}))
        told = [f"{name} {first[name]}" for name in differing if name in ("sampler", "budget", "pruner", "epochs")]
        by_seed = partial(_by_seed, [settings[place]["seed"] for place in places])
        groups.append(
            Group(
                words=", ".join(told) or studies[places[0]].name,
                names=tuple(studies[place].name for place in places),
                seeds=seeds,
                at_equal_trials=by_seed([studies[place].at_equal_trials for place in places]),
                at_equal_time=by_seed([studies[place].at_equal_time for place in places]),
            )
        )
    return tuple(groups)


def _by_seed(seeds: Sequence[int], values: Sequence[float | None]) -> Score:
    """Count a seed once: studies that share it share the split of images, too, so they are no further evidence."""
    found: dict[int, list[float]] = {}
    for seed, value in zip(seeds, values, strict=True):
        if value is not None:
            found.setdefault(seed, []).append(value)
    return Score.of(fmean(found[seed]) for seed in sorted(found))


def _tests(groups: Sequence[Group]) -> tuple[GroupTest, ...]:
    found = []
    for place, first in enumerate(groups):
        for second in groups[place + 1 :]:
            one, other = first.at_equal_trials, second.at_equal_trials
            if one.n < 2 or other.n < 2 or one.mean is None or other.mean is None:
                continue
            found.append(
                GroupTest(
                    first=first.words,
                    second=second.words,
                    difference=one.mean - other.mean,
                    p_value=_welch(one.accuracies, other.accuracies),
                )
            )
    return tuple(found)


def _welch(first: Sequence[float], second: Sequence[float]) -> float | None:
    from scipy.stats import ttest_ind  # half a second of imports

    if len(set(first)) == 1 and len(set(second)) == 1:
        return None
    value = float(ttest_ind(first, second, equal_var=False).pvalue)
    return None if math.isnan(value) else value
