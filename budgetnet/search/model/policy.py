"""What a search trains next: a new network briefly, a network in full with its next seed, or nothing more.

The policy knows networks by keys, their features, and what their trainings gave; it knows no space, no storage and no
torch, so a real search and a simulated one run the same code. It keeps nothing that does not follow from the trainings
in their order: a search that goes on decides as if it had never stopped.

    policy = Policy(Plan(brief=3, full=20, epochs=480), matrix)
    while not isinstance(action := policy.next(trainings, offer, rng), Done):
        ...train, append to trainings...
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from budgetnet.search.model.matrix import Floats, Matrix, Scale
from budgetnet.search.model.surrogate import Observation, Posterior, Surrogate, fit_surrogate

__all__ = ["Action", "Done", "Offer", "Plan", "Policy", "TrainBriefly", "TrainInFull", "Training"]


@dataclass(frozen=True, slots=True)
class Training:
    """One training of the study, in the order in which they were started."""

    key: str
    """The network."""
    brief: bool
    accuracy: float | None
    """Validation accuracy at its end, as a fraction; None while it runs, and for ever if it failed or diverged."""
    running: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What may be spent, in epochs."""

    brief: float
    """Price of a brief training."""
    full: float
    """Price of a full one."""
    epochs: float
    """Of all trainings together, finalists included."""
    startup: float = 0.12
    """Share of the epochs for plain draws before the model is asked."""
    plain: float = 0.1
    """Share of plain draws among all proposals after that."""
    final: float = 0.3
    """Share of the epochs, at the end, that only full trainings of known networks get."""


@dataclass(frozen=True, slots=True)
class TrainBriefly:
    """Train a new network briefly."""

    key: str
    why: str


@dataclass(frozen=True, slots=True)
class TrainInFull:
    """Train a network in full on the train split, with its next seed."""

    key: str
    seed: int
    """0 for the network's first full training."""
    why: str


@dataclass(frozen=True, slots=True)
class Done:
    """Everything is spent."""

    winner: str | None
    """The network to export; None if no training gave an accuracy."""
    why: str


Action = TrainBriefly | TrainInFull | Done

Offer = Callable[[Sequence[str]], tuple[Sequence[str], Sequence[str]]]
"""Called with the networks that the model likes best, for mutations; returns keys of networks that fit and are not yet
trained, all of them in the matrix: plain draws, and other candidates. Both may be empty: then the space is exhausted."""


@dataclass
class Policy:
    """See the module."""

    plan: Plan
    matrix: Matrix
    _theta: dict[int, Floats] = field(default_factory=dict, repr=False)
    """Fitted hyperparameters by the number of trainings they were fitted to: a memory that saves time only."""

    def next(self, trainings: Sequence[Training], offer: Offer, rng: np.random.Generator) -> Action:
        """Decide."""
        plan = self.plan
        left = plan.epochs - sum(plan.brief if one.brief else plan.full for one in trainings)
        seen = [Observation(one.key, one.accuracy, one.brief) for one in trainings if one.accuracy is not None]
        if left < min(plan.brief, plan.full):
            return self._done(seen)
        briefs = sum(one.brief for one in trainings)
        fulls = len(trainings) - briefs
        startup = max(4, min(10, round(plan.startup * plan.epochs / plan.brief)))
        if len(seen) < 2 or briefs < startup:
            if briefs == (startup + 1) // 2 and fulls == 0 and left >= plan.full:
                best = max((one for one in seen if one.brief), key=lambda one: one.accuracy)
                return TrainInFull(best.key, 0, "the best brief score so far")
            plain, others = offer([])
            if len(plain) or len(others):
                pool = plain if len(plain) else others
                return TrainBriefly(pool[int(rng.integers(len(pool)))], "a plain draw")
        model = self.model(seen)
        known = list(dict.fromkeys(one.key for one in trainings))
        final = left <= plan.final * plan.epochs + plan.full
        return self._by_model(model, trainings, known, left, final, offer, rng)

    def model(self, seen: Sequence[Observation]) -> Surrogate:
        """Return the model of what was seen; its hyperparameters are those of the last milestone."""
        milestone = _milestone(len(seen))
        keys = list(dict.fromkeys(one.key for one in seen))
        scale = Scale.of(self.matrix.names, self.matrix.take(self._reference(keys)))
        theta = self._theta.get(milestone)
        if theta is None or len(theta) != len(scale.groups) + 6:
            start = self._theta.get(max((m for m in self._theta if m < milestone), default=0))
            theta = fit_surrogate(self.matrix, scale, seen[:milestone], start).kernel.theta
            self._theta[milestone] = theta
        return fit_surrogate(self.matrix, scale, seen, theta, learn=False)

    def _reference(self, keys: Sequence[str]) -> Sequence[str]:
        return self.reference or keys

    reference: tuple[str, ...] = ()

    def _by_model(self, model, trainings, known, left, final, offer, rng) -> Action:  # noqa: ANN001
        plan = self.plan
        runs = {key: 0 for key in known}
        for one in trainings:
            if not one.brief:
                runs[one.key] += 1
        pool: list[str] = []
        if not final:
            plain, others = offer(known[:0])
            if len(plain) and rng.random() < plan.plain and left - plan.full >= plan.brief:
                return TrainBriefly(plain[int(rng.integers(len(plain)))], "a plain draw")
            pool = [*plain, *others]
        keys = [*known, *pool]
        post = model.posterior(keys)
        draw = post.draw(rng)[0]
        star = keys[int(np.argmax(draw))]
        if left < plan.full:
            if pool:
                return TrainBriefly(star if star in pool else pool[int(np.argmax(draw[len(known):]))], "left over")
            return self._done([Observation(o.key, o.accuracy, o.brief) for o in trainings if o.accuracy is not None])
        by_brief, by_full = model.learns([star])
        if star in pool and by_brief[0] / plan.brief > by_full[0] / plan.full:
            return TrainBriefly(star, "drawn")
        return TrainInFull(star, runs.get(star, 0), "drawn")

    def _done(self, seen: Sequence[Observation]) -> Done:
        if not seen:
            return Done(None, "nothing was trained")
        keys = list(dict.fromkeys(one.key for one in seen if not one.brief)) or list(dict.fromkeys(o.key for o in seen))
        mean = self.model(seen).posterior(keys).mean
        return Done(keys[int(np.argmax(mean))], "posterior mean")


def _milestone(count: int) -> int:
    """Return the largest number of observations, not above *count*, at which hyperparameters are fitted."""
    at = 4
    while round(at * 1.25 + 0.5) <= count:
        at = round(at * 1.25 + 0.5)
    return min(at, count)
