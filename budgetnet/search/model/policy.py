"""The next training of a search: a new network briefly, a network in full with its next seed, or nothing more.

The policy knows networks by keys, their features, and what their trainings gave; it knows no space, no storage and no
torch, so a real search and a simulated one run the same code. What it decides follows from the trainings in their order
(and the generator), so a search that goes on decides as if it had never stopped.

    policy = Policy(Plan(brief=3, full=20, epochs=480), matrix)
    while not isinstance(action := policy.next(trainings, offer, rng), SearchDone):
        ...train, append to trainings...

How it decides. Some plain draws and the largest network on offer are trained briefly; the best of them and the largest
in full. From then on, every training that could come next, of a known network or of one on offer, briefly or in full,
is rated by how much it is expected to raise the accuracy of the network that is chosen in the end, per epoch
(`budgetnet.search.model.gain`), and the best is run. So the next seed goes to a network that can still win, and new
networks are trained in full at once where brief trainings turn out to say little, briefly where they say much.
In the end only known networks are trained, in full. A share of the proposals are plain draws throughout. Where the
model ranks worse than brief accuracies (`budgetnet.search.model.trust`), every other full training of the end goes to
the best brief accuracy that has none, and the mean of the full accuracies, not the posterior, names the winner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from budgetnet.search.model.gain import gain_of_brief, gain_of_full
from budgetnet.search.model.matrix import FeatureScale, FloatMatrix, Matrix
from budgetnet.search.model.surrogate import Observation, Surrogate, fit_surrogate
from budgetnet.search.model.thinning import milestone, thinned
from budgetnet.search.model.trust import judge_model

__all__ = [
    "Action",
    "CandidateOffer",
    "Offered",
    "Plan",
    "Policy",
    "PolicyTraining",
    "SearchDone",
    "TrainBriefly",
    "TrainInFull",
]

LIMIT_KNOWN = 80
"""Known networks that compete: those of highest mean and deviation."""
LIMIT_FRESH = 80
"""The same of networks on offer."""
TIE_BREAK = 1e-9
"""Weight of the mean accuracy where gains are equal."""
HYPERPARAMETERS = 7
"""Parameters of the kernel, besides the groups' relevances."""


@dataclass(frozen=True, slots=True)
class PolicyTraining:
    """One training of the study, in the order in which they were started."""

    key: str
    """The network."""
    brief: bool
    accuracy: float | None = None
    """Validation accuracy at its end, as a fraction; None while it runs, and for good if it failed or diverged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The budget of epochs, and its division."""

    brief: float
    """Price of a brief training."""
    full: float
    """Price of a full one."""
    epochs: float
    """Epochs of all trainings together, finalists included."""
    seeds: int = 10
    """Most full trainings of one network."""
    startup: float = 0.12
    """Share of the epochs for plain draws before the model is asked; at least 4 trainings, at most 10."""
    plain: float = 0.1
    """Share of plain draws among all proposals after that."""
    final: float = 0.1
    """Share of the epochs, at the end, for full trainings of known networks alone."""


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
class SearchDone:
    """Everything is spent."""

    winner: str | None
    """The network to export; None if no training gave an accuracy."""
    why: str
    """By what it was chosen."""


Action = TrainBriefly | TrainInFull | SearchDone


@dataclass(frozen=True, slots=True)
class Offered:
    """Networks that fit the budget and were not trained yet, by key; all of them are in the matrix."""

    plain: Sequence[str]
    """Drawn by the grammar's weights."""
    others: Sequence[str] = ()
    """Drawn uniformly, or mutated from what the model likes."""


CandidateOffer = Callable[[Sequence[str]], Offered]
"""Called with the networks that the model likes best, best first. Nothing offered: the space is exhausted."""


@dataclass
class Policy:
    """Decides; see the module."""

    plan: Plan
    matrix: Matrix
    """Features of every network that is trained or offered."""
    reference: Sequence[str] = ()
    """Networks that features are standardised by, the same throughout a study; none: those trained so far."""
    eligible: Callable[[str], bool] | None = None
    """Tells which known networks compete for the next training, for goals other than accuracy; None: all do."""
    latest: Surrogate | None = None
    """Model that the latest decision rests on; None if the model was not asked."""
    _theta: dict[int, FloatMatrix] = field(default_factory=dict, repr=False)
    """Hyperparameters by the number of trainings they were fitted to: a memory that only saves time."""

    def next(self, trainings: Sequence[PolicyTraining], offer: CandidateOffer, rng: np.random.Generator) -> Action:
        """Return what to train next.

        Args:
            trainings: all that were started so far.
            offer: makes candidates; called at most once.
            rng: the only source of randomness.
        """
        plan = self.plan
        left = plan.epochs - sum(plan.brief if one.brief else plan.full for one in trainings)
        seen = [Observation(one.key, one.accuracy, one.brief) for one in trainings if one.accuracy is not None]
        if left < min(plan.brief, plan.full):
            return self.choose(seen)
        self.latest = None
        first = self._startup(trainings, seen, left, offer, rng)
        return first if first is not None else self._by_model(trainings, seen, left, offer, rng)

    def model(self, seen: Sequence[Observation]) -> Surrogate:
        """Return the model of what was seen (at least one training)."""
        every, seen = seen, thinned(seen)
        keys = list(dict.fromkeys(one.key for one in seen))
        scale = FeatureScale.of(self.matrix.names, self.matrix.take(self.reference or keys))
        fitted = milestone(len(every))
        theta = self._theta.get(fitted)
        if theta is None or len(theta) != len(scale.groups) + len(scale.trends) + HYPERPARAMETERS:
            theta = fit_surrogate(self.matrix, scale, thinned(every[:fitted])).kernel.theta
            self._theta[fitted] = theta
        return fit_surrogate(self.matrix, scale, seen, theta, learn=False)

    def choose(self, seen: Sequence[Observation]) -> SearchDone:
        """Return the winner of what was seen."""
        if not seen:
            return SearchDone(None, "no training gave an accuracy")
        worths, why = self.worths(seen)
        return SearchDone(max(worths, key=lambda key: worths[key]), why)

    def worths(self, seen: Sequence[Observation]) -> tuple[dict[str, float], str]:
        """Return what every network trained in full is worth, and by what it was judged.

        Where nothing was trained in full, it is every network trained briefly. *seen* is at least one training.
        """
        full = list(dict.fromkeys(one.key for one in seen if not one.brief))
        model = self.model(seen)
        if not full:
            keys = list(dict.fromkeys(one.key for one in thinned(seen)))
            return _by_key(keys, model.posterior(keys).mean), "the model's posterior mean; nothing trained in full"
        if judge_model(model, thinned(seen)).holds:
            return _by_key(full, model.posterior(full).mean), "the model's posterior mean of full trainings"
        means = [np.mean([one.accuracy for one in seen if one.key == key and not one.brief]) for key in full]
        why = "the mean accuracy of full trainings; the model ranks worse than brief ones"
        return _by_key(full, np.array(means)), why

    def _startup(
        self,
        trainings: Sequence[PolicyTraining],
        seen: Sequence[Observation],
        left: float,
        offer: CandidateOffer,
        rng: np.random.Generator,
    ) -> Action | None:
        """Return what comes before the model is asked, or None."""
        plan = self.plan
        startup = max(4, min(10, round(plan.startup * plan.epochs / plan.brief)))
        briefs = sum(one.brief for one in trainings)
        in_full = {one.key for one in trainings if not one.brief}
        ranked = sorted((one for one in seen if one.brief), key=lambda one: -one.accuracy)
        if briefs >= (startup + 1) // 2 and not in_full and ranked and left >= plan.full:
            return TrainInFull(ranked[0].key, 0, "the best brief accuracy so far")
        if briefs < startup or not seen:
            offered = offer([])
            if briefs == 0 and (offered.plain or offered.others):
                return TrainBriefly(self._largest([*offered.plain, *offered.others]), "the largest on offer")
            pool = offered.plain or offered.others
            if len(pool):
                return TrainBriefly(pool[int(rng.integers(len(pool)))], "a plain draw")
        if len(in_full) == 1 and left >= plan.full:
            rest = [one.key for one in ranked if one.key not in in_full]
            if rest:
                largest = self._largest([one.key for one in ranked])
                return TrainInFull(largest if largest in rest else rest[0], 0, "shows what brief trainings miss")
        return None if seen else SearchDone(None, "the space is exhausted, and no training gave an accuracy")

    def _by_model(
        self,
        trainings: Sequence[PolicyTraining],
        seen: Sequence[Observation],
        left: float,
        offer: CandidateOffer,
        rng: np.random.Generator,
    ) -> Action:
        """Return what the posterior says."""
        plan = self.plan
        self.latest = model = self.model(seen)
        runs = Counter(one.key for one in trainings if not one.brief)
        names = list(dict.fromkeys(one.key for one in thinned(seen)))
        if self.eligible is not None:
            names = [name for name in names if self.eligible(name)] or names
        known = self._promising(model, names)
        final = left <= plan.final * plan.epochs and left >= plan.full
        pool: list[str] = []
        if not final:
            offered = offer(known[:10])
            if len(offered.plain) and left >= plan.brief and rng.random() < plan.plain:
                return TrainBriefly(offered.plain[int(rng.integers(len(offered.plain)))], "a plain draw")
            pool = [*offered.plain, *offered.others]
        if final and not judge_model(model, thinned(seen)).holds and sum(runs.values()) % 2:
            ranked = sorted((one for one in seen if one.brief), key=lambda one: -one.accuracy)
            best = next((one.key for one in ranked if not runs[one.key]), None)
            if best is not None:
                return TrainInFull(best, 0, "the best brief accuracy; the model ranks worse")
        return self._most_telling(model, known, pool, runs, left) or self.choose(seen)

    def _most_telling(
        self, model: Surrogate, known: list[str], pool: list[str], runs: Counter[str], left: float
    ) -> Action | None:
        """Return the training that is expected to raise the final choice most, per epoch."""
        plan = self.plan
        fresh = list(dict.fromkeys(key for key in pool if key not in set(known)))
        mean, deviation = model.moments(fresh) if fresh else (np.zeros(0), np.zeros(0))
        fresh = [fresh[int(place)] for place in np.argsort(-(mean + 2 * deviation))[:LIMIT_FRESH]]
        keys = [*known, *fresh]
        posterior = model.posterior(keys, fresh)
        fully = np.array([place for place, key in enumerate(keys) if runs[key] < plan.seeds], dtype=np.int64)
        found: list[tuple[float, Action]] = []
        if left >= plan.full and len(fully):
            rates = gain_of_full(posterior, fully, left, plan.full)
            best = int(np.argmax(rates + TIE_BREAK * posterior.mean[fully]))
            key = keys[int(fully[best])]
            found.append((float(rates[best]), TrainInFull(key, runs[key], "can still win")))
        if left >= plan.brief and fresh:
            rates = gain_of_brief(posterior, np.arange(len(fresh)), left, plan.brief, model.noise[0])
            best = int(np.argmax(rates))
            found.append((float(rates[best]), TrainBriefly(fresh[best], "likely to be the best")))
        return max(found, key=lambda one: one[0])[1] if found else None

    def _promising(self, model: Surrogate, known: list[str]) -> list[str]:
        """Return the known networks that may compete, best first."""
        mean, deviation = model.moments(known)
        return [known[int(place)] for place in np.argsort(-(mean + deviation))[:LIMIT_KNOWN]]

    def _largest(self, keys: Sequence[str]) -> str:
        return _best(keys, self.matrix.column("size.params", keys))


def _by_key(keys: Sequence[str], values: FloatMatrix) -> dict[str, float]:
    return dict(zip(keys, map(float, values), strict=True))


def _best(keys: Sequence[str], values: FloatMatrix) -> str:
    return keys[int(np.argmax(values))]
